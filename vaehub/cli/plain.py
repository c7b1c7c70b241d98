"""Read plain command lines: known words, known options in full, each value a word of its own.

That is nearly all of what people type, and to import click takes longer than to do what was asked.
Whatever is not plain (``--to=PATH``, ``-qv``, ``--``, a request for help, a mistake) is left to
click: nothing is refused here and nothing explained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli import table
from vaehub.cli.declared import Argument, Group, Option, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.cli.declared import Command


def read(arguments: Sequence[str]) -> Reading | None:
    """Say what a command line means, as click would; None where that takes click."""
    words = list(arguments)
    if not words or "" in words or words[0] not in table.COMMANDS:
        return None
    command = table.load(words.pop(0))
    if isinstance(command, Group):
        if not words or words[0] not in command.commands:
            return None
        command = command.commands[words.pop(0)]
    options = _options(command, words)
    return None if options is None else Reading(command, options)


def _options(command: Command, words: list[str]) -> dict[str, Any] | None:
    known: dict[str, Option] = {}
    taken: list[Argument] = []
    values: dict[str, Any] = {}
    for parameter in command.parameters:
        if isinstance(parameter, Option):
            known.update(dict.fromkeys(parameter.spellings, parameter))
            values[parameter.name] = parameter.default
        else:
            taken.append(parameter)
    loose = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            loose.append(word)
            continue
        option = known.get(word)
        if option is None or option.by_click is not None:
            return None
        value: str | bool = True if option.metavar is None else next(rest, "-")
        if isinstance(value, str) and value.startswith("-"):
            return None
        values[option.name] = (*values[option.name], value) if option.many else value
    return _placed(values, taken, loose)


def _placed(
    values: dict[str, Any], taken: list[Argument], loose: list[str]
) -> dict[str, Any] | None:
    """Give each argument its word, and the last one the rest where it takes many."""
    for argument in taken:
        if argument.many:
            values[argument.name], loose = tuple(loose), []
            if argument.required and not values[argument.name]:
                return None
        elif loose:
            values[argument.name], *loose = loose
        elif argument.required:
            return None
        else:
            values[argument.name] = None
    return None if loose else values
