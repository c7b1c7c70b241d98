"""Reading what is written into pictures: right for each kind, and bounded whatever they claim."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.insight import pictures as made
from vaehub.errors import NotAPicture, UsageError, VaehubError
from vaehub.insight import makers, pictures
from vaehub.insight.pictures import gathered

FUZZ = os.environ.get("VAEHUB_FUZZ")
"""A seed; each test has an empty environment of its own."""
ROOT = Path(__file__).resolve().parents[2]
TEXT = "Steps: 20, 猫, é"


def read(tmp_path: Path, data: bytes) -> pictures.Picture:
    path = tmp_path / "picture"
    path.write_bytes(data)
    return pictures.read(path)


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_a_png_s_texts_are_read_in_each_of_the_three_ways(tmp_path: Path, kind: bytes) -> None:
    found = read(tmp_path, made.png(made.text_chunk("parameters", TEXT, kind)))
    assert (found.kind, found.size, found.notes) == ("PNG", (32, 32), ())
    assert found.texts == (pictures.Text("parameters", TEXT),)


def test_a_png_s_latin_1_is_read_too(tmp_path: Path) -> None:
    found = read(tmp_path, made.png(made.chunk(b"tEXt", b"Comment\0caf\xe9")))
    assert found.text("Comment") == "café"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "comment",
    [
        made.unicode_comment(TEXT),
        made.unicode_comment(TEXT, "utf-16-le"),
        made.unicode_comment(TEXT, "utf-16"),
        made.unicode_comment(TEXT, "utf-8"),
        b"ASCII\0\0\0" + TEXT.encode(),
        b"\0" * 8 + TEXT.encode(),
        TEXT.encode() + b"\0",
    ],
)
def test_a_user_s_comment_is_read_however_it_is_encoded(
    tmp_path: Path, comment: bytes, order: str
) -> None:
    data = made.exif({0x0131: b"Fooocus v2.5\0"}, comment=comment, order=order)
    for whole in (
        made.jpeg((0xE1, b"Exif\0\0" + data)),
        made.webp((b"EXIF", data)),
        made.webp((b"EXIF", b"Exif\0\0" + data)),
        made.png(made.chunk(b"eXIf", data)),
    ):
        found = read(tmp_path, whole)
        assert found.text("UserComment") == TEXT
        assert found.text("Software") == "Fooocus v2.5"


def test_xmp_is_read_in_all_three_kinds(tmp_path: Path) -> None:
    packet = (
        "<x:xmpmeta><rdf:Description><exif:UserComment><rdf:Alt>"
        '<rdf:li xml:lang="x-default">Steps: 1 &amp; 猫</rdf:li>'
        "</rdf:Alt></exif:UserComment></rdf:Description></x:xmpmeta>"
    ).encode()
    for whole in (
        made.jpeg((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)),
        made.webp((b"XMP ", packet)),
        made.png(made.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)),
    ):
        assert read(tmp_path, whole).text("UserComment") == "Steps: 1 & 猫"


def test_sizes_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, made.jpeg()).size == (64, 48)
    assert read(tmp_path, made.webp()).size == (64, 48)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_what_pillow_writes_is_read(tmp_path: Path, form: str) -> None:
    image = pytest.importorskip("PIL.Image")
    info = pytest.importorskip("PIL.PngImagePlugin").PngInfo()
    info.add_text("parameters", TEXT)
    exif = image.Exif()
    exif[0x9286] = made.unicode_comment(TEXT)
    file = io.BytesIO()
    options = {"pnginfo": info} if form == "PNG" else {"exif": exif}
    image.new("RGB", (20, 30)).save(file, form, **options)
    found = read(tmp_path, file.getvalue())
    assert found.size == (20, 30)
    assert found.texts[0].value == TEXT
    assert found.shown


# What is no picture


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x89PNG", b"RIFF0000WAVE", b"PK\3\4"])
def test_what_is_no_picture_is_told(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NotAPicture) as error:
        read(tmp_path, data)
    assert error.value.exit_code == 6


def test_what_is_no_file_is_a_mistake_of_usage(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.png", Path("/dev/null")):
        with pytest.raises(UsageError):
            pictures.read(path)


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"GIF89a", "GIF"), (b"BM", "BMP"), (b"II*\0", "TIFF"), (b"\0\0\0 ftypavif", "AVIF")],
)
def test_other_pictures_are_known_as_such(tmp_path: Path, head: bytes, kind: str) -> None:
    found = read(tmp_path, head + b"\0" * 32)
    assert (found.kind, found.texts) == (kind, ())
    assert kind in found.notes[0]


# Ceilings


def test_a_bomb_in_a_text_is_passed_by(tmp_path: Path) -> None:
    bomb = zlib.compress(b"\0" * (gathered.LARGEST_TEXT + 1), 9)
    assert len(bomb) < 20_000
    found = read(tmp_path, made.png(made.chunk(b"zTXt", b"parameters\0\0" + bomb)))
    assert found.texts == ()
    assert "unpacked it has more than" in found.notes[0]


def test_a_bomb_is_unpacked_no_further_than_its_ceiling(tmp_path: Path) -> None:
    packer = zlib.compressobj(1)
    piece = b"\0" * (16 << 20)
    bomb = b"".join([*(packer.compress(piece) for _ in range(16)), packer.flush()])
    data = made.png(made.chunk(b"iTXt", b"prompt\0\1\0\0\0" + bomb))
    tracemalloc.start()
    try:
        found = read(tmp_path, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.texts == ()
    assert peak < 100 << 20


def test_texts_have_a_ceiling_together(tmp_path: Path) -> None:
    large = made.chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * gathered.LARGEST_TEXT, 1))
    found = read(tmp_path, made.png(*[large] * 6))
    assert sum(len(text.value) for text in found.texts) <= gathered.LARGEST_SUM
    assert found.notes


def test_lengths_that_lie_end_the_reading(tmp_path: Path) -> None:
    for length in (5_000, 0x7FFFFFFF, 0xFFFFFFFF):
        lying = made.chunk(b"tEXt", b"parameters\0x", length=length)
        found = read(tmp_path, made.png(made.text_chunk("a", "b"), lying))
        assert found.text("a") == "b"
        assert "claims" in found.notes[0]


def test_endless_chunks_and_segments_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pictures.png, pictures.jpeg, pictures.webp):
        monkeypatch.setattr(module, "MOST_PARTS", 50)
    for data in (
        made.png(*[made.chunk(b"prVt", b"")] * 60),
        made.jpeg(*[(0xE2, b"")] * 60),
        made.webp(*[(b"ALPH", b"")] * 60),
    ):
        found = read(tmp_path, data)
        assert "more than 50" in found.notes[0]
        assert found.shown == ()


def test_a_jpeg_of_fill_bytes_ends(tmp_path: Path) -> None:
    found = read(tmp_path, b"\xff\xd8" + b"\xff" * 1_000_000)
    assert "cut off or damaged" in found.notes[0]


def test_exif_fields_that_share_bytes_share_the_ceiling(tmp_path: Path) -> None:
    text = b"x" * (1 << 20)
    count = 512
    base = 8 + 2 + 12 * count + 4
    entries = b"".join(struct.pack("<HHII", 0x0200 + at, 2, len(text), base) for at in range(count))
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + b"\0" * 4 + text
    found = read(tmp_path, made.webp((b"EXIF", data)))
    assert sum(len(one.value) for one in found.texts) <= gathered.LARGEST_SUM


def test_an_exif_directory_that_leads_to_itself_ends(tmp_path: Path) -> None:
    data = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + b"\0" * 4
    assert read(tmp_path, made.webp((b"EXIF", data))).texts == ()


@pytest.mark.skipif(sys.platform != "linux", reason="measured with Linux's own figures")
def test_a_text_of_a_gigabyte_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    before, after = made.png().split(b"\0\0\0\x00IEND")[0], made.chunk(b"IEND", b"")
    with path.open("wb") as file:
        file.write(before)
        file.write(struct.pack(">I", 1 << 30) + b"tEXtparameters\0")
        file.seek(len(before) + 8 + (1 << 30) + 4)
        file.write(after)
    code = (
        "import sys\n"
        "from vaehub.insight import pictures, explaining\n"
        "from vaehub.insight.pixels import sampling\n"
        "found = pictures.read(sys.argv[1])\n"
        "assert found.texts == (), found.texts\n"
        "assert '1,073,741,824' in found.notes[0], found.notes\n"
        "try:\n"
        "    sampling.sample(found)\n"
        "except sampling.NotLookedAt as error:\n"
        "    print(error)\n"
        "with open('/proc/self/status') as status:\n"
        "    print(next(line.split()[1] for line in status if line.startswith('VmHWM')))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    *_, peak = ran.stdout.split()
    assert int(peak) < 200_000, "kilobytes"


# Anything

HEADS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"")
WHOLE = (
    made.png(made.text_chunk("parameters", made.infotext("VAE: x.pt"), b"zTXt")),
    made.jpeg(
        (0xE1, b"Exif\0\0" + made.exif(comment=made.unicode_comment(made.infotext("VAE: x")))),
        (0xFE, b"text"),
    ),
    made.webp((b"EXIF", made.exif({0x110: b"prompt:{}\0"}, order="<")), (b"XMP ", b"<x>")),
    made.comfy(made.graph()),
)


def _any_bytes_are_survived(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        found = pictures.read(path)
    except VaehubError:
        return
    makers.read(found)
    assert sum(len(text.value) for text in found.texts) <= gathered.LARGEST_SUM


@given(st.sampled_from(HEADS), st.binary(max_size=400))
def test_bytes_of_any_kind_are_survived(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, rest: bytes
) -> None:
    _any_bytes_are_survived(tmp_path_factory.getbasetemp() / "any", head + rest)


@given(st.sampled_from(WHOLE), st.data())
def test_pictures_that_were_damaged_are_survived(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(changed)))
    _any_bytes_are_survived(tmp_path_factory.getbasetemp() / "any", bytes(changed[:cut]))


@pytest.mark.skipif(FUZZ is None, reason="VAEHUB_FUZZ=SEED is not set: it takes minutes")
def test_a_hundred_thousand_damaged_pictures_are_survived(tmp_path: Path) -> None:
    import random

    chance = random.Random(FUZZ)
    for _ in range(100_000):
        changed = bytearray(chance.choice(WHOLE))
        for _ in range(chance.randint(1, 12)):
            changed[chance.randrange(len(changed))] = chance.choice(
                (0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256))
            )
        if chance.random() < 0.3:
            del changed[chance.randrange(len(changed)) :]
        _any_bytes_are_survived(tmp_path / "any", bytes(changed))
