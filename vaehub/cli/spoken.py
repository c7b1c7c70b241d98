"""Say the blocks of a result in the person's language: which of their texts are ours to translate.

Pure but for the language. What is shown in a style of its own within a line is a name or a path;
so is the first cell of a row; and some facts are the words of a catalog's author.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub import lang
from vaehub.cli.tables import Fact, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vaehub.cli.tables import Line

VERBATIM = {
    "summary", "family", "goes with", "tags", "author", "homepage", "also called", "catalog",
    "notes", "shapes of", "also named",
}  # fmt: skip
"""Labels of facts that others wrote, or that are names."""
OTHERS = {*VERBATIM, "license", ""}
"""Labels below which, where no further label stands, there is more of what others wrote."""


def blocks(given: Iterable[str | Line | Table | Fact]) -> Iterator[str | Line | Table | Fact]:
    """Give the same blocks in the person's language."""
    label = ""
    for block in given:
        if isinstance(block, Table):
            yield _table(block)
        elif isinstance(block, Fact):
            ours = block.label not in VERBATIM if block.label else label not in OTHERS
            label = block.label or label
            text = lang.tell(block.text) if ours else block.text
            yield Fact(lang.tell_word(block.label), text, block.style)
        elif isinstance(block, str):
            label = ""
            # One word, and a text of many lines, is an answer that a script may read.
            yield lang.tell(block) if " " in block.strip() and "\n" not in block else block
        else:
            label = ""
            yield tuple(lang.tell(one) if isinstance(one, str) else one for one in block)


def _table(table: Table) -> Table:
    columns = tuple(one._replace(title=lang.tell(one.title)) for one in table.columns)
    rows = tuple((row[0], *map(lang.tell_word, row[1:])) if row else row for row in table.rows)
    return Table(columns, rows)
