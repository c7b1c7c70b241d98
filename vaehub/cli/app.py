"""One run of the program: read the command line, perform the command, print its result."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from vaehub import __version__, lang
from vaehub.cli import plain, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from vaehub.cli.call import Outcome
    from vaehub.cli.declared import Reading


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; never raises.

    Args:
        argv: The arguments; None takes the process's own.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        lang.ask_for(_language(arguments))
        if arguments == ["--version"]:
            terminal.write(f"vaehub {__version__}\n", to=sys.stdout)
            return 0
        if arguments[:1] == ["__complete"]:
            from vaehub.cli import completing

            return completing.answer(arguments[1:])
        said = plain.read(arguments) or _by_click(arguments)
        if isinstance(said, int):
            return said
        from vaehub.cli import call, output

        outcome = said if isinstance(said, call.Outcome) else call.perform(said, argv=arguments)
        return output.emit(outcome.result, as_json=outcome.as_json, quiet=outcome.quiet)
    except BrokenPipeError:  # the reader of a help text went away
        terminal.abandon(sys.stdout)
        terminal.abandon(sys.stderr)
        return 0
    except (Exception, KeyboardInterrupt) as error:
        return _last_resort(error, arguments)


def _by_click(arguments: list[str]) -> Reading | Outcome | int:
    import click

    from vaehub.cli import clicked

    try:
        return clicked.read(arguments)
    except click.UsageError as error:
        return _misused(error, arguments)


def _misused(error: click.UsageError, arguments: list[str]) -> Outcome | int:
    """Say what was wrong with the command line, as click does or as JSON."""
    if not _wants_json(arguments):
        if lang.is_english():
            error.show()
        else:
            from vaehub.cli import helping

            helping.show(error)
        return error.exit_code
    from vaehub.cli.call import Outcome
    from vaehub.cli.output import Result
    from vaehub.model import Problem

    path = error.ctx.command_path.split()[1:] if error.ctx else []
    problem = Problem("usage", error.format_message(), hint=" ".join(["vaehub", *path, "--help"]))
    result = Result(" ".join(path), problems=(problem,), exit_code=error.exit_code)
    return Outcome(result, as_json=True, quiet=False)


def _language(arguments: list[str]) -> str | None:
    """Give what ``--lang`` says, wherever it stands: also help and mistakes are told in it."""
    asked = None
    words = iter(arguments)
    for word in words:
        if word == "--":
            break
        if word == "--lang":
            asked = next(words, None)
        elif word.startswith("--lang="):
            asked = word.partition("=")[2]
    return asked


def _wants_json(arguments: list[str]) -> bool:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return "--json" in arguments[:end]


def _last_resort(error: BaseException, arguments: list[str]) -> int:
    """Tell of an error outside every command: an import, or a stream that takes nothing."""
    from vaehub.cli import boundary, output

    command = next((word for word in arguments if not word.startswith("-")), "")
    result = boundary.result_of(error, command, argv=arguments, verbose="-v" in arguments)
    try:
        return output.emit(result, as_json=_wants_json(arguments))
    except OSError:
        terminal.abandon(sys.stdout)
        with suppress(OSError):
            output.emit(result)
        return result.exit_code
