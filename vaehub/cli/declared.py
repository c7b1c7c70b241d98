"""What a command takes, declared as data.

Two readers work from it: :mod:`vaehub.cli.plain`, for the command lines that people mostly type,
and click, for all others. Knows neither of them. Named tuples for the reason that
:mod:`vaehub.cli.tables` gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import click

    from vaehub.cli.output import Result

    Function = Callable[..., Result]

Example = tuple[str, str]
"""A command line and what it does."""
_ATTRIBUTE = "__click_params__"
"""Where click keeps what its own decorators declare, so that both kinds may stand in one pile."""


class Option(NamedTuple):
    """Something that begins with a dash."""

    name: str
    """The function's keyword."""
    spellings: tuple[str, ...]
    help: str
    metavar: str | None = None
    """What its value is called in the help; None: it is a flag."""


class Argument(NamedTuple):
    """What stands there without a dash; a command takes one kind of it at most."""

    name: str
    """The function's keyword."""
    metavar: str
    many: bool = False
    """Any number of words: the function gets a tuple."""
    required: bool = True


class Command(NamedTuple):
    """A function and how it is called from the command line."""

    name: str
    """The words after ``vaehub``."""
    function: Function
    parameters: tuple[Option | Argument | click.Parameter, ...]
    """In the order of the help; click's own where a declaration cannot say it."""
    examples: tuple[Example, ...]

    @property
    def help(self) -> str:
        """What the command does: the function's docstring."""
        return self.function.__doc__ or ""


class Group(NamedTuple):
    """Commands under one word."""

    name: str
    help: str
    commands: Mapping[str, Command]


class Reading(NamedTuple):
    """What a command line says."""

    command: Command
    options: Mapping[str, Any]


SHARED = (
    Option("as_json", ("--json",), "Print one JSON object and nothing else."),
    Option("quiet", ("-q", "--quiet"), "Print no progress, notes and reports."),
    Option(
        "verbose",
        ("-v", "--verbose"),
        "Show each request (never a token) and, after an error, where it arose.",
    ),
)
"""What every command takes."""


def option(
    *spellings: str, name: str | None = None, metavar: str | None = None, help: str
) -> Callable[[Function], Function]:
    """Declare an option of the function below: a flag, or with a ``metavar`` one with a value."""
    keyword = name or spellings[-1].lstrip("-").replace("-", "_")
    return _declare(Option(keyword, spellings, help, metavar))


def argument(
    name: str, *, metavar: str, many: bool = False, required: bool = True
) -> Callable[[Function], Function]:
    """Declare what the function below takes without a dash."""
    return _declare(Argument(name, metavar, many, required))


def parameters(function: Function) -> tuple[Option | Argument | click.Parameter, ...]:
    """Give what a function was declared to take, in the order of the help."""
    return (*reversed(function.__dict__.get(_ATTRIBUTE, ())), *SHARED)


def _declare(parameter: Option | Argument) -> Callable[[Function], Function]:
    def decorate(function: Function) -> Function:
        function.__dict__.setdefault(_ATTRIBUTE, []).append(parameter)
        return function

    return decorate
