"""Rows in aligned columns, for a pipe in full and for a terminal of any width.

Knows how to choose and shorten columns. Prints nothing. Its classes are named tuples because a
dataclass takes five times as long to make, and `vaehub list` is to be quick.
"""

from __future__ import annotations

from typing import NamedTuple

from vaehub.cli import words

NOTHING = "-"
"""What a cell without a value shows, so that columns stay countable."""
_GAP = "  "
_LABEL = 15
_READABLE = 100
"""Cells; longer lines of prose tire the eye."""


class Styled(NamedTuple):
    """A piece of text and how a terminal with colours shows it: ``bold``, ``green`` ..."""

    text: str
    style: str


Line = tuple[str | Styled, ...]


class Column(NamedTuple):
    """One column and what may happen to it where there is little room."""

    title: str
    right: bool = False
    least: int | None = None
    """May be shortened to this many cells; None: only whole."""
    rank: int = 0
    """Left out before columns of a lower rank; 0: never left out."""
    style: str = ""
    is_list: bool = False
    """Holds items with commas between them, and is shortened between two of those."""


class Table(NamedTuple):
    """Columns and rows of text."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


class Fact(NamedTuple):
    """A label and what it stands for, which is wrapped below itself on a terminal."""

    label: str
    text: str
    style: str = ""


class _Fitted(NamedTuple):
    column: int
    cells: int


def lay_out(table: Table, *, room: int | None = None) -> list[Line]:
    """Lay the table out in lines.

    Args:
        table: what to show.
        room: the terminal's width; None shows every column in full.
    """
    rows = [tuple(words.clean(cell).replace("\n", " ") for cell in row) for row in table.rows]
    fitted = _fit(table.columns, rows, room)
    header = tuple(column.title for column in table.columns)
    lines = [_line(table.columns, header, fitted, heading=True)]
    lines += [_line(table.columns, row, fitted) for row in rows]
    return lines


def lay_out_fact(fact: Fact, *, room: int | None = None) -> list[Line]:
    """Lay a fact out in lines; without ``room``, as many as its text has."""
    lines = fact.text.splitlines()
    if room is not None:
        cells = max(30, min(room, _READABLE) - _LABEL)
        lines = [wrapped for line in lines for wrapped in words.wrap(line, cells)]
    labels = [fact.label, *[""] * len(lines)]
    return [
        ("  " + label + " " * (_LABEL - 2 - words.width(label)), Styled(line, fact.style))
        for label, line in zip(labels, lines, strict=False)
    ]


def _fit(
    columns: tuple[Column, ...], rows: list[tuple[str, ...]], room: int | None
) -> list[_Fitted]:
    natural = [
        max([words.width(column.title), *(words.width(row[index]) for row in rows)])
        for index, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    if room is None:
        return [_Fitted(index, natural[index]) for index in kept]

    def least(index: int) -> int:
        smallest = columns[index].least
        return natural[index] if smallest is None else min(natural[index], smallest)

    def overflow(cells: list[int]) -> int:
        return sum(cells) + len(_GAP) * (len(cells) - 1) - room

    empty = {i for i in kept if all(row[i] == NOTHING for row in rows)}
    while overflow([least(i) for i in kept]) > 0 or (
        empty.intersection(kept) and overflow([natural[i] for i in kept]) > 0
    ):
        # What says nothing goes first, then the highest rank.
        candidates = [i for i in kept if columns[i].rank]
        if not candidates:
            break
        kept.remove(max(candidates, key=lambda i: (i in empty, columns[i].rank)))
        empty &= {i for i in kept if columns[i].rank}

    cells = {i: natural[i] for i in kept}
    while overflow(list(cells.values())) > 0:
        shrinkable = [i for i in kept if cells[i] > least(i)]
        if not shrinkable:
            break
        cells[max(shrinkable, key=lambda i: cells[i] - least(i))] -= 1
    return [_Fitted(i, cells[i]) for i in kept]


def _line(
    columns: tuple[Column, ...],
    row: tuple[str, ...],
    fitted: list[_Fitted],
    *,
    heading: bool = False,
) -> Line:
    pieces: list[str | Styled] = []
    for position, (index, cells) in enumerate(fitted):
        cut = words.shorten_list if columns[index].is_list else words.shorten
        text = cut(row[index], cells)
        padding = " " * (cells - words.width(text))
        if position:
            pieces.append(_GAP)
        if columns[index].right:
            pieces.append(padding)
        style = "bold" if heading else columns[index].style
        pieces.append(Styled(text, style) if style and text != NOTHING else text)
        if not columns[index].right and position < len(fitted) - 1:
            pieces.append(padding)
    return tuple(piece for piece in pieces if piece)
