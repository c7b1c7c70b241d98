"""Mend what can be mended without a loss, among what vaehub placed, and nothing of the user's.

Knows which problems those are, and how each is mended; who is asked before is the caller's affair.
What stands on the disk is looked at again before it is touched: the question may have waited long.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import durable, intents, observe, receipts, staging
from vaehub.errors import FileInTheWay, TargetNotUsable, VaehubError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vaehub.doctor.facts import Examined
    from vaehub.model import Problem, Receipt

    Install = Callable[[str], object]
    """Installs a name into the target that is mended."""


class Fix(NamedTuple):
    """One thing that can be done about one problem."""

    code: str
    """Of the problem."""
    where: str
    what: str
    """What would be done, as the end of a question: ``write its receipt``."""
    do: Callable[[], None]


class Fixed(NamedTuple):
    """What came of a fix."""

    code: str
    where: str
    what: str
    error: VaehubError | None = None
    """Why it was not done; None where it was."""


def fixes(examined: Examined, *, store: Path, install: Install) -> Iterator[Fix]:
    """Give what can be done about the problems of a target, in their order.

    Args:
        examined: What was found.
        store: Our store.
        install: Installs a name, such as ``mine/house@safetensors``, into that target.
    """
    placed = {str(receipt.path): receipt for receipt in examined.placed}
    intact = {
        str(seen.path): seen.receipt
        for seen in examined.files
        if seen.receipt is not None and seen.sha256 == seen.receipt.sha256
    }
    twins = {str(seen.path): str(seen.same_as) for seen in examined.files if seen.could_be_one}
    for found in examined.problems:
        where = found.where or ""
        receipt, unchanged = placed.get(where), intact.get(where)
        fix = None
        if found.code == "receipt-owed":
            fix = _fix(found, "write its receipt", _finisher(store, Path(where)))
        elif found.code == "leftover":
            fix = _fix(found, "remove it", _sweeper(Path(where).parent))
        elif found.code in {"missing", "outdated"} and receipt is not None:
            name = f"{receipt.entry}@{receipt.variant}"
            fix = _fix(found, f"install {name} again", _installer(install, name))
        elif found.code == "not-listed" and unchanged is not None:
            what = "install it under a name that the UI lists, and remove this one"
            fix = _fix(found, what, _renamer(install, unchanged))
        elif found.code == "duplicate" and unchanged is not None:
            kept = intact.get(twins.get(where, ""))
            # Who put a link in the place of a file of ours has made it his own.
            if kept is not None and not (kept.path.is_symlink() or unchanged.path.is_symlink()):
                what = f"make it a hard link to {kept.path}"
                fix = _fix(found, what, _sharer(kept, unchanged))
        if fix is not None:
            yield fix


def carry_out(fix: Fix) -> Fixed:
    """Do it, and say what came of it."""
    done = Fixed(fix.code, fix.where, fix.what)
    try:
        fix.do()
    except VaehubError as error:
        return done._replace(error=error)
    except OSError as error:
        reason = error.strerror or str(error)
        return done._replace(error=TargetNotUsable(f"cannot mend {fix.where}: {reason}"))
    return done


def _fix(problem: Problem, what: str, do: Callable[[], None]) -> Fix:
    return Fix(problem.code, problem.where or "", what, do)


def _finisher(store: Path, path: Path) -> Callable[[], None]:
    return lambda: intents.finish(store, path)


def _sweeper(folder: Path) -> Callable[[], None]:
    return lambda: staging.sweep(folder)


def _installer(install: Install, name: str) -> Callable[[], None]:
    def do() -> None:
        install(name)

    return do


def _renamer(install: Install, receipt: Receipt) -> Callable[[], None]:
    """Install again, which chooses a name that is listed, and then remove the old one."""

    def do() -> None:
        install(f"{receipt.entry}@{receipt.variant}")
        # Only what is still ours, byte for byte, and if the new file is not this very one.
        if receipts.find(receipt.path) == receipt and observe.is_unchanged(receipt, deep=True):
            receipts.unplace(receipt)

    return do


def _sharer(kept: Receipt, other: Receipt) -> Callable[[], None]:
    """Make two files of ours with the same bytes one file with two names."""

    def do() -> None:
        for receipt in (kept, other):
            if receipts.find(receipt.path) != receipt or not observe.is_unchanged(
                receipt, deep=True
            ):
                raise FileInTheWay(
                    f"{receipt.path} was changed meanwhile", hint="run vaehub doctor again"
                )
        staged = receipts.folder_of(other.path) / staging.new_name()
        os.link(kept.path, staged, follow_symlinks=False)
        try:
            staged.replace(other.path)
        finally:
            staged.unlink(missing_ok=True)
        durable.sync_folder(other.path.parent)
        # A kill before this line leaves a receipt whose file is only hashed at the next look.
        receipts.write(receipts.with_stat(other._replace(method="hardlink"), other.path.stat()))

    return do
