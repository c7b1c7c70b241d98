"""``vaehub config``: read and change the configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import Group, argument
from vaehub.cli.output import Block, Result
from vaehub.cli.tables import NOTHING, Column, Table
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.configuring import Changed, Setting
    from vaehub.settings import Settings

_COLUMNS = (
    Column("key", style="bold"),
    Column("value", least=24),
    Column("from", least=8),
)


@as_command(
    "config list",
    examples=[
        ("vaehub config list", "each key, its value, and who says so"),
        ("vaehub config list --json", "the same for a script"),
    ],
)
def list_(call: Call) -> Result:
    """List what is configured, and where each value comes from.

    A variable of the environment comes before the file, and the file before the default. Of a token
    only that it is set is shown, and who holds it.
    """
    from vaehub import configuring

    settings = call.settings
    found = configuring.in_force(settings)
    return Result(
        "config list",
        results=tuple(map(_as_json, found)),
        text=lambda: _text(found, settings),
    )


@as_command(
    "config get",
    examples=[
        ("vaehub config get store", "one value alone, for a script"),
        ("vaehub config get targets.comfy", "where a named target lies"),
    ],
)
@argument("key", metavar="KEY", completes="any config key")
def get(call: Call, *, key: str) -> Result:
    """Print the value of a key as it is in force.

    Several values are printed one a line; nothing is printed where there is none.
    """
    from vaehub import configuring

    setting = configuring.find(key, call.settings)
    notes = []
    if setting.value is None or setting.value == []:
        notes.append(Problem("not-set", f"{key} is not set", blocking=False))
    return Result(
        "config get",
        results=(_as_json(setting),),
        problems=tuple(notes),
        text=lambda: _lines(setting),
    )


@as_command(
    "config set",
    examples=[
        ("vaehub config set target ~/ComfyUI", "the default for --to"),
        ("vaehub config set limit_rate 5MB", "of the line, for all downloads of a run"),
        ("vaehub config set endpoints.huggingface https://hf-mirror.com", "another address"),
    ],
)
@argument("key", metavar="KEY", completes="config key")
@argument("value", metavar="VALUE", completes="config value")
def set_(call: Call, *, key: str, value: str) -> Result:
    """Give a key a value, in the configuration file.

    The value is checked first. Comments, order and everything else in the file stay as they are.
    """
    from vaehub import configuring

    return _reported("config set", configuring.assign(key, value, cwd=Path.cwd()))


@as_command(
    "config unset",
    examples=[("vaehub config unset limit_rate", "back to the default")],
)
@argument("key", metavar="KEY", completes="config key")
def unset(call: Call, *, key: str) -> Result:
    """Take a key out of the configuration file; its default holds again."""
    from vaehub import configuring

    return _reported("config unset", configuring.remove(key))


command = Group(
    "config",
    "Read and change the configuration file.",
    {"list": list_, "get": get, "set": set_, "unset": unset},
)


def _reported(name: str, done: Changed) -> Result:
    notes = []
    if done.before_it is not None:
        what = f"{done.before_it} is set, and comes before what the file says of {done.key}"
        notes.append(Problem("overruled", what, blocking=False, hint=f"unset {done.before_it}"))
    return Result(
        name,
        results=(
            {
                "key": done.key,
                "value": done.value,
                "changed": done.changed,
                "file": str(done.file),
            },
        ),
        problems=tuple(notes),
        text=lambda: _done(done),
        is_report=True,
    )


def _done(done: Changed) -> Iterator[Block]:
    if done.value is None:
        yield (
            f"{done.key} is taken out of {done.file}"
            if done.changed
            else f"{done.key} is not in {done.file}"
        )
    else:
        stands = "stands" if done.changed else "stood already"
        yield f"{done.key} = {_shown(done.value)} {stands} in {done.file}"


def _as_json(setting: Setting) -> dict[str, Any]:
    return {
        "key": setting.key,
        "value": setting.value,
        "origin": setting.origin,
        "where": setting.where,
    }


def _lines(setting: Setting) -> list[str]:
    if setting.value is None:
        return []
    return setting.value if isinstance(setting.value, list) else [_shown(setting.value)]


def _text(found: list[Setting], settings: Settings) -> Iterator[Block]:
    rows = tuple(
        (
            setting.key,
            ", ".join(_lines(setting)) or NOTHING,
            _who(setting),
        )
        for setting in found
    )
    yield Table(_COLUMNS, rows)
    there = "" if settings.config_file.exists() else " (not there yet)"
    yield ""
    yield f"the file: {settings.config_file}{there}"


def _who(setting: Setting) -> str:
    """Say who says so; nobody, where there is no value."""
    if setting.value in (None, []):
        return NOTHING
    return (setting.where or NOTHING) if setting.origin == "environment" else setting.origin


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
