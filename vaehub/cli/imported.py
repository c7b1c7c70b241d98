"""How ``vaehub lock`` tells what came of an import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli import words
from vaehub.cli.output import Block, Failure
from vaehub.cli.tables import Styled
from vaehub.errors import Drift, EntryNotFound
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.provision.importing.items import Item
    from vaehub.provision.importing.recognise import Pick
    from vaehub.provisioning import ImportResult

_SHOWN = 12
"""Digits of a sha256 that a person gets to see."""


def as_json(done: ImportResult) -> dict[str, Any]:
    """Give what came of an import as it stands in ``--json`` output."""
    found, new = done.gathered, done.draft
    return {
        "manifest_file": str(done.path),
        "manifest_changed": bool(new) and done.lock is not None,
        "manifest_written": done.written,
        "added": [{"name": one.name, "targets": list(one.targets)} for one in new.lines],
        "targets": {name: {"ui": one.ui, "path": one.path} for name, one in new.targets.items()},
        "refused": [{**one.item.as_json(), "why": one.why} for one in new.refused],
        "recognised": [item.as_json() for item in found.recognised],
        "unsure": [item.as_json() for item in found.unsure],
        "unknown": [item.as_json() for item in found.unknown],
    }


def text(done: ImportResult, *, check: bool) -> Iterator[Block]:
    """Tell a person what was recognised, by what, and what became of the manifest."""
    for item in done.gathered.recognised:
        pick = item.verdict.pick
        if pick is not None:
            yield (Styled(_short(pick), "bold"), f": {item.file}, by its {item.verdict.by}")
            yield f"    from {', '.join(item.places)}"
    if done.lock is None:
        return
    new = done.draft
    what = [words.count(len(new.lines), "VAE")] if new.lines else []
    what += [f"the target {name} ({one.path})" for name, one in new.targets.items()]
    if not new and done.gathered.recognised:
        yield f"{done.path} names all of them already"
    elif not new:
        yield f"{done.path} stays as it is: nothing was recognised"
    elif check:
        yield f"{done.path} would get {' and '.join(what)}; nothing was written: --check"
    else:
        verb = "made" if done.created else "added to"
        yield f"{verb} {done.path}: {' and '.join(what)}"


def problems(done: ImportResult, *, strict: bool) -> tuple[Problem, ...]:
    """Give what was not recognised as problems, which block where the user says so."""
    found = done.gathered
    told = [
        *(Problem("refused", one.why, where=_where(one.item)) for one in done.draft.refused),
        *map(_unsure, found.unsure),
        *map(_unknown, found.unknown),
    ]
    return (*found.problems, *(problem._replace(blocking=strict) for problem in told))


def failures(done: ImportResult, *, strict: bool) -> list[Failure]:
    """Say why nothing was made of it at all."""
    found, refused = done.gathered, len(done.draft.refused)
    left = len(found.unsure) + len(found.unknown) + refused
    if strict and left:
        count = left + len(found.recognised) - refused
        message = f"{left} of {count} cannot be taken; nothing was written"
        hint = "`vaehub add NAME` settles what is not sure; without --strict the others are taken"
        return [Failure(EntryNotFound(message, hint=hint))]
    if done.lock is None:
        return [
            Failure(
                EntryNotFound(
                    "nothing can be taken from there, and so there is nothing to lock",
                    hint="`vaehub add NAME` asks for a VAE by its name; `vaehub list` shows all",
                )
            )
        ]
    return []


def drift(done: ImportResult) -> Drift:
    """Say that the manifest lacks something of what was found."""
    return Drift(
        f"{done.path} does not name all that was recognised",
        hint="run it without --check, and commit what it writes",
    )


def _unsure(item: Item) -> Problem:
    names = [_short(pick) for pick in item.verdict.candidates]
    return Problem(
        "not-sure",
        f"{item.file} may be {' or '.join(names)}: {item.verdict.why}",
        where=_where(item),
        hint=f"say which one it is: {', or '.join(f'vaehub add {name}' for name in names[:3])}",
    )


def _unknown(item: Item) -> Problem:
    what = ""
    if item.sha256 is not None and item.size is not None:
        what = f" ({words.size(item.size)}, sha256 {item.sha256[:_SHOWN]}…)"
    alike = [_short(pick) for pick in item.verdict.candidates]
    return Problem(
        "not-recognised",
        f"{item.file}{what}: {item.verdict.why}",
        where=_where(item),
        hint=f"it is like {' and '.join(alike)}, and not the same file" if alike else None,
    )


def _where(item: Item) -> str:
    return item.as_json()["path"] or item.places[0]


def _short(pick: Pick) -> str:
    name = pick.entry.full_name.removeprefix("vaehub/")
    return name if pick.variant == pick.entry.default else f"{name}@{pick.variant.name}"
