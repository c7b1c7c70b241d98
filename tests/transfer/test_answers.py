from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaehub.errors import SourceUnusable
from vaehub.transfer.answers import Body, NoSuchRange, read_answer


@pytest.mark.parametrize(
    ("status", "headers", "asked", "result"),
    [
        (200, {"Content-Length": "9"}, 0, Body(0, 9)),
        (200, {}, 0, Body(0, None)),
        (200, {"Content-Length": "9", "Transfer-Encoding": "chunked"}, 0, Body(0, None)),
        (200, {"Content-Length": "nine"}, 0, Body(0, None)),
        (200, {"Content-Length": "9"}, 4, Body(0, 9)),
        (200, {"Content-Range": "bytes 4-8/9", "Content-Length": "5"}, 4, Body(4, 9)),
        (206, {"Content-Range": "bytes 4-8/9"}, 4, Body(4, 9)),
        (206, {"Content-Range": "Bytes 4-6/*"}, 4, Body(4, None)),
        (206, {"Content-Range": "bytes 0-8/9"}, 0, Body(0, 9)),
        (206, {"Content-Range": "bytes 4-8/9", "Content-Encoding": "identity"}, 4, Body(4, 9)),
        (416, {"Content-Range": "bytes */9"}, 12, NoSuchRange(9)),
        (416, {}, 12, NoSuchRange(None)),
        (404, {}, 0, None),
        (204, {}, 0, None),
        (302, {}, 0, None),
    ],
)
def test_what_an_answer_holds(
    status: int, headers: dict[str, str], asked: int, result: Body | NoSuchRange | None
) -> None:
    assert read_answer(status, headers, asked=asked) == result


@pytest.mark.parametrize(
    ("status", "headers", "asked"),
    [
        (206, {}, 4),
        (206, {"Content-Range": "bytes 0-8/9"}, 4),
        (206, {"Content-Range": "bytes 5-8/9"}, 4),
        (200, {"Content-Range": "bytes 0-8/9"}, 4),
        (206, {"Content-Range": "bytes 4-9/9"}, 4),
        (206, {"Content-Range": "bytes 4-3/9"}, 4),
        (206, {"Content-Range": "lines 4-8/9"}, 4),
        (206, {"Content-Range": "bytes 4-"}, 4),
        (200, {"Content-Encoding": "gzip"}, 0),
    ],
)
def test_contradictions_are_refused(status: int, headers: dict[str, str], asked: int) -> None:
    with pytest.raises(SourceUnusable):
        read_answer(status, headers, asked=asked)


@given(
    st.sampled_from([200, 206, 416]),
    st.text(max_size=30) | st.from_regex(r"bytes \d{1,3}-\d{1,3}/(\d{1,3}|\*)", fullmatch=True),
    st.integers(0, 999),
)
def test_what_passes_starts_where_asked(status: int, said: str, asked: int) -> None:
    try:
        found = read_answer(status, {"Content-Range": said}, asked=asked)
    except SourceUnusable:
        return
    assert isinstance(found, NoSuchRange) if status == 416 else found
    if isinstance(found, Body):
        assert found.start == asked
        assert found.total is None or found.total > asked
