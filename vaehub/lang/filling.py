"""Templates as text: what stands around their placeholders, and which these are. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_HOLE = re.compile(r"\{(\d+)\}")


class Template(NamedTuple):
    """A text for people."""

    text: str
    """Stripped; ``{0}``, ``{1}`` stand for what differs, in this order."""
    file: str
    line: int
    holes: tuple[str, ...] = ()
    """The expressions that stood there."""


def literals(template: str) -> list[str]:
    """Give what stands around the placeholders: one more than there are of these."""
    return [_plain(piece) for piece in _HOLE.split(template)[::2]]


def holes(template: str) -> list[int]:
    """Give the numbers of the placeholders, in their order."""
    return [int(number) for number in _HOLE.split(template)[1::2]]


def quoted(text: str) -> str:
    """Write a piece of text so that it holds no placeholder."""
    return text.replace("{", "{{").replace("}", "}}")


def without_holes(template: str) -> str:
    """Give a template with a NUL in the place of each placeholder."""
    return _HOLE.sub("\0", template)


def _plain(piece: str) -> str:
    return piece.replace("{{", "{").replace("}}", "}")
