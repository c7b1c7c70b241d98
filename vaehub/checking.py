"""Hold installed files against their receipts and the catalog.

Knows what can be wrong with a placed file and what to do about it. Changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from vaehub import observe
from vaehub.errors import Drift
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.catalog import Catalogs
    from vaehub.model import Receipt, Target


class Verified(NamedTuple):
    """What a check found of one placed file."""

    receipt: Receipt
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether the file is what it should be."""
        return not any(problem.blocking for problem in self.problems)


class VerifyResult(NamedTuple):
    """What a check of a target found."""

    target: Target
    files: tuple[Verified, ...]
    problems: tuple[Problem, ...]
    """All problems, those of the files included."""

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not any(problem.blocking for problem in self.problems)

    def raise_if_different(self) -> None:
        """Turn findings into an exception.

        Raises:
            Drift: something differs.
        """
        if not self.ok:
            raise Drift("; ".join(problem.message for problem in self.problems if problem.blocking))


def check(placed: Sequence[Receipt], catalogs: Catalogs, *, deep: bool) -> list[Verified]:
    """Check placed files, in the order of their receipts.

    Args:
        placed: The receipts.
        catalogs: What the files should be by now.
        deep: Hash every file; otherwise only those whose size, mtime or inode changed.
    """
    known: dict[str, set[str | None]] = defaultdict(set)
    for entry in catalogs.entries():
        for variant in entry.variants:
            known[entry.full_name].update(artifact.sha256 for artifact in variant.artifacts)
    answers = observe.are_unchanged(placed, deep=deep)
    return [
        Verified(receipt, _problems(receipt, answer, known.get(receipt.entry)))
        for receipt, answer in zip(placed, answers, strict=True)
    ]


def _problems(
    receipt: Receipt, unchanged: bool | OSError, known: set[str | None] | None
) -> tuple[Problem, ...]:
    """Say what is wrong with a file; ``known`` are the digests that its entry has now."""
    where, name = str(receipt.path), receipt.path.name
    again = f"vaehub install {receipt.entry.partition('/')[2]}@{receipt.variant}"
    if receipt.converted_from is not None:
        again += " --convert safetensors"
    if receipt.checkpoint is not None:
        import shlex

        again += f" --for {shlex.quote(receipt.checkpoint)}"
    if isinstance(unchanged, FileNotFoundError):
        return (Problem("missing", f"{name} is gone", where=where, hint=again),)
    if isinstance(unchanged, OSError):
        return (Problem("unreadable", f"cannot read {name}: {unchanged}", where=where),)
    if not unchanged:
        return (
            Problem(
                "changed",
                f"{name} is not what vaehub placed: expected {receipt.size} bytes "
                f"with sha256 {receipt.sha256}",
                where=where,
                hint=f"if you did not change it, delete it and run: {again}",
            ),
        )
    if not known:
        return (
            Problem(
                "left-catalog",
                f"{receipt.entry} is no longer in any catalog",
                where=where,
                blocking=False,
            ),
        )
    if receipt.origin_sha256 not in known and None not in known:
        return (
            Problem(
                "outdated",
                f"{name} is intact, but the catalog now lists other bytes",
                where=where,
                hint=again,
            ),
        )
    return ()
