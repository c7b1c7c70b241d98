"""Write one text, number or flow collection as YAML that every reader understands alike.

Knows when text may stand without quotes: only where neither our strict reader nor an ordinary
YAML 1.1 or 1.2 reader would take it for something else. Refuses to know the fields of a catalog.
"""

from __future__ import annotations

import json
import re
from typing import Any

from vaehub.catalog.read import resolve_plain

_WORDS = re.compile(r"(?i)(y|n|yes|no|on|off|true|false|null|none)")
_NUMBERS = re.compile(r"[-+]?\.?[0-9][0-9_.:]*([eE][-+]?[0-9]+)?|0[xXoO][0-9a-fA-F_]+")
_DATES = re.compile(r"[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
_UNSAFE = re.compile(r":(\s|$)|\s#|\s\s|\s$|[\t\n]")
_FLOW_UNSAFE = re.compile(r"[,\[\]{}?\"'#&*!|>%@`\\]|:(?!//)|//.*//")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def scalar(value: Any, *, flow: bool = False) -> str:
    """Write a text, number, boolean or null."""
    if isinstance(value, str):
        return value if may_be_plain(value, flow=flow) else quoted(value)
    return json.dumps(value)


def flow(value: Any) -> str:
    """Write any value on one line: ``{id: MIT, tags: [a, b]}``."""
    if isinstance(value, dict):
        members = (f"{scalar(key, flow=True)}: {flow(member)}" for key, member in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value, flow=True)


def may_be_plain(text: str, *, flow: bool) -> bool:
    """Tell whether text reads back as itself without quotes."""
    if not text or not (text[0].isalnum() or text[0] in "_(") or not text.isprintable():
        return False
    if _UNSAFE.search(text) or (flow and _FLOW_UNSAFE.search(text)):
        return False
    if _WORDS.fullmatch(text) or _NUMBERS.fullmatch(text) or _DATES.fullmatch(text):
        return False
    try:
        return isinstance(resolve_plain(text), str)
    except ValueError:  # a digest that looks like an endless number
        return False


def quoted(text: str) -> str:
    """Write text in double quotes; what does not show is escaped."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def folded(text: str, *, indent: int, width: int) -> list[str] | None:
    """Fold long text into lines for a ``>-`` block; None where folding would change it.

    Folding turns each line end into one blank, so only text whose words stand one blank apart
    survives it.
    """
    if not text or not text.isprintable() or text != " ".join(text.split()):
        return None
    lines: list[str] = []
    for word in text.split(" "):
        if lines and indent + len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [" " * indent + line for line in lines]


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"
