"""Rows in columns, at every width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vaehub.cli import words
from vaehub.cli.tables import Column, Fact, Line, Styled, Table, lay_out, lay_out_fact

COLUMNS = (
    Column("id", style="bold"),
    Column("suits", least=8, rank=1),
    Column("size", right=True, rank=2),
    Column("smoke", rank=3),
)
ROWS = (
    ("clearvae", "SD 1.5, Anything, OrangeMix", "335 MB", "-"),
    ("flux", "暖色模型", "5.41 MB", "-"),
)


def text_of(line: Line) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in line)


def texts(table: Table, room: int | None = None) -> list[str]:
    return [text_of(line) for line in lay_out(table, room=room)]


def test_a_pipe_gets_everything_aligned() -> None:
    assert texts(Table(COLUMNS, ROWS)) == [
        "id        suits                           size  smoke",
        "clearvae  SD 1.5, Anything, OrangeMix   335 MB  -",
        "flux      暖色模型                     5.41 MB  -",
    ]


def test_an_empty_column_goes_before_another_is_shortened() -> None:
    assert texts(Table(COLUMNS, ROWS), room=46)[0].split() == ["id", "suits", "size"]
    assert "SD 1.5, Anything, OrangeMix" in texts(Table(COLUMNS, ROWS), room=46)[1]


def test_columns_are_shortened_and_then_left_out_by_rank() -> None:
    assert texts(Table(COLUMNS, ROWS), room=32)[1] == "clearvae  SD 1.5, Anyt…   335 MB"
    assert texts(Table(COLUMNS, ROWS), room=20) == [
        "id        suits",
        "clearvae  SD 1.5, A…",
        "flux      暖色模型",
    ]
    assert texts(Table(COLUMNS, ROWS), room=5) == ["id", "clearvae", "flux"]


def test_headings_and_values_have_styles_and_dashes_have_none() -> None:
    heading, row = lay_out(Table((Column("login", style="green"),), (("-",),)))
    assert heading == (Styled("login", "bold"),)
    assert row == ("-",)


@given(
    st.lists(st.tuples(*[st.text("ab -暖", max_size=30)] * 4), max_size=5),
    st.integers(min_value=1, max_value=120),
)
def test_nothing_is_wider_than_the_room_unless_it_cannot_shrink(
    rows: list[tuple[str, ...]], room: int
) -> None:
    whole = max([2, *(words.width(row[0]) for row in rows)])
    for line in texts(Table(COLUMNS, tuple(rows)), room):
        assert words.width(line) <= max(room, whole)


def test_a_fact_is_wrapped_below_itself_on_a_terminal_only() -> None:
    fact = Fact("notes", "one two three four five six seven eight nine\nten")
    assert [text_of(line) for line in lay_out_fact(fact)] == [
        "  notes        one two three four five six seven eight nine",
        "               ten",
    ]
    assert [text_of(line) for line in lay_out_fact(fact, room=45)] == [
        "  notes        one two three four five six",
        "               seven eight nine",
        "               ten",
    ]
    chinese = Fact("summary", "明亮浓郁的动漫色彩，很多二次元模型改名附带的就是它")
    assert [text_of(line) for line in lay_out_fact(chinese, room=45)] == [
        "  summary      明亮浓郁的动漫色彩，很多二次元",
        "               模型改名附带的就是它",
    ]
