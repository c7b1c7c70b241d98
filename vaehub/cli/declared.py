"""What a command takes, declared as data.

Two readers work from it: :mod:`vaehub.cli.plain`, for the command lines that people mostly type,
and click, for all others. Knows neither of them. Named tuples for the reason that
:mod:`vaehub.cli.tables` gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaehub.cli.output import Result

    Function = Callable[..., Result]

Example = tuple[str, str]
"""A command line and what it does."""
_ATTRIBUTE = "__declared__"


class Option(NamedTuple):
    """Something that begins with a dash."""

    name: str
    """The function's keyword."""
    spellings: tuple[str, ...]
    help: str
    metavar: str | None = None
    """What its value is called in the help; None: it is a flag."""
    default: Any = None
    """What the function gets where the option is not there."""
    by_click: Callable[[], Mapping[str, Any]] | None = None
    """Gives what else click must know of it, where a value wants more than taking it down: a
    command line with such an option is always click's to read."""
    many: bool = False
    """It may be given several times: the function gets a tuple."""
    completes: str | None = None
    """What the shell offers for its value: a kind of :mod:`vaehub.cli.offered`."""


class Argument(NamedTuple):
    """What stands there without a dash; only the last one of a command may be many."""

    name: str
    """The function's keyword."""
    metavar: str
    many: bool = False
    """Any number of words: the function gets a tuple."""
    required: bool = True
    completes: str | None = None
    """As for :class:`Option`."""


class Command(NamedTuple):
    """A function and how it is called from the command line."""

    name: str
    """The words after ``vaehub``."""
    function: Function
    parameters: tuple[Option | Argument, ...]
    """In the order of the help."""
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
    Option("as_json", ("--json",), "Print one JSON object and nothing else.", default=False),
    Option("quiet", ("-q", "--quiet"), "Print no progress, notes and reports.", default=False),
    Option(
        "verbose",
        ("-v", "--verbose"),
        "Show each request (never a token) and, after an error, where it arose.",
        default=False,
    ),
    Option(
        "lang",
        ("--lang",),
        "Speak this language: en or zh; without it, as the locale says.",
        metavar="LANG",
        completes="language",
    ),
)
"""What every command takes."""


def option(
    *spellings: str,
    help: str,
    name: str | None = None,
    metavar: str | None = None,
    default: Any = None,
    by_click: Callable[[], Mapping[str, Any]] | None = None,
    many: bool = False,
    completes: str | None = None,
) -> Callable[[Function], Function]:
    """Declare an option of the function below: a flag, or with a ``metavar`` one with a value.

    Args:
        spellings: How it is written.
        help: What it does, in a sentence or two.
        name: The function's keyword; by default the last spelling.
        metavar: What its value is called in the help.
        default: What the function gets where the option is not there; False for a flag, and no
            value at all for one that may be given several times.
        by_click: See :attr:`Option.by_click`.
        many: See :attr:`Option.many`.
        completes: See :attr:`Option.completes`.
    """
    keyword = name or spellings[-1].lstrip("-").replace("-", "_")
    otherwise = () if many else False if metavar is None else default
    return _declare(Option(keyword, spellings, help, metavar, otherwise, by_click, many, completes))


def argument(
    name: str,
    *,
    metavar: str,
    many: bool = False,
    required: bool = True,
    completes: str | None = None,
) -> Callable[[Function], Function]:
    """Declare what the function below takes without a dash; of several, in their order."""
    return _declare(Argument(name, metavar, many, required, completes))


def parameters(function: Function) -> tuple[Option | Argument, ...]:
    """Give what a function was declared to take, in the order of the help."""
    return (*reversed(function.__dict__.get(_ATTRIBUTE, ())), *SHARED)


def _declare(parameter: Option | Argument) -> Callable[[Function], Function]:
    def decorate(function: Function) -> Function:
        function.__dict__.setdefault(_ATTRIBUTE, []).append(parameter)
        return function

    return decorate
