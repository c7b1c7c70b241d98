"""Make the man page from the declarations that make the help.

``python -m vaehub.cli.man > docs/vaehub.1``; a test holds the file to them. Knows roff, as far as
groff and mandoc agree on it, and what a man page tells besides the help: the environment and the
files. Imports every command.
"""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

from vaehub import __version__
from vaehub.cli import table
from vaehub.cli.clicked import ABOUT, EXIT_CODES
from vaehub.cli.declared import SHARED, Argument, Group, Option

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vaehub.cli.declared import Command

EDITION = "2026-11-25"
"""The date in the foot of the page: when its text was last changed by much."""
ENVIRONMENT = (
    ("VAEHUB_TO", "Default for --to."),
    ("VAEHUB_STORE", "The folder of the store."),
    ("VAEHUB_CONFIG", "The configuration file."),
    ("VAEHUB_CATALOG", "Further catalog files, separated as in PATH."),
    ("VAEHUB_LANG", "The language for people, en or zh; --lang comes first."),
    ("VAEHUB_OFFLINE", "1: no request at all; what the store holds still installs."),
    ("VAEHUB_MIRRORS", "Mirrors to try first, each BASE or PREFIX=BASE, separated by blanks."),
    (
        "HF_ENDPOINT, VAEHUB_CIVITAI_ENDPOINT, VAEHUB_LIBLIB_ENDPOINT, "
        "VAEHUB_MODELSCOPE_ENDPOINT, VAEHUB_GITHUB_ENDPOINT",
        "Another address for a host.",
    ),
    (
        "HF_TOKEN, CIVITAI_TOKEN, CIVITAI_API_TOKEN, CIVITAI_API_KEY, LIBLIB_TOKEN, "
        "MODELSCOPE_TOKEN",
        "Tokens; they come before what `vaehub login` keeps.",
    ),
    ("HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE", "As everywhere."),
    ("LANGUAGE, LC_ALL, LC_MESSAGES, LANG", "The language, where nothing else says it."),
    ("NO_COLOR, TERM", "Whether colours and bars are welcome."),
)
FILES = (
    ("~/.config/vaehub/config.toml", "The configuration; see `vaehub config list`."),
    ("~/.cache/vaehub/store/", "The store of verified files; see `vaehub store path`."),
    (
        "~/.local/state/vaehub/",
        "Accepted licenses, findings of smoke tests, and tokens where there is no keyring.",
    ),
    (".vaehub/", "In a folder of models: the receipts of what vaehub placed there."),
)
_SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}


def page() -> str:
    """Give the man page as roff."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield '.\\" Made by `python -m vaehub.cli.man`; change the declarations of the commands.'
    yield f'.TH VAEHUB 1 "{EDITION}" "vaehub {__version__}" "User Commands"'
    yield ".nh"  # a command that is taken apart at the end of a line cannot be copied
    yield ".ad l"
    yield ".SH NAME"
    yield f"vaehub \\- {_text(_lower(ABOUT))}"
    yield ".SH SYNOPSIS"
    yield r"\fBvaehub\fR \fICOMMAND\fR [\fIOPTION\fR]..."
    yield ".SH DESCRIPTION"
    yield from _filled(
        "Every file is pinned by sha256, comes from whichever source answers, is verified before "
        "it appears, and lands where your UI finds it. A file that vaehub did not place is never "
        "overwritten, moved or removed."
    )
    yield ".PP"
    yield from _filled(
        "A name is an id (kl-f8-anime2), an alias (orangemix), a full name "
        "(mine/house-vae), each with an optional variant (clearvae@v2.2), or the name of a file "
        "that the catalog knows."
    )
    yield ".SH COMMANDS"
    for name in table.COMMANDS:
        command = table.load(name)
        for one in command.commands.values() if isinstance(command, Group) else (command,):
            yield from _command(one)
    yield ".SH OPTIONS OF EVERY COMMAND"
    yield from _options(SHARED)
    yield from _tagged([("-h, --help", "Show what the command takes, with examples.")])
    yield ".SH EXIT STATUS"
    codes = (piece.strip(" .").partition(" ") for piece in EXIT_CODES.split(","))
    yield from _tagged((code, f"{meaning[0].upper()}{meaning[1:]}.") for code, _, meaning in codes)
    yield ".SH ENVIRONMENT"
    yield from _tagged(ENVIRONMENT)
    yield ".SH FILES"
    yield from _tagged(FILES)


def _command(command: Command) -> Iterator[str]:
    arguments = [one for one in command.parameters if isinstance(one, Argument)]
    options = [one for one in command.parameters if isinstance(one, Option) and one not in SHARED]
    words = [rf"\fBvaehub {_text(command.name)}\fR"]
    words += [r"[\fIOPTION\fR]..."] if options else []
    words += [rf"\fI{_text(argument.metavar)}\fR" for argument in arguments]
    yield f'.SS "{" ".join(words)}"'
    for number, paragraph in enumerate(
        textwrap.dedent(_first_dedented(command.help)).split("\n\n")
    ):
        if number:
            yield ".PP"
        yield from _filled(paragraph)
    yield from _options(options)
    yield ".PP"
    yield "Examples:"
    yield from _tagged(command.examples)


def _first_dedented(text: str) -> str:
    """Indent the first line of a docstring as the others are."""
    first, *rest = text.strip().splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    return "\n".join([" " * indent + first, *rest])


def _options(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        spellings = ", ".join(rf"\fB{_text(spelling)}\fR" for spelling in option.spellings)
        value = rf" \fI{_text(option.metavar)}\fR" if option.metavar else ""
        yield ".TP"
        yield spellings + value
        yield from _filled(option.help)


def _tagged(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    for tag, meaning in items:
        yield ".TP"
        yield rf"\fB{_text(tag)}\fR"
        yield from _filled(meaning)


def _filled(text: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), 70, break_on_hyphens=False):
        escaped = _text(line)
        # A line that begins so would be a request.
        yield rf"\&{escaped}" if escaped.startswith((".", "\\(aq")) else escaped


def _text(text: str) -> str:
    return "".join(
        _SPECIAL.get(character)
        or (character if character.isascii() else rf"\[u{ord(character):04X}]")
        for character in text
    )


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")


if __name__ == "__main__":
    sys.stdout.write(page())
