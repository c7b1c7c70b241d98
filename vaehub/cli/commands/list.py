"""``vaehub list``: the catalog, one row per VAE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.cli import rows
from vaehub.cli.call import Call, as_command, targets_option
from vaehub.cli.declared import option
from vaehub.cli.output import Result
from vaehub.errors import EntryNotFound
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable


@as_command(
    "list",
    examples=[
        ("vaehub list", "every VAE of the catalogs"),
        ("vaehub list --family sdxl --tag anime", "those for SDXL and its kin, made for anime"),
        ("vaehub list --installed --to ~/ComfyUI", "what vaehub placed in that UI"),
        ("vaehub list --installed --to ~/ComfyUI --to ~/webui", "in any of the two"),
        ("vaehub list --json | jq -r '.results[].id'", "the names, for a script"),
    ],
)
@option(
    "--family",
    metavar="F",
    completes="family",
    help="Only those that speak these latents, e.g. sdxl.",
)
@option("--tag", metavar="T", completes="tag", help="Only those with this tag, e.g. anime.")
@option("--installed", help="Only those that vaehub placed in the target.")
@targets_option
def command(
    call: Call, *, family: str | None, tag: str | None, installed: bool, to: tuple[str, ...]
) -> Result:
    """List the catalog, one row per VAE.

    The columns: its name, which latents it speaks (a checkpoint's family must be the same), which
    models it goes with, the size of the default variant, the license, whether all sources want a
    login, whether it is installed in the target, and the last verdict of a smoke test. With
    --installed also the name under which the target's UI lists it.
    """
    everything = tuple(call.catalogs.entries())
    _require_known("family", family, {entry.family for entry in everything})
    _require_known("tag", tag, {tag for entry in everything for tag in entry.tags})
    here = rows.look_around(call, *to)
    entries = [
        entry
        for entry in call.catalogs.filter(family=family, tag=tag)
        if not installed or here.of(entry)
    ]
    problems = []
    if installed and family is None and tag is None:
        left = here.receipts.keys() - {entry.full_name for entry in everything}
        problems += [_left_catalog(name, here.where) for name in sorted(left)]
    if not entries and not problems:
        what = f"nothing that vaehub placed is in {here.where}" if installed else "no such VAE"
        problems.append(Problem("nothing-listed", what, blocking=False))
    return Result(
        "list",
        results=tuple(rows.entry_json(entry, here) for entry in entries) if call.as_json else (),
        problems=tuple(problems),
        text=lambda: [rows.entry_table(entries, here, listed=installed)] if entries else [],
    )


def _left_catalog(name: str, where: str) -> Problem:
    return Problem(
        "left-catalog",
        f"{name} is installed in {where}, and no longer in any catalog",
        blocking=False,
        hint=f"vaehub uninstall {name} removes it",
    )


def _require_known(what: str, value: str | None, known: Iterable[str]) -> None:
    if value is None or value.casefold() in known:
        return
    raise EntryNotFound(
        f"no VAE in the catalogs has the {what} {value!r}",
        hint=f"there are: {', '.join(sorted(known))}",
    )
