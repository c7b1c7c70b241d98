"""The fields of a node of a ComfyUI workflow, and what stands in them.

In the API's format they have names. In the UI's they have positions, and which field is at which
one is not always told: where it is not, nothing is guessed. Knows nothing of VAEs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_SEEDS = ("fixed", "increment", "decrement", "randomize")
"""What a seed has behind it among the values: what becomes of it."""


class Field(NamedTuple):
    """A field and what stands in it."""

    name: str
    value: Any
    inner: str | None = None
    """Of a subgraph, the id of the node within that has the field; ``-1``: the subgraph's own."""


def fields(node: dict[str, Any]) -> tuple[Field, ...]:
    """Give the fields of a node whose names are known; none where they are not."""
    inputs, values = node.get("inputs"), node.get("widgets_values")
    for named in (inputs, values):
        if isinstance(named, dict):
            return tuple(Field(name, value) for name, value in named.items())
    if not isinstance(values, list):
        return ()
    properties = node.get("properties")
    promoted = properties.get("proxyWidgets") if isinstance(properties, dict) else None
    if isinstance(promoted, list):
        # A subgraph, whose fields are those of nodes within it.
        return tuple(
            Field(one[1], value, str(one[0]))
            for one, value in zip(promoted, values, strict=False)
            if isinstance(one, list) and len(one) > 1 and isinstance(one[1], str)
        )
    names = [one["name"] for one in _widgets(node)]
    values = [value for value in values if value not in _OF_SEEDS]
    if len(names) != len(values):  # an older ComfyUI, or a node that keeps more than its fields
        return ()
    return tuple(map(Field, names, values))


def texts(node: dict[str, Any]) -> list[str]:
    """Give all texts that stand in a node, whatever their fields."""
    values: Any = [field.value for field in fields(node)] or node.get("widgets_values")
    return [value for value in values if isinstance(value, str)] if values else []


def is_linked(node: dict[str, Any], name: str) -> bool:
    """Tell whether a field gets its value from another node, and not from what stands in it."""
    return any(one["name"] == name and one.get("link") is not None for one in _widgets(node))


def _widgets(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the inputs that are fields, in the order of their values."""
    inputs = node.get("inputs")
    for one in inputs if isinstance(inputs, list) else ():
        if isinstance(one, dict) and one.get("widget") and isinstance(one.get("name"), str):
            yield one
