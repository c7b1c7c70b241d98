"""Read command lines with click: whatever is not plain, the help, and what was wrong.

Knows how the declarations become click's own. Runs no command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from vaehub import __version__, lang, values
from vaehub.cli import table
from vaehub.cli.declared import SHARED, Argument, Command, Group, Option, Reading
from vaehub.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

ABOUT = "Get, check and manage the VAEs of image and video diffusion models."
EXIT_CODES = """\
0 done, 1 a bug of ours, 2 usage, 3 catalog wrong, 4 name not found or ambiguous,
5 no source could deliver, 6 integrity, 7 the target, 8 smoke test failed,
9 something installed differs, 130 interrupted."""
_CONTEXT = {"help_option_names": ["-h", "--help"]}


def read(arguments: Sequence[str]) -> Reading | int:
    """Say what a command line means; 0 where it asked for a text, which has been printed.

    Raises:
        click.UsageError: it means nothing.
    """
    try:
        with _vaehub.make_context("vaehub", list(arguments)) as context:
            return cast("Reading", _vaehub.invoke(context))
    except click.exceptions.Exit as done:  # --help, --version
        return done.exit_code


def command_of(declared: Command | Group) -> click.Command:
    """Make a click command of a declared one."""
    if isinstance(declared, Group):
        commands = {name: command_of(command) for name, command in declared.commands.items()}
        return _Group(
            declared.name,
            help=declared.help,
            commands=commands,
            params=[_language_option()],
            context_settings=_CONTEXT,
        )
    return _Command(declared)


class _Context(click.Context):
    """A context whose help is in the person's language."""

    def make_formatter(self) -> click.HelpFormatter:
        """Give what the help is written with."""
        if lang.is_english():
            return super().make_formatter()
        from vaehub.cli.helping import Formatter

        return Formatter(width=self.terminal_width, max_width=self.max_content_width)


class _Group(click.Group):
    """Commands under one word."""

    context_class = _Context

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, which click would cut short before anybody could translate it."""
        if lang.is_english():
            super().format_commands(ctx, formatter)
            return
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, (command.help or "").partition("\n\n")[0])
                    for name, command in sorted(self.commands.items())
                ]
            )


class _Command(click.Command):
    """A click command whose help ends in examples, and which gives back what was asked for."""

    context_class = _Context

    def __init__(self, declared: Command) -> None:
        super().__init__(
            declared.name.split()[-1],
            callback=lambda **options: Reading(declared, options),
            params=[_parameter(parameter) for parameter in declared.parameters],
            help=declared.help,
            short_help=declared.help.partition("\n")[0],  # click would cut it in the middle
            context_settings=_CONTEXT,
        )
        self.examples = declared.examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse ``--to --json``: a forgotten value must not swallow the next option."""
        rest = super().parse_args(ctx, args)
        options = {word for parameter in self.params for word in parameter.opts}
        for parameter in self.params:
            if not isinstance(parameter, click.Option):
                continue
            value = ctx.params.get(parameter.name)
            if any(word in options for word in (value if isinstance(value, tuple) else (value,))):
                raise click.BadOptionUsage(
                    parameter.opts[0], f"Option {parameter.opts[0]!r} requires an argument.", ctx
                )
        return rest

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, never re-wrapped: people copy them."""
        with formatter.section("Examples"):
            for line, meaning in self.examples:
                formatter.write(f"  {line}\n      {lang.tell(meaning)}\n")


class _LazyGroup(click.Group):
    """A group that knows its commands' summaries without importing them."""

    context_class = _Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the table's order."""
        return list(table.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command that is asked for."""
        return command_of(table.load(cmd_name)) if cmd_name in table.COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        if args[0] not in table.COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(args[0], table.COMMANDS, n=1)
            if close:
                ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(table.COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes and where to start."""
        with formatter.section("Exit codes"):
            formatter.write_text(" ".join(EXIT_CODES.split()))
        with formatter.section("Examples"):
            formatter.write("  vaehub list --family sdxl\n")
            formatter.write("  vaehub install kl-f8-anime2 --to ~/stable-diffusion-webui\n")
            formatter.write("  vaehub COMMAND --help\n")


def _language_option() -> click.Option:
    """Give ``--lang`` as it stands before the name of a command, where it serves the help."""
    return click.Option(
        ["--lang"],
        metavar="LANG",
        expose_value=False,
        callback=_known_language,
        help=next(one.help for one in SHARED if isinstance(one, Option) and one.name == "lang"),
    )


def _known_language(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    try:
        values.language(value, "--lang")
    except UsageError as error:
        raise click.BadParameter(error.message, ctx, param) from None


@click.group(cls=_LazyGroup, help=ABOUT, context_settings={**_CONTEXT, "max_content_width": 100})
@click.version_option(__version__, prog_name="vaehub", message="%(prog)s %(version)s")
def _vaehub() -> None:
    """Stand for the program; what it does is in the group around it."""


_vaehub.params.insert(0, _language_option())


def _parameter(declared: Option | Argument) -> click.Parameter:
    if isinstance(declared, Argument):
        return click.Argument(
            [declared.name],
            metavar=declared.metavar,
            nargs=-1 if declared.many else 1,
            required=declared.required,
        )
    shape: dict[str, Any] = (
        {"is_flag": True}
        if declared.metavar is None
        else {"metavar": declared.metavar, "default": declared.default}
    )
    if declared.many:
        shape["multiple"] = True
    if declared.by_click is not None:
        shape.update(declared.by_click())
    return click.Option([*declared.spellings, declared.name], help=declared.help, **shape)
