"""Give each test a desk of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.desk import Desk
from vaehub.loopback import samples

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld


@pytest.fixture
def desk(world: LoopbackWorld, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path, samples.tree(tmp_path / "webui", "automatic1111"))
