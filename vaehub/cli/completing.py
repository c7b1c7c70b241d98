"""Complete a command line: which words may stand where the cursor is.

The scripts of :mod:`vaehub.cli.commands.completion` ask, each time somebody presses the key, with a
command that no help shows: ``vaehub __complete SHELL WORD...``, the last word being the unfinished
one. The answer is a first line that says what else the shell may offer (``words``, ``files`` or
``folders``), then one candidate a line. It must come at once, and never fails: where there is
trouble, nothing is offered.

Works from the same declarations as the two readers of command lines. Knows what the shells do to
words; where values come from stands in :mod:`vaehub.cli.offered`.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from vaehub.cli import table, terminal
from vaehub.cli import words as words_module
from vaehub.cli.declared import Group, Option
from vaehub.cli.offered import BESIDES, FILES, FOLDERS, VALUES, WORDS, Candidate, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vaehub.cli.declared import Command

COMMAND = "__complete"
_BREAKS = re.compile("[=:@]+")
"""Where bash takes words apart, as far as that happens inside ours."""


class Offer(NamedTuple):
    """What may stand where the cursor is."""

    candidates: tuple[Candidate, ...] = ()
    besides: str = WORDS
    """What the shell itself may add."""


def answer(arguments: Sequence[str]) -> int:
    """Print what may stand where the cursor is; gives the exit code.

    Args:
        arguments: The shell, and the words after ``vaehub`` up to the cursor; between them, for
            bash, the piece of the last word that it replaces.
    """
    with suppress(Exception):
        shell, *words = arguments
        cut = 0
        if shell == "bash":
            piece, *words = words
            words = _whole(words)
            cut = len(words[-1].removesuffix(piece)) if words[-1].endswith(piece) else 0
        offer = complete(words)
        lines = [offer.besides]
        for word, about in offer.candidates:
            if not word.isprintable():  # a receipt that somebody has edited
                continue
            told = " ".join(words_module.clean(about).split()) if shell != "bash" else ""
            lines.append(f"{word[cut:]}\t{told}" if told else word[cut:])
        terminal.write("\n".join(lines) + "\n", to=sys.stdout)
    return 0


def complete(words: Sequence[str]) -> Offer:
    """Say what may stand in the place of the last word.

    Args:
        words: After ``vaehub``, up to the cursor; the last one is unfinished, perhaps empty.
    """
    *before, begun = words or [""]
    if not before:
        return _matching(_first_words(begun), begun)
    if before[0] not in table.COMMANDS:
        return Offer()
    command = table.load(before.pop(0))
    if isinstance(command, Group):
        if not before:
            inner = [Candidate(name, _summary(one)) for name, one in command.commands.items()]
            return _matching([*inner, *_help(begun)], begun)
        if before[0] not in command.commands:
            return Offer()
        command = command.commands[before.pop(0)]
    return _inside(command, before, begun)


def _first_words(begun: str) -> Iterator[Candidate]:
    if begun.startswith("-"):
        yield Candidate("--version", "Show the version and exit.")
    else:
        yield from (Candidate(name, about) for name, about in table.COMMANDS.items())
    yield from _help(begun)


def _inside(command: Command, before: list[str], begun: str) -> Offer:
    """Complete after the words that name a command."""
    options: dict[str, Option] = {}
    arguments = []
    for parameter in command.parameters:
        if isinstance(parameter, Option):
            options.update(dict.fromkeys(parameter.spellings, parameter))
        else:
            arguments.append(parameter)
    said: list[str] = []
    used: set[str] = set()
    to: str | None = None
    waiting: Option | None = None
    only_loose = False
    for word in before:
        if waiting is not None:
            to = word if waiting.name == "to" else to
            waiting = None
        elif only_loose or not word.startswith("-"):
            said.append(word)
        elif word == "--":
            only_loose = True
        else:
            name, split, value = word.partition("=")
            option = options.get(name)
            if option is not None:
                used.add(option.name)
                waiting = option if option.metavar is not None and not split else None
                to = value if split and option.name == "to" else to
    place = Place(begun, tuple(said), to)
    if waiting is not None:
        return _value(waiting.completes, place)
    if begun.startswith("-") and not only_loose:
        name, split, value = begun.partition("=")
        if split and name in options:
            return _value(options[name].completes, place._replace(begun=value), before=f"{name}=")
        return _matching([*_unused(options, used), *_help(begun)], begun)
    argument = arguments[min(len(said), len(arguments) - 1)] if arguments else None
    if argument is None or (len(said) >= len(arguments) and not arguments[-1].many):
        return Offer()
    return _value(argument.completes, place)


def _unused(options: dict[str, Option], used: set[str]) -> Iterator[Candidate]:
    for spelling, option in options.items():
        if spelling.startswith("--") and (option.name not in used or option.default == ()):
            yield Candidate(spelling, _sentence(option.help))


def _help(begun: str) -> list[Candidate]:
    return [Candidate("--help", "Show this message and exit.")] if begun.startswith("-") else []


def _value(kind: str | None, place: Place, *, before: str = "") -> Offer:
    if kind is None:
        return Offer()
    if kind in {"file", "folder"}:
        return Offer(besides=FILES if kind == "file" else FOLDERS)
    found = _matching(VALUES[kind](place), place.begun)
    candidates = tuple(one._replace(word=before + one.word) for one in found.candidates)
    return Offer(candidates, BESIDES.get(kind, WORDS))


def _matching(candidates: Iterable[Candidate], begun: str) -> Offer:
    unique = {one.word: one for one in candidates if one.word.startswith(begun)}
    return Offer(tuple(unique.values()))


def _summary(command: Command) -> str:
    return _sentence(command.help)


def _sentence(text: str) -> str:
    one_line = " ".join(text.split())
    return re.split(r"[;:]\s|\.\s(?=[A-Z])", one_line, maxsplit=1)[0].rstrip(".")


def _whole(words: Sequence[str]) -> list[str]:
    """Put words together again that bash has taken apart at ``=``, ``:`` and ``@``."""
    whole: list[list[str]] = []
    for word in words:
        goes_on = whole and (_BREAKS.fullmatch(word) or _BREAKS.fullmatch(whole[-1][-1]))
        if goes_on and not _is_apart(whole[-1], word):
            whole[-1].append(word)
        else:
            whole.append([word])
    return ["".join(pieces) for pieces in whole] or [""]


def _is_apart(pieces: list[str], word: str) -> bool:
    """Tell a word of its own from the rest of one: only after a blank may it begin with a dash."""
    return word.startswith("-") and bool(_BREAKS.fullmatch(pieces[-1]))
