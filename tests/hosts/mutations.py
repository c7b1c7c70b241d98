"""Payloads gone wrong: a recorded answer in which something was replaced, removed or repeated."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from vaehub.errors import IntegrityError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["", "0", "-1", "1e3", "https://[", "x" * 5000, "\x1b[2J", "f" * 64, "²"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """List every (container, key) in a payload."""
    found: list[tuple[Any, Any]] = []
    items = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    for key, item in items:
        found.append((value, key))
        found += _places(item)
    return found


@st.composite
def mutated(draw: DrawFn, payload: Any) -> Any:
    """Give a payload with up to four places spoilt, or junk altogether."""
    if draw(st.integers(0, 19)) == 0:
        return draw(JUNK)
    box = {"": copy.deepcopy(payload)}
    for _ in range(draw(st.integers(1, 4))):
        container, key = draw(st.sampled_from(_places(box)))
        if isinstance(container, dict) and key != "" and draw(st.booleans()):
            container.pop(key, None)
        else:
            container[key] = draw(JUNK)
    return box[""]


def outcome(ask: Callable[[], Any]) -> Any:
    """Give the result or, where it fails as it may fail, the message. Other errors are bugs."""
    try:
        return ask()
    except (SourceError, IntegrityError) as error:
        return error.message
