"""What every command shares: the options, the settings and catalogs of one run, its listener.

A command is a function from a :class:`Call` and its own options to a
:class:`~vaehub.cli.output.Result`. This module turns it into a click command.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from vaehub.cli import boundary, terminal
from vaehub.cli.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.cli.output import Result
    from vaehub.model import Problem
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener

Example = tuple[str, str]
"""A command line and what it does."""


class Call:
    """One run of a command."""

    def __init__(self, *, as_json: bool, quiet: bool, verbose: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose
        self.notes: list[Problem] = []
        """What a listener noted while nobody looked; becomes advisory problems."""

    @cached_property
    def settings(self) -> Settings:
        """The user's environment and configuration."""
        from vaehub.settings import load

        return load()

    @cached_property
    def catalogs(self) -> Catalogs:
        """The bundled catalog and the user's own; what is odd in those becomes notes."""
        from vaehub.catalog import load_catalogs

        catalogs = load_catalogs(self.settings)
        self.notes += catalogs.problems
        return catalogs

    @property
    def can_ask(self) -> bool:
        """Whether a person is there to answer."""
        return not self.as_json and terminal.can_ask()

    @contextmanager
    def progress(self) -> Iterator[Listener]:
        """Show progress as the user wants it and the stream allows."""
        from vaehub.cli.progress import Collected, choose

        with choose(silent=self.as_json or self.quiet) as listener:
            yield listener
        if isinstance(listener, Collected):
            self.notes += listener.notes


class Outcome(NamedTuple):
    """A result and how the user wants it printed."""

    result: Result
    as_json: bool
    quiet: bool


class Command(click.Command):
    """A click command whose help ends in examples."""

    def __init__(self, *args: Any, examples: Sequence[Example] = (), **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse ``--to --json``: a forgotten value must not swallow the next option."""
        rest = super().parse_args(ctx, args)
        options = {word for parameter in self.params for word in parameter.opts}
        for parameter in self.params:
            if isinstance(parameter, click.Option) and ctx.params.get(parameter.name) in options:
                raise click.BadOptionUsage(
                    parameter.opts[0], f"Option {parameter.opts[0]!r} requires an argument.", ctx
                )
        return rest

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, never re-wrapped: people copy them."""
        with formatter.section("Examples"):
            for line, meaning in self.examples:
                formatter.write(f"  {line}\n      {meaning}\n")


def as_command(
    name: str, *, examples: Sequence[Example]
) -> Callable[[Callable[..., Result]], Command]:
    """Make a click command of a function; its docstring is the help.

    Args:
        name: The words after ``vaehub``: ``list``, ``store gc``.
        examples: Shown at the end of the help.
    """

    def decorate(function: Callable[..., Result]) -> Command:
        def run(*, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> Outcome:
            call = Call(as_json=as_json, quiet=quiet, verbose=verbose)
            try:
                with _requests_shown(wanted=verbose):
                    result = function(call, **options)
            except (Exception, KeyboardInterrupt) as error:
                argv = click.get_current_context().find_root().obj or ()
                result = boundary.result_of(error, name, argv=argv, verbose=verbose)
            notes = tuple(note for note in call.notes if note not in result.problems)
            return Outcome(result._replace(problems=(*result.problems, *notes)), as_json, quiet)

        parameters = getattr(function, "__click_params__", [])
        return Command(
            name.split()[-1],
            callback=run,
            params=[*reversed(parameters), *_shared_options()],
            help=function.__doc__,
            examples=examples,
            context_settings={"help_option_names": ["-h", "--help"]},
        )

    return decorate


def to_option(function: Callable[..., Result]) -> Callable[..., Result]:
    """Add ``--to``."""
    return click.option(
        "--to",
        metavar="PATH",
        help="A UI's root or a VAE folder. Without it: VAEHUB_TO, else the UI that the current "
        "folder lies in, else the configured target, else ./models/VAE.",
    )(function)


def _shared_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--json", "as_json"], is_flag=True, help="Print one JSON object and nothing else."
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print no progress, notes and reports."),
        click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            help="Show each request (never a token) and, after an error, where it arose.",
        ),
    ]


@contextmanager
def _requests_shown(*, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    import logging

    class ToStderr(logging.Handler):
        """Writes to what stderr is at that moment: above the bars while they are drawn."""

        def emit(self, record: logging.LogRecord) -> None:
            terminal.mention(f"vaehub: {redact(record.getMessage())}")

    logger = logging.getLogger("vaehub.http")
    handler = ToStderr()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)
