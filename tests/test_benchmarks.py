"""The benchmarks' own parts: statistics, and servers that send what they say."""

from __future__ import annotations

import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from benchmarks.measure import Command, Paired, Run, paired, run
from benchmarks.servers import Paced

if TYPE_CHECKING:
    from pathlib import Path


def test_a_ratio_is_of_medians_with_the_extremes_of_the_pairs() -> None:
    ours = [Run(wall, 1.0, 10) for wall in (1.0, 2.0, 9.0)]
    theirs = [Run(wall, 2.0, 10) for wall in (2.0, 4.0, 3.0)]
    both = Paired(ours, theirs)
    assert both.ratio(lambda one: one.wall) == (2.0 / 3.0, 0.5, 3.0)
    assert both.ratio(lambda one: one.cpu) == (0.5, 0.5, 0.5)


def test_a_run_is_cleared_for_and_measured(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.write_text("from the run before")
    code = (
        f"import pathlib; assert not pathlib.Path({str(left)!r}).exists(); x = bytearray(30 << 20)"
    )
    command = Command("python", [sys.executable, "-c", code], {}, (left,))
    one = run(command)
    assert one.peak > 30 << 20
    assert 0 < one.wall < 60
    both = paired(command, command, runs=2)
    assert (len(both.ours), len(both.theirs)) == (2, 2)


def test_a_command_that_fails_gives_no_figures() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        run(Command("python", [sys.executable, "-c", "raise SystemExit(3)"], {}))


def test_the_paced_server_serves_ranges_and_counts(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(256)) * 10)
    with Paced(tmp_path, bytes_per_second=50_000_000) as server:
        request = urllib.request.Request(f"{server.base}/file", headers={"Range": "bytes=10-19"})
        with urllib.request.urlopen(request) as response:
            assert response.status == 206
            assert response.headers["Content-Range"] == "bytes 10-19/2560"
            assert response.read() == bytes(range(10, 20))
        with urllib.request.urlopen(f"{server.base}/file") as response:
            assert len(response.read()) == 2560
    assert server.sent == 2570
