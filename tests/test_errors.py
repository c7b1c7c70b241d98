"""The tree in the docstring is the tree of the classes, and scripts can rely on the codes."""

from __future__ import annotations

import inspect
import re

import pytest

from vaehub import errors
from vaehub.errors import (
    CatalogError,
    HashMismatch,
    LoginRequired,
    NoSourceDelivered,
    Offline,
    RateLimited,
    SizeMismatch,
    SourceGone,
    SourceUnreachable,
    UnsafePickle,
    UsageError,
    VaehubError,
)
from vaehub.model import Problem

CLASSES = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, VaehubError)
]
LINE = re.compile(r"^ {4}(?P<lines>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: +(?P<code>\d+))?(?: {2,}.*)?$")


def drawn() -> dict[str, tuple[str | None, int | None]]:
    """Read the docstring's tree: each name with its parent and the exit code beside it."""
    found: dict[str, tuple[str | None, int | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = LINE.match(line)
        if match is None:
            continue
        depth = len(match["lines"]) // 4
        parent = above[depth - 1] if depth else None
        above[depth:] = [match["name"]]
        found[match["name"]] = (parent, int(match["code"]) if match["code"] else None)
    return found


def test_every_class_is_drawn_below_its_base() -> None:
    real = {
        cls.__name__: None if cls is VaehubError else cls.__bases__[0].__name__ for cls in CLASSES
    }
    assert {name: parent for name, (parent, _) in drawn().items()} == real


def test_the_exit_codes_drawn_are_those_of_the_classes() -> None:
    for name, (parent, code) in drawn().items():
        if code is not None:
            assert getattr(errors, name).exit_code == code, name
        else:
            assert parent is not None
            assert getattr(errors, name).exit_code == getattr(errors, parent).exit_code, name


def test_each_kind_has_an_exit_code_of_its_own() -> None:
    kinds: list[type[VaehubError]] = [VaehubError, *VaehubError.__subclasses__()]
    codes = [cls.exit_code for cls in kinds]
    assert sorted(codes) == list(range(1, 10))


def test_codes_are_unique_and_stable_in_form() -> None:
    codes = [cls.code for cls in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_each_class_tells_when_it_is_raised(cls: type[VaehubError]) -> None:
    assert cls.__doc__
    assert cls.__doc__ != (cls.__bases__[0].__doc__ or "")


def test_message_and_hint() -> None:
    error = UsageError("no", hint="do that instead")
    assert (str(error), error.message, error.hint) == ("no", "no", "do that instead")
    assert UsageError("no").hint is None


def test_a_catalog_error_carries_its_problems() -> None:
    problem = Problem("bad-id", "ids are lower-case", where="mine.yaml:4")
    assert CatalogError("1 problem", problems=[problem]).problems == (problem,)
    assert CatalogError("unreadable").problems == ()


def test_a_rate_limit_carries_the_wait() -> None:
    assert RateLimited("slow down", retry_after=12.5).retry_after == 12.5
    assert RateLimited("slow down").retry_after is None


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([], 5),
        ([SourceUnreachable("a"), SourceGone("b")], 5),
        ([LoginRequired("a"), Offline("b")], 5),
        ([SourceGone("a"), HashMismatch("b")], 6),
        ([SizeMismatch("a"), SourceGone("b")], 6),
        ([UnsafePickle("a")], 6),
    ],
)
def test_wrong_bytes_outweigh_silence(failures: list[VaehubError], code: int) -> None:
    error = NoSourceDelivered("none", attempts=[("label", failure) for failure in failures])
    assert error.exit_code == code
    assert [failure for _, failure in error.attempts] == failures
    assert NoSourceDelivered.exit_code == 5
