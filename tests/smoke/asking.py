"""Ask for smoke tests in few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vaehub.smoke import testing
from vaehub.smoke.testing import Options, Subject

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.smoke.report import SmokeReport

needs_torch = pytest.mark.skipif(
    bool(testing.missing()), reason="torch is not installed (vaehub[smoke])"
)
QUICK = Options(device="cpu", dtypes=("fp32",))


def subject(*paths: Path, entry: Any = None, **known: Any) -> Subject:
    """Make one VAE of files."""
    return Subject(paths[0].name, tuple((path, path.name) for path in paths), entry, **known)


def outcome(*paths: Path, options: Options = QUICK, **known: Any) -> SmokeReport:
    """Test one VAE."""
    return testing.test(subject(*paths, **known), options)


def codes(report: SmokeReport) -> list[str]:
    """Give what is said of the file."""
    return [reason.code for reason in report.reasons]


def said(report: SmokeReport) -> list[tuple[str, str, list[str]]]:
    """Give precision, verdict and reasons of each decode."""
    return [(one.dtype, one.verdict, [r.code for r in one.reasons]) for one in report.decoded]
