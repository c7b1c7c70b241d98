"""Several names, several targets: which error is whose, told once each.

Shared by the commands whose ``--to`` may be given several times. Prints nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vaehub.cli import boundary
from vaehub.cli.output import Failure
from vaehub.errors import NamingError
from vaehub.model import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vaehub.cli.call import Call

    T = TypeVar("T")


def failures(
    errors: Iterable[tuple[Exception, str | None, Target | None]],
    *,
    names: Sequence[str] = (),
    places: Sequence[str] = (),
) -> list[Failure]:
    """Say of each error which of the names and targets it concerns, as far as there are several.

    Args:
        errors: Each with the name and the target that it is about, if it is about one.
        names: The names that the user gave.
        places: The targets that the user gave.

    Raises:
        Exception: one that is nobody's but ours.
    """
    told: dict[tuple[str, str, str | None], Failure] = {}
    for error, name, target in errors:
        known = boundary.known(error)
        if known is None:
            raise error
        about = [name] if name is not None and len(set(names)) > 1 else []
        # What is wrong with a name is so everywhere, or the message says where.
        if target is not None and len(places) > 1 and not isinstance(known, NamingError):
            about.append(str(target))
        where = " in ".join(about) or None
        told.setdefault((known.code, known.message, where), Failure(known, where))
    return list(told.values())


def in_each(
    call: Call, to: Sequence[str], act: Callable[[Target], T]
) -> tuple[list[T], list[Failure]]:
    """Do the same in each target; an error of one keeps none of the others from it.

    Args:
        call: Whose settings say what the default is.
        to: What the user named; the default target where that is nothing.
        act: What to do.

    Returns:
        What it gave, for each target where it could be done, and the errors of the others.

    Raises:
        VaehubError: of the only target.
    """
    from vaehub import api

    if len(to) < 2:
        return [act(api.find_target(*to, settings=call.settings))], []
    done: list[T] = []
    wrong: list[tuple[Exception, str | None, Target | None]] = []
    for place in api.find_targets(to, settings=call.settings):
        if not isinstance(place, Target):
            wrong.append((place, None, None))
            continue
        try:
            done.append(act(place))
        except Exception as error:
            wrong.append((error, None, place))
    return done, failures(wrong, places=to)
