"""What vaehub placed in a folder: receipts, whether they still hold, and what killed runs left.

The judgement on a placed file is that of ``vaehub verify`` (:mod:`vaehub.checking`); here each
problem gets its command.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vaehub import checking, intents, receipts, staging
from vaehub.doctor import findings, mending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.model import Problem, Receipt, Target

_PARTIAL = re.compile(r"[0-9a-f]{64}\.part")


class Ours(NamedTuple):
    """What the receipts of some folders say."""

    receipts: Mapping[Path, Receipt]
    intact: frozenset[Path]
    """Files whose bytes are still those of their receipts."""
    problems: tuple[Problem, ...]


def look(folders: Iterable[Path], *, target: Target, catalogs: Catalogs, store: Path) -> Ours:
    """Look at the receipts in some folders.

    Args:
        folders: Those in which files of the target lie.
        target: For the commands.
        catalogs: What the placed files should be by now.
        store: Our store, which knows what a killed run was about to place.
    """
    here = sorted(set(folders))
    scans = [receipts.scan(folder) for folder in here]
    placed = [receipt for scan in scans for receipt in scan.receipts]
    problems = [
        findings.problem(
            one.code, one.message, where=one.where, hint=mending.remove(one.where or "")
        )
        for scan in scans
        for one in scan.problems
    ]
    intact = set()
    for checked in checking.check(placed, catalogs, deep=False):
        codes = {one.code for one in checked.problems}
        if not codes & {"missing", "changed", "unreadable"}:
            intact.add(checked.receipt.path)
        problems += [_with_command(one, checked.receipt, target) for one in checked.problems]
    for folder in here:
        problems += _left_behind(folder / staging.FOLDER)
    problems += [
        findings.problem(
            "receipt-owed",
            f"{receipt.path.name} was placed by a run that was killed before it wrote the receipt",
            where=receipt.path,
            hint=mending.install(f"{receipt.entry}@{receipt.variant}", target),
        )
        for receipt in intents.owed(store)
        if receipt.path.parent in here
    ]
    return Ours({one.path: one for one in placed}, frozenset(intact), tuple(problems))


def _with_command(one: Problem, receipt: Receipt, target: Target) -> Problem:
    again = mending.install(f"{receipt.entry}@{receipt.variant}", target)
    hints = {
        "missing": again,
        "outdated": again,
        "changed": f"if you did not change it: {mending.instead(receipt.path, again)}",
    }
    return findings.problem(one.code, one.message, where=one.where, hint=hints.get(one.code))


def _left_behind(folder: Path) -> Iterator[Problem]:
    for path in staging.leftovers(folder):
        message = "a run that was killed left this file, which nobody needs"
        yield findings.problem("leftover", message, where=path, hint=mending.remove(path))
    try:
        there = sorted(folder.iterdir())
    except OSError:
        return
    for path in there:
        if path.name.endswith(staging.SET_ASIDE):
            message = "a damaged file that a sync has replaced, and kept for you to look at"
            yield findings.problem("set-aside", message, where=path, hint=mending.remove(path))
    for path in filter(lambda path: _PARTIAL.fullmatch(path.name), there):
        yield findings.problem(
            "unfinished-install",
            "the bytes of an install that did not end, or goes on just now",
            where=path,
            hint="run that install again: it goes on from these bytes",
        )
