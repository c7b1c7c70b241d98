from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.provision.importing.samples import (
    chunk,
    international_chunk,
    packed_chunk,
    png,
    text_chunk,
)
from vaehub.provision.importing import png as reader
from vaehub.provision.importing.png import DamagedPng, Texts

WANTED = ("workflow", "prompt")


def read(data: bytes) -> Texts:
    return reader.read(io.BytesIO(data), WANTED)


@pytest.mark.parametrize(
    "made",
    [
        text_chunk("workflow", '{"a": 1}'),
        packed_chunk("workflow", b'{"a": 1}'),
        international_chunk("workflow", '{"a": 1}'),
        international_chunk("workflow", '{"a": 1}', packed=True),
    ],
    ids=["tEXt", "zTXt", "iTXt", "packed iTXt"],
)
def test_each_kind_of_text_is_read(made: bytes) -> None:
    assert read(png(made)).texts == {"workflow": '{"a": 1}'}


def test_only_what_is_wanted_is_read_and_all_keywords_are_told() -> None:
    found = read(png(text_chunk("parameters", "steps"), text_chunk("prompt", "{}")))

    assert found.texts == {"prompt": "{}"}
    assert found.keywords == {"parameters", "prompt"}


def test_texts_are_utf8_or_latin1() -> None:
    found = read(
        png(
            chunk(b"tEXt", b"workflow\0" + "größe".encode("latin-1")),
            chunk(b"tEXt", b"prompt\0" + "色彩".encode()),
        )
    )

    assert found.texts == {"workflow": "größe", "prompt": "色彩"}


def test_of_two_texts_with_one_keyword_the_first_counts() -> None:
    assert read(png(text_chunk("prompt", "1"), text_chunk("prompt", "2"))).texts == {"prompt": "1"}


def test_a_text_behind_the_picture_is_found() -> None:
    data = png()
    end = chunk(b"IEND", b"")

    assert read(data[: -len(end)] + text_chunk("prompt", "{}") + end).texts == {"prompt": "{}"}


def test_what_follows_the_end_is_not_read() -> None:
    assert read(png() + text_chunk("prompt", "{}")).texts == {}


def test_a_picture_cut_off_after_its_texts_is_good_enough() -> None:
    data = png(text_chunk("prompt", "{}"))

    assert read(data[:-20]).texts == {"prompt": "{}"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not begin"),
        (b"GIF89a", "does not begin"),
        (png(chunk(b"tEXt", b"workflow\0{}", checksum=1)), "checksum"),
        (png(text_chunk("workflow", "x" * 500))[:200], "cut off within"),
        (png(chunk(b"zTXt", b"workflow\0\0not packed")), "cannot be unpacked"),
        (png(chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 999)[:-9])), "cut off"),
        (reader.SIGNATURE + struct.pack(">I4s", 0x80000000, b"tEXt"), "longer than any"),
        (reader.SIGNATURE + struct.pack(">I4s", 0x7FFFFFFF, b"tEXt") + b"workflow\0x", "more than"),
    ],
)
def test_what_is_damaged_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(DamagedPng, match=why):
        read(data)


def test_damage_elsewhere_does_not_matter() -> None:
    data = png(chunk(b"tEXt", b"comment\0x", checksum=1), text_chunk("prompt", "{}"))

    assert read(data).texts == {"prompt": "{}"}


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LONGEST", 1 << 20)
    for bomb in (
        packed_chunk("workflow", b"x" * (1 << 24)),
        international_chunk("workflow", "x" * (1 << 24), packed=True),
    ):
        data = png(bomb)
        tracemalloc.start()
        with pytest.raises(DamagedPng, match="unpacks to more than"):
            read(data)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 4 << 20


def test_a_length_that_lies_costs_no_memory() -> None:
    class Counting(io.BytesIO):
        asked = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 <= size <= reader.LONGEST
            self.asked += size
            return super().read(size)

    lie = struct.pack(">I4s", 0x7FFFFFFF, b"iTXt") + b"workflow\0"
    file = Counting(reader.SIGNATURE + lie)
    with pytest.raises(DamagedPng):
        reader.read(file, WANTED)
    assert file.asked < 1000


def test_the_number_of_chunks_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_CHUNKS", 3)
    many = [chunk(b"tIME", b"")] * 5

    assert read(png(*many, text_chunk("prompt", "{}"))).texts == {}


def chunks() -> st.SearchStrategy[bytes]:
    kinds = st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"IDAT", b"IEND", b"abcd"])
    keywords = st.sampled_from([b"workflow\0", b"prompt\0", b"", b"workflow\0\1\0\0\0"])
    contents = st.builds(lambda keyword, rest: keyword + rest, keywords, st.binary(max_size=60))
    return st.builds(chunk, kinds, contents)


@given(st.one_of(st.binary(max_size=300), st.lists(chunks(), max_size=6).map(lambda x: png(*x))))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for content in (data, reader.SIGNATURE + data):
        try:
            found = read(content)
        except DamagedPng:
            continue
        assert set(found.texts) <= set(WANTED)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_written_is_read(text: str) -> None:
    data = png(
        international_chunk("workflow", text), international_chunk("prompt", text, packed=True)
    )

    assert read(data).texts == {"workflow": text, "prompt": text}
