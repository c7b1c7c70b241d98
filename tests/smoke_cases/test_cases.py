"""What is said of the small trained autoencoders, sound and damaged in every way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")
pytest.importorskip("numpy", reason="numpy is not installed (vaehub[smoke])")

from tests.smoke_cases import shipped, taef2  # noqa: E402  torch comes first
from tests.smoke_cases.case import Case, reasons, tell  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CASES = [*shipped.cases(), *taef2.cases()]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Decode with one thread: of layers this small, sharing out costs more than it saves."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_said_is_true(case: Case, tmp_path: Path) -> None:
    if case.lacking:
        pytest.skip(case.lacking)
    told = tell(case, tmp_path)
    said = (told.report.verdict, reasons(told.report))
    assert told.outcome in {"right", "cannot be told"}, said
    # What was explained away and is told all the same needs no explanation any more.
    assert told.outcome == "cannot be told" or case.codes <= told.codes


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
