"""Fixtures of the transfer tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transfer.bench import Bench
from tests.transfer.helping import Sleeper
from tests.transfer.origins import make_small

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let several connections fetch a file of some hundred KB as they do one of some hundred MB."""
    make_small(monkeypatch)
    return monkeypatch
