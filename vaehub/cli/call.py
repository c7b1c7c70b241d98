"""What every command shares: the settings and catalogs of one run, its listener, its boundary.

A command is a function from a :class:`Call` and its own options to a
:class:`~vaehub.cli.output.Result`. This module declares it as one, and performs it.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from vaehub import values
from vaehub.cli import boundary, terminal
from vaehub.cli.declared import SHARED, Command, option, parameters
from vaehub.cli.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.cli.declared import Example, Reading
    from vaehub.cli.output import Result
    from vaehub.model import Problem
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


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


def as_command(
    name: str, *, examples: Sequence[Example]
) -> Callable[[Callable[..., Result]], Command]:
    """Declare a function as a command; its docstring is the help.

    Args:
        name: The words after ``vaehub``: ``list``, ``store gc``.
        examples: Shown at the end of the help.
    """

    def decorate(function: Callable[..., Result]) -> Command:
        return Command(name, function, parameters(function), tuple(examples))

    return decorate


to_option = option(
    "--to",
    metavar="PATH",
    completes="target",
    help="A UI's root, a VAE folder, or the name of a target (`vaehub targets`). Without it: "
    "VAEHUB_TO, else the UI that the current folder lies in, else the configured target, else "
    "./models/VAE.",
)
"""Declares ``--to`` of the function below."""

targets_option = option(
    "--to",
    metavar="PATH",
    many=True,
    completes="target",
    help="A UI's root, a VAE folder, or the name of a target (`vaehub targets`); may be given "
    "several times. Without it: VAEHUB_TO, else the UI that the current folder lies in, else the "
    "configured target, else ./models/VAE.",
)
"""Declares ``--to`` of the function below, which may be given several times."""


def perform(said: Reading, *, argv: Sequence[str]) -> Outcome:
    """Run a command; what goes wrong in it becomes part of its result.

    Args:
        said: The command and its options.
        argv: The command line as it was given, for the report of a bug.
    """
    options = dict(said.options)
    as_json, quiet, verbose, lang = (options.pop(shared.name) for shared in SHARED)
    call = Call(as_json=as_json, quiet=quiet, verbose=verbose)
    try:
        with _requests_shown(wanted=verbose):
            values.language(lang, "--lang")
            result = said.command.function(call, **options)
    except (Exception, KeyboardInterrupt) as error:
        result = boundary.result_of(error, said.command.name, argv=argv, verbose=verbose)
    notes = tuple(note for note in call.notes if note not in result.problems)
    return Outcome(result._replace(problems=(*result.problems, *notes)), as_json, quiet)


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

    logger = logging.getLogger("vaehub")
    handler = ToStderr()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)
