from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import vaehub
from vaehub import selftest
from vaehub.errors import VaehubError
from vaehub.loopback import LoopbackWorld
from vaehub.selftest import bench as bench_module
from vaehub.selftest.checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(vaehub.__file__).parents[1]
_RUN = """
import json
from dataclasses import asdict
from vaehub.selftest import run
print(json.dumps([asdict(check) for check in run()]))
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[bench_module.Bench]:
    with LoopbackWorld() as world:
        yield bench_module.Bench(tmp_path, world)


def test_everything_passes_whatever_the_users_environment(tmp_path: Path, home: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = sorted(home.rglob("*"))
    hostile = {
        "TMPDIR": str(temporary),
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
        "HF_HUB_OFFLINE": "1",
        "VAEHUB_OFFLINE": "1",
        "VAEHUB_TO": "/nonexistent",
        "VAEHUB_CONFIG": "/nonexistent",
        "VAEHUB_MIRRORS": "http://127.0.0.1:9",
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_TOKEN": "the-users-own",
        "CIVITAI_TOKEN": "the-users-own",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", _RUN],
        env={**os.environ, "PYTHONPATH": str(ROOT)} | hostile,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    checks = json.loads(done.stdout)
    assert [check for check in checks if not check["passed"]] == []
    assert [check["name"] for check in checks] == list(CHECKS)
    assert list(temporary.iterdir()) == []
    assert sorted(home.rglob("*")) == before


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    before = dict(os.environ)
    selftest.run()
    assert dict(os.environ) == before


def test_a_machine_without_a_temporary_folder_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    [check] = selftest.run()
    assert not check.passed
    assert "/nonexistent" in check.detail


def test_a_check_that_cannot_be_true_fails_in_words(bench: bench_module.Bench) -> None:
    """Break the world under a check: it must notice."""
    bench.world.faults("huggingface").wrong_bytes()
    with pytest.raises(VaehubError):
        CHECKS["install from Hugging Face"](bench)


def test_a_machine_that_computes_wrongly_is_noticed(
    bench: bench_module.Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    functional = pytest.importorskip("torch.nn.functional")
    convolve = functional.conv2d
    monkeypatch.setattr(functional, "conv2d", lambda *args, **kw: convolve(*args, **kw) * 1.02)
    with pytest.raises(bench_module.Failed, match="the verdict on vaehub's own"):
        CHECKS["an installed VAE decodes"](bench)


def test_a_leaked_token_is_noticed(bench: bench_module.Bench) -> None:
    # To somebody who holds Civitai's token for ModelScope's, each request with it is a leak.
    bench.world.tokens["modelscope"] = bench.world.tokens["civitai"]
    with pytest.raises(bench_module.Failed, match="civitai api"):
        CHECKS["tokens go to their own host only"](bench)


def test_a_failure_becomes_a_failed_check(bench: bench_module.Bench) -> None:
    def fails(bench: bench_module.Bench) -> str:
        raise bench_module.Failed("expected this, got that")

    def crashes(bench: bench_module.Bench) -> str:
        raise ZeroDivisionError("no")

    failed = selftest._checked("it fails", fails, bench)
    crashed = selftest._checked("it crashes", crashes, bench)
    assert (failed.passed, failed.detail) == (False, "expected this, got that")
    assert (crashed.passed, crashed.detail) == (False, "ZeroDivisionError: no")
