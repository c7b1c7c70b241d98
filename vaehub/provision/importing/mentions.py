"""A mention: what one file says of one VAE, before anybody knows which one that is.

Everything here was written by others, and nothing of it is believed: names have lost their folders,
and what could not stand in a line of text is replaced.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 200
_SAYS_NOTHING = re.compile(
    r"(automatic|auto|baked( vae)?|default|none|null|pixel_space|\(use same\)|use same)?", re.I
)
"""What stands where a file could be named, and names none."""
# Not fit for a comment in YAML or a line on a terminal: controls, half pairs, marks of direction.
_STRAY = re.compile(
    r"[\x00-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufffe\uffff]"
)


class Digest(NamedTuple):
    """A hash that somebody wrote down."""

    kind: str | None
    """``sha256``, ``autov2``, ``blake3`` ..., in lower case; None where nobody said."""
    digits: str
    """In lower case."""


class Mention(NamedTuple):
    """What one file says of one VAE."""

    file: str
    """Its base name."""
    places: tuple[str, ...]
    """Where that stands, for people: ``workflow.json, node 12 VAELoader``."""
    urls: tuple[str, ...] = ()
    """May hold secrets: never printed as they are."""
    digests: tuple[Digest, ...] = ()
    pair: bool = False
    """The name is none of a file, but what ComfyUI calls an encoder with its decoder."""


def base_name(text: str) -> str:
    """Give the last part of a path of whatever system; empty where there is none."""
    return re.split(r"[/\\]", text)[-1].strip()


def names_nothing(text: str) -> bool:
    """Tell whether a text stands for no file at all: ``None``, ``Automatic``, ``Baked VAE``."""
    return _SAYS_NOTHING.fullmatch(text.strip()) is not None


def line(text: str) -> str:
    """Make one line of a text that others wrote, of a length that people read."""
    text = _STRAY.sub("?", text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def digest(digits: str, kind: str) -> Digest | None:
    """Read a hash that somebody wrote down; None where it is none."""
    before, _, after = digits.strip().rpartition(":")
    kind = re.sub(r"[^a-z0-9]", "", (before or kind).lower())
    if not re.fullmatch(r"[0-9A-Fa-f]{8,128}", after):
        return None
    return Digest(kind or None, after.lower())


def merged(mentions: Iterable[Mention]) -> list[Mention]:
    """Put together what is said of one name: a node names a file, and a list where it is from."""
    found: dict[tuple[str, bool], Mention] = {}
    for one in mentions:
        key = (one.file.casefold(), one.pair)
        known = found.get(key)
        found[key] = one if known is None else _joined(known, one)
    return list(found.values())


def _joined(one: Mention, other: Mention) -> Mention:
    return one._replace(
        places=tuple(dict.fromkeys((*one.places, *other.places))),
        urls=tuple(dict.fromkeys((*one.urls, *other.urls))),
        digests=tuple(dict.fromkeys((*one.digests, *other.digests))),
    )
