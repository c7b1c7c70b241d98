"""A few pixels are taken of any picture that decodes, and nothing else of its file is touched."""

from __future__ import annotations

import struct
import sys
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.insight import pictures as made
from vaehub.insight import pictures
from vaehub.insight.pixels import sampling

if TYPE_CHECKING:
    from pathlib import Path

numpy = pytest.importorskip("numpy", reason="numpy is not installed")
Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def taken(path: Path) -> sampling.Sample:
    return sampling.sample(pictures.read(path))


def refused(path: Path) -> str:
    with pytest.raises(sampling.NotLookedAt) as error:
        taken(path)
    return str(error.value)


def saved(path: Path, image: Any, **options: Any) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp", "x.bmp", "x.gif", "x.tiff"])
def test_every_kind_of_picture_is_decoded(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, Image.new("RGB", (500, 300), (10, 200, 30)))
    whole, piece = taken(path)
    assert whole.shape == (150, 250, 3)
    assert piece.shape == (300, 384, 3)
    assert abs(whole.astype(int).mean((0, 1)) - (10, 200, 30)).max() < 5


@pytest.mark.parametrize("mode", ["L", "1", "P", "I;16", "RGBA", "LA", "CMYK"])
def test_every_mode_becomes_colours(tmp_path: Path, mode: str) -> None:
    name = "x.tiff" if mode == "CMYK" else "x.png"
    grey = Image.new("L", (64, 64), 255)
    if mode == "I;16":
        image = Image.fromarray(numpy.full((64, 64), 0xFFFF, numpy.uint16))
    else:
        image = grey.convert("RGB").convert(mode) if mode != "LA" else grey.convert("LA")
    whole, _ = taken(saved(tmp_path / name, image))
    assert whole.dtype == numpy.uint8
    assert whole.min() >= 250


@pytest.mark.parametrize("size", [(16, 2000), (2000, 17), (257, 257), (1024, 768), (3000, 2999)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_the_whole_is_averaged_and_no_larger_than_it_may_be(
    tmp_path: Path, size: tuple[int, int], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "_STRIP", 50_000)
    width, height = size
    ramp = numpy.linspace(0, 255, height)[:, None].repeat(width, 1).astype(numpy.uint8)
    image = Image.fromarray(ramp).convert("RGB").convert(mode)
    whole, _ = taken(saved(tmp_path / "x.png", image))
    assert max(whole.shape[:2]) <= sampling.SMALL
    assert min(whole.shape[:2]) >= 1
    rows = whole.mean((1, 2))
    assert abs(rows.mean() - 127) < 9
    assert (numpy.diff(rows) >= 0).all()
    assert rows[0] < 255 / len(rows)
    assert rows[-1] > 255 - 255 * 2.5 / len(rows)


def test_the_middle_begins_at_a_block(tmp_path: Path) -> None:
    ramp = numpy.arange(1000, dtype=numpy.uint32) % 256
    image = Image.fromarray(numpy.tile(ramp.astype(numpy.uint8), (500, 1)))
    _, piece = taken(saved(tmp_path / "x.png", image))
    assert piece.shape == (384, 384, 3)
    assert piece[0, 0, 0] == 304 % 256  # (1000 - 384) / 2 is 308


def test_a_picture_that_is_transparent_is_not_judged(tmp_path: Path) -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    assert "transparent" in refused(saved(tmp_path / "x.png", image))


def test_what_would_be_too_large_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(made.png(size=(100_000, 100_000)))
    assert "100,000 x 100,000 are more than" in refused(path)
    path.write_bytes(made.png(size=(8, 8)))
    assert "too few" in refused(path)


def test_a_file_that_claims_less_than_it_holds_is_not_decoded(tmp_path: Path) -> None:
    """A second frame in a GIF or a second header may be larger than the first."""
    path = saved(tmp_path / "x.gif", Image.new("L", (64, 64)))
    data = bytearray(path.read_bytes())
    data[6:10] = struct.pack("<HH", 8_000, 7_000)
    path.write_bytes(data)
    assert "more than" in refused(path)


def test_texts_never_reach_the_decoder(tmp_path: Path) -> None:
    bomb = zlib.compress(b"\0" * (64 << 20), 9)
    path = tmp_path / "x.png"
    path.write_bytes(made.png(*[made.chunk(b"zTXt", b"a\0\0" + bomb)] * 3))
    assert taken(path).whole.shape == (32, 32, 3)


def test_what_does_not_decode_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(made.png()[:-40])
    assert "do not decode" in refused(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100)
    assert refused(path)
    path.write_bytes(made.webp())
    assert refused(path)


@pytest.mark.parametrize(("module", "said"), [("PIL", "Pillow"), ("numpy", "numpy")])
def test_without_its_extra_it_says_how_to_add_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, said: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "x.png"
    path.write_bytes(made.png())
    message = refused(path)
    assert f"{said} is not installed" in message
    assert "pip install 'vaehub[pictures]'" in message
