"""How figures and foreign text are put into words for a person.

Knows units, widths of characters and what must not steer a terminal. Prints nothing.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNITS = ("kB", "MB", "GB", "TB")
_HARMLESS = "\n\t\u00a0\u3000"
"""Blanks that Python does not count as printable."""
_NEVER_FIRST = "，。；：、）”’！？…"
"""What begins no line of Chinese."""
_NEVER_LAST = "（“‘"


def size(number: int | float | None) -> str:
    """Give bytes in decimal units with three digits: ``335 MB``, ``5.43 MB``; ``?`` for None."""
    if number is None:
        return "?"
    if number < 1000:
        return f"{number:.0f} B"
    value = float(number)
    for unit in _UNITS:
        value /= 1000
        digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
        if value < 999.5 or unit == _UNITS[-1]:
            return f"{value:.{digits}f} {unit}"
    raise AssertionError("the last unit takes everything")


def done_of_total(done: int, total: int | None) -> str:
    """Give ``12.5 MB of 335 MB``, or the bytes so far where nobody knows the total."""
    return size(done) if total is None else f"{size(done)} of {size(total)}"


def duration(seconds: float) -> str:
    """Give ``8 s``, ``2 min 05 s`` or ``1 h 03 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Give ``1 file``, ``3 files``."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def clean(text: str) -> str:
    """Take out what could steer a terminal: escape sequences and bidirectional overrides.

    Titles and messages come from catalogs and servers of strangers.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in "\n\t\u3000\xa0"
        else "\N{REPLACEMENT CHARACTER}"
        for character in text.replace("\r\n", "\n")
    )


def width(text: str) -> int:
    """Count the cells that a terminal gives the text: two for a Chinese character."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def wrapped(text: str, cells: int) -> list[str]:
    """Break a text into lines of so many cells: at blanks, and between Chinese characters."""
    if text.isascii():
        from textwrap import wrap

        return wrap(text, cells, break_on_hyphens=False, break_long_words=False)
    lines: list[str] = []
    line, used = "", 0
    for piece in _unbroken(text):
        wide = width(piece)
        if line.strip() and used + width(piece.rstrip()) > cells:
            lines.append(line.rstrip())
            line, used = "", 0
            piece, wide = piece.lstrip(), width(piece.lstrip())
        line += piece
        used += wide
    return [*lines, line.rstrip()] if line.strip() else lines


def _unbroken(text: str) -> Iterator[str]:
    """Give the pieces that stay whole, each with the blanks behind it."""
    piece = ""
    for character in text:
        here_wide = _cells(character) == 2
        if piece and character != " " and character not in _NEVER_FIRST:
            last = piece[-1]
            broken = last == " " or here_wide or (_cells(last) == 2)
            if broken and last not in _NEVER_LAST and piece.strip():
                yield piece
                piece = ""
        piece += character
    if piece:
        yield piece


def shorten(text: str, cells: int) -> str:
    """Cut the text to so many cells, the last of which is then an ellipsis."""
    if width(text) <= cells:
        return text
    kept, used = "", 0
    for character in text:
        used += _cells(character)
        if used > cells - 1:
            break
        kept += character
    return kept.rstrip(" ,") + "…"


def shorten_list(text: str, cells: int) -> str:
    """Cut a list between two of its items, where one whole item still fits."""
    if width(text) <= cells:
        return text
    items = text.split(", ")
    for kept in range(len(items) - 1, 0, -1):
        shorter = ", ".join([*items[:kept], "…"])
        if width(shorter) <= cells:
            return shorter
    return shorten(text, cells)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
