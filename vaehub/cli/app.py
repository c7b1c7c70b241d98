"""The table of commands, and the run of one: parse, invoke, print.

A command's module is imported when the command runs, and what prints when there is something to
print: the help of the whole needs nothing but click.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import click

from vaehub import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.cli.call import Outcome

COMMANDS = {
    "list": "List the catalog, one row per VAE.",
    "search": "Find VAEs by name, model or purpose.",
    "info": "Show everything known of a VAE.",
    "install": "Install VAEs into a UI or a folder.",
    "uninstall": "Remove what vaehub installed, and nothing else.",
    "verify": "Check installed files against the catalog.",
    "store": "Look after the store of verified files.",
    "catalog": "Check and format catalog files.",
    "selftest": "Prove that vaehub works on this machine, without a network.",
}
"""Name and summary, in the order of the help; the module ``commands.<name>`` holds ``command``."""

EXIT_CODES = """\
0 done, 1 a bug of ours, 2 usage, 3 catalog wrong, 4 name not found or ambiguous,
5 no source could deliver, 6 integrity, 7 the target, 8 smoke test failed,
9 something installed differs, 130 interrupted."""


class LazyGroup(click.Group):
    """A group that knows its commands' summaries without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command that runs now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"vaehub.cli.commands.{cmd_name}")
        return cast("click.Command", module.command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes and where to start."""
        with formatter.section("Exit codes"):
            formatter.write_text(" ".join(EXIT_CODES.split()))
        with formatter.section("Examples"):
            formatter.write("  vaehub list --family sdxl\n")
            formatter.write("  vaehub install kl-f8-anime2 --to ~/stable-diffusion-webui\n")
            formatter.write("  vaehub COMMAND --help\n")


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="vaehub", message="%(prog)s %(version)s")
def vaehub() -> None:
    """Get, check and manage the VAEs of image and video diffusion models."""


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; never raises.

    Args:
        argv: The arguments; None takes the process's own.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        outcome = _invoke(arguments)
        if isinstance(outcome, int):
            return outcome
        from vaehub.cli import output

        return output.emit(outcome.result, as_json=outcome.as_json, quiet=outcome.quiet)
    except BrokenPipeError:  # the reader of a help text went away
        from vaehub.cli import terminal

        terminal.abandon(sys.stdout)
        terminal.abandon(sys.stderr)
        return 0
    except (Exception, KeyboardInterrupt) as error:
        return _last_resort(error, arguments)


def _invoke(arguments: list[str]) -> Outcome | int:
    try:
        with vaehub.make_context("vaehub", list(arguments), obj=tuple(arguments)) as context:
            outcome: Any = vaehub.invoke(context)
    except click.exceptions.Exit as done:  # --help, --version
        return done.exit_code
    except click.UsageError as error:
        return _misused(error, arguments)
    from vaehub.cli.call import Outcome

    if isinstance(outcome, Outcome):
        return outcome
    raise TypeError(f"a command returned {type(outcome).__name__} and not an Outcome")


def _misused(error: click.UsageError, arguments: list[str]) -> Outcome | int:
    """Say what was wrong with the command line, as click does or as JSON."""
    if not _wants_json(arguments):
        error.show()
        return error.exit_code
    from vaehub.cli.call import Outcome
    from vaehub.cli.output import Result
    from vaehub.model import Problem

    path = error.ctx.command_path.split()[1:] if error.ctx else []
    problem = Problem("usage", error.format_message(), hint=" ".join(["vaehub", *path, "--help"]))
    result = Result(" ".join(path), problems=(problem,), exit_code=error.exit_code)
    return Outcome(result, as_json=True, quiet=False)


def _wants_json(arguments: list[str]) -> bool:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return "--json" in arguments[:end]


def _last_resort(error: BaseException, arguments: list[str]) -> int:
    """Tell of an error outside every command: an import, or a stream that takes nothing."""
    from vaehub.cli import boundary, output, terminal

    command = next((word for word in arguments if not word.startswith("-")), "")
    result = boundary.result_of(error, command, argv=arguments, verbose="-v" in arguments)
    try:
        return output.emit(result, as_json=_wants_json(arguments))
    except OSError:
        terminal.abandon(sys.stdout)
        with suppress(OSError):
            output.emit(result)
        return result.exit_code
