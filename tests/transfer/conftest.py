"""Fixtures of the transfer tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transfer.bench import Bench
from tests.transfer.helping import Sleeper

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()
