"""Read what a host said without trusting a word of it.

Knows how sizes, digests and error texts look in JSON. Each function takes anything at all and
answers None, or something empty, where the value is not what it should be; none of them raises.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LARGEST = 1 << 53
_LONGEST_MESSAGE = 240


def mapping(value: object) -> Mapping[str, Any]:
    """Give the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Give the objects of a JSON array; anything else in it is passed over."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str | None:
    """Give the value if it is a string that says something."""
    return value.strip() or None if isinstance(value, str) else None


def same(value: object, wanted: object) -> bool:
    """Tell whether two ids or words agree, whatever their case and JSON type."""
    return value is not None and str(value).strip().lower() == str(wanted).strip().lower()


def digest(value: object) -> str | None:
    """Give a sha256 in lower case; hosts write it either way, with or without ``sha256:``."""
    if not isinstance(value, str):
        return None
    lower = value.strip().lower().removeprefix("sha256:")
    return lower if _SHA256.fullmatch(lower) else None


def size(value: object) -> int | None:
    """Give a number of bytes, written as a number or as digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _LARGEST else None


def one_line(value: str) -> str:
    """Make a foreign text fit for a terminal: one short line, nothing that moves the cursor."""
    line = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[: _LONGEST_MESSAGE - 1]}…"


def decoded(body: bytes) -> Mapping[str, Any]:
    """Parse the beginning of a body as a JSON object; empty where it is none, or was cut."""
    try:
        return mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def said(body: object) -> str | None:
    """Find the sentence in an error's body: Civitai, GitHub, ModelScope and tRPC each name it.

    Args:
        body: The parsed JSON, or the raw bytes of it.
    """
    answer = decoded(body) if isinstance(body, bytes) else mapping(body)
    for key in ("message", "Message", "msg", "error"):
        found = answer.get(key)
        sentence = text(mapping(found).get("message")) if isinstance(found, dict) else text(found)
        if sentence:
            return one_line(sentence)
    return None


def header(headers: Mapping[str, str], name: str) -> str | None:
    """Look a header up whatever the case of its name."""
    wanted = name.lower()
    for key, value in headers.items():
        if key.lower() == wanted:
            return text(value)
    return None
