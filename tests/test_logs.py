"""Logging, where somebody has set it up."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

from vaehub import logs

if TYPE_CHECKING:
    import pytest


def test_whoever_asks_for_records_gets_them(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "vaehub.some"):
        logs.debug("vaehub.some", "%s of %d", "one", 2)
    [record] = caplog.records
    assert (record.name, record.getMessage()) == ("vaehub.some", "one of 2")


def test_nobody_imports_it_for_us() -> None:
    code = (
        "import sys\n"
        "from vaehub import logs\n"
        "logs.debug('vaehub', 'x')\n"
        "sys.exit('logging' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
