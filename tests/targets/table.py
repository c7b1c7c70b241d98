"""Make ``docs/targets.md`` from what vaehub does.

``python -m tests.targets.table > docs/targets.md`` installs each kind of file into each UI, and
writes down what came of it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.targets.trials import KINDS, Trials
from tests.targets.uis import TREES
from vaehub.loopback import LoopbackWorld
from vaehub.targets import layouts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.targets.trials import Trial

PAGE = Path(__file__).resolve().parents[2] / "docs" / "targets.md"
INTRODUCTION = """# What goes into which UI

Made by the tests, which install each kind of file into each UI and ask a stand-in of that UI's code
what it lists: `python -m tests.targets.table > docs/targets.md`. The rules are data, in
`vaehub/targets/layouts.json`.

- **as it is**: under the name that the catalog gives it.
- **renamed**: the same bytes under a name that this UI lists, and tells from others. The receipt
  knows it: `verify`, `uninstall` and another `install` find the file.
- **converted**: its weights as safetensors, under the tensor names that this UI knows; executes
  nothing, and needs no torch. Where nobody named the variant and the entry has another one that
  fits as it is, that one is taken.
- **variant**: another variant of the entry, where it has one that fits and nobody named this one;
  else it is refused.
- **refused**: with what to do instead; nothing is changed.
"""


def page(trials: Iterable[Trial]) -> str:
    """Write the page."""
    by_ui: dict[str, list[Trial]] = {ui: [] for ui in TREES}
    for trial in trials:
        by_ui[trial.ui].append(trial)
    lines = [INTRODUCTION, *_overview(by_ui)]
    for ui, tried in by_ui.items():
        lines += ["", *_section(ui, tried)]
    return "\n".join(lines) + "\n"


def _overview(by_ui: dict[str, list[Trial]]) -> Iterator[str]:
    titles = [_title(ui) for ui in by_ui]
    yield f"| file | {' | '.join(titles)} |"
    yield "|---" * (len(titles) + 1) + "|"
    for kind, about in KINDS.items():
        cells = (
            next(trial.outcome for trial in tried if trial.kind == kind) for tried in by_ui.values()
        )
        yield f"| {about.title} | {' | '.join(cells)} |"


def _section(ui: str, tried: list[Trial]) -> Iterator[str]:
    rows: dict[tuple[str, str], list[str]] = {}
    for trial in tried:
        rows.setdefault((_deed(trial), _listed(trial)), []).append(KINDS[trial.kind].title)
    yield f"## {_title(ui)}"
    yield ""
    yield "| file | what vaehub does | the UI lists it as |"
    yield "|---|---|---|"
    for (deed, listed), titles in rows.items():
        every = "every kind" if len(titles) == len(tried) else "; ".join(titles)
        yield f"| {every} | {deed} | {listed} |"


def _listed(trial: Trial) -> str:
    steps = trial.result.steps if trial.result is not None else ()
    names = dict.fromkeys(step.listed_as for step in steps if step.listed_as is not None)
    return ", ".join(f"`{name}`" for name in names)


def _deed(trial: Trial) -> str:
    if trial.result is None:
        assert trial.refused is not None
        return f"refused: {_reason(trial, trial.refused.message)}; {trial.refused.hint}"
    if trial.refused is not None:
        return f"another variant, or refused: {_reason(trial, trial.refused.message)}"
    where = ", ".join(
        f"`{step.destination.relative_to(trial.tree).as_posix()}`" for step in trial.result.steps
    )
    reasons = dict.fromkeys(step.because for step in trial.result.steps if step.because)
    if trial.outcome == "converted":
        where += ", converted"
    return "; ".join([where, *(_reason(trial, reason) for reason in reasons)])


def _reason(trial: Trial, message: str) -> str:
    """Say why, without what only this machine knows."""
    bare = message.replace(f"{trial.tree}/", "")
    return bare.partition("would be of no use there: ")[2] or bare


def _title(ui: str) -> str:
    return layouts()[ui].title.removeprefix("a ")


def main() -> None:
    """Print the page."""
    with tempfile.TemporaryDirectory() as folder, LoopbackWorld() as world:
        sys.stdout.write(page(Trials(Path(folder), world).all()))


if __name__ == "__main__":
    main()
