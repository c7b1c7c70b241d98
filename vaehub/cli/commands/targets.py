"""``vaehub targets``: names for several UIs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import Group, argument, option
from vaehub.cli.output import Result
from vaehub.cli.tables import NOTHING, Column, Table
from vaehub.model import Problem

if TYPE_CHECKING:
    from vaehub.targets.named import Known

_COLUMNS = (
    Column("name", style="bold"),
    Column("UI", least=8),
    Column("path", least=16),
    Column("there"),
    Column("default", style="green"),
)


@as_command(
    "targets list",
    examples=[
        ("vaehub targets list", "the names that --to takes"),
        ("vaehub targets list --json | jq -r '.results[].path'", "their paths, for a script"),
    ],
)
def list_(call: Call) -> Result:
    """List the named targets: which UI each is, where it lies, and whether it is there."""
    from vaehub.targets import named

    found = named.known(call.settings, cwd=Path.cwd())
    notes = [_trouble(one) for one in found if one.trouble is not None]
    if not found:
        hint = "vaehub targets add NAME PATH"
        notes.append(Problem("nothing-listed", "no target has a name yet", None, False, hint))
    return Result(
        "targets list",
        results=tuple(map(_as_json, found)),
        problems=tuple(notes),
        text=lambda: [Table(_COLUMNS, tuple(map(_row, found)))] if found else [],
    )


@as_command(
    "targets add",
    examples=[
        ("vaehub targets add comfy ~/ComfyUI --default", "then: vaehub install sdxl-vae"),
        ("vaehub targets add forge ~/forge", "then: vaehub install sdxl-vae --to forge"),
        ("vaehub targets add lab /srv/vaes --layout folder", "a plain folder, whatever it looks"),
    ],
)
@argument("name", metavar="NAME")
@argument("path", metavar="PATH", completes="folder")
@option(
    "--layout",
    metavar="ID",
    completes="layout",
    help="Which UI it is; without it, what lies there decides.",
)
@option("--default", help="Make it the configured target: where to install if nothing is said.")
def add(call: Call, *, name: str, path: str, layout: str | None, default: bool) -> Result:
    """Give a UI or a folder a name, which --to, VAEHUB_TO and `target` then take.

    The name stands in the configuration file. Nothing at the path is touched.
    """
    from vaehub.targets import named

    one, changed = named.add(
        name, path, layout=layout, default=default, settings=call.settings, cwd=Path.cwd()
    )
    notes = []
    if not one.exists:
        what = f"{one.path} is not there yet; the first install makes it"
        notes.append(Problem("no-folder", what, blocking=False))
    verdict = "is" if changed else "was already"
    by_default = ", the default" if one.is_default else ""
    return Result(
        "targets add",
        results=({**_as_json(one), "changed": changed},),
        problems=tuple(notes),
        text=lambda: [f"{name} {verdict} {one.path} ({_ui(one)}){by_default}"],
        is_report=True,
    )


@as_command(
    "targets remove",
    examples=[("vaehub targets remove lab", "the name goes, and no file does")],
)
@argument("name", metavar="NAME", completes="named target")
def remove(call: Call, *, name: str) -> Result:
    """Forget the name of a target; no file at its path is touched."""
    from vaehub.targets import named

    gone, was_default = named.remove(name, settings=call.settings)
    rest = "; it was the default, and there is none now" if was_default else ""
    return Result(
        "targets remove",
        results=({"name": name, "path": str(gone.path), "was_default": was_default},),
        text=lambda: [f"{name} no longer stands for {gone.path}, which is as it was{rest}"],
        is_report=True,
    )


command = Group(
    "targets",
    "Give UIs and folders names for --to.",
    {"list": list_, "add": add, "remove": remove},
)


def _trouble(one: Known) -> Problem:
    assert one.trouble is not None
    error = one.trouble
    return Problem(error.code, error.message, where=one.name, blocking=False, hint=error.hint)


def _as_json(one: Known) -> dict[str, Any]:
    return {
        "name": one.name,
        "path": str(one.path),
        "layout": one.target.layout if one.target else None,
        "layout_from": "configuration" if one.said else "detected",
        "root": str(one.target.root) if one.target else None,
        "exists": one.exists,
        "default": one.is_default,
    }


def _ui(one: Known) -> str:
    from vaehub.targets.layouts import layouts

    return layouts()[one.target.layout].title if one.target else "?"


def _row(one: Known) -> tuple[str, ...]:
    return (
        one.name,
        _ui(one),
        str(one.path),
        "yes" if one.exists else "no",
        "yes" if one.is_default else NOTHING,
    )
