"""Several processes want the same large file: it is fetched once, whatever becomes of them."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.desk import LOCATORS, Desk
from tests.weights.files import safetensors
from vaehub.loopback import samples
from vaehub.store import Store
from vaehub.transfer.partial import peek

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024
BIG = safetensors(random.Random(5).randbytes(20 * MIB))
ON_ITS_WAY = 6 * MIB
"""Of all connections together: what is sent, and read by nobody, where pieces are split."""
SCRIPT = """
import sys, vaehub
from pathlib import Path
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
catalog, _ = load_file(Path(sys.argv[1]), cache=Path(sys.argv[2]), foreign=True)
vaehub.install("big", to=sys.argv[3], catalogs=Catalogs((catalog,)))
"""


@pytest.fixture
def begin(desk: Desk) -> Callable[[str], subprocess.Popen[str]]:
    """Give a function that starts a process which installs the file into a folder."""
    entry = samples.entry("big.safetensors", BIG, {"huggingface": LOCATORS["huggingface"]})
    catalog = desk.folder / "catalog.yaml"
    catalog.write_text(samples.catalog("desk", {"big": entry}), encoding="utf-8")
    desk.world.publish("huggingface", LOCATORS["huggingface"], BIG, name="x.safetensors")
    environment = {
        **os.environ,
        **desk.world.environment(),
        "VAEHUB_STORE": str(desk.folder / "store"),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    command = [sys.executable, "-c", SCRIPT, str(catalog), str(desk.folder / "cache")]

    def start(folder: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, str(desk.folder / folder)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def installed(desk: Desk, folder: str) -> bytes:
    return (desk.folder / folder / "big.safetensors").read_bytes()


def succeed(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def wait_until(happened: Callable[[], bool], *processes: subprocess.Popen[str]) -> None:
    while not happened():
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)


def test_two_processes_fetch_it_once(
    desk: Desk, begin: Callable[[str], subprocess.Popen[str]]
) -> None:
    desk.world.faults("huggingface").slow(bytes_per_second=12_000_000)
    both = [begin("one"), begin("two")]
    for process in both:
        succeed(process)
    assert [installed(desk, folder) for folder in ("one", "two")] == [BIG, BIG]
    assert desk.world.bytes_sent("huggingface") <= len(BIG) + ON_ITS_WAY
    assert len(desk.asked_for("huggingface")) > 2, "it came over one connection"


def test_another_goes_on_from_the_bytes_of_one_that_was_killed(
    desk: Desk, begin: Callable[[str], subprocess.Popen[str]]
) -> None:
    """The lock of the dead one holds nobody up, and its bytes are not fetched again."""
    desk.world.faults("huggingface").slow(bytes_per_second=3_000_000)
    partial = Store(desk.folder / "store").partial(hashlib.sha256(BIG).hexdigest())
    first = begin("one")
    wait_until(lambda: (peek(partial) or 0) > 0, first)
    second = begin("two")
    wait_until(lambda: (peek(partial) or 0) > 10 * MIB, first, second)
    asked = len(desk.world.requests)
    first.kill()
    first.communicate()
    desk.world.faults("huggingface").clear()
    succeed(second)
    assert installed(desk, "two") == BIG
    assert not (desk.folder / "one" / "big.safetensors").exists()
    again = sum(seen.sent for seen in desk.world.requests[asked:])
    assert again <= len(BIG) - 10 * MIB + ON_ITS_WAY
