"""Take a few pixels of a picture: all of it made small, and a piece of its middle as it is.

Pillow decodes, from the pixels' own bytes alone: what else a file holds never reaches it. A decoded
picture takes four bytes a pixel, and in some decoders, WebP's above all, four times that; with the
ceilings below it is less than 400 MB (measured). Larger ones are not decoded.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy import uint8
    from numpy.typing import NDArray

    from vaehub.insight.pictures import Picture, Span

    Pixels = NDArray[uint8]

MOST_PIXELS = {"PNG": 50_000_000, "JPEG": 50_000_000}
"""As many as are decoded at once; 8192 x 6000 and a little more."""
MOST_OTHERWISE = 20_000_000
_STRIP = 2_000_000
"""Pixels that are made small at a time."""
SMALL = 256
"""Longest edge of the whole, made small."""
PIECE = 384
"""Longest edge of the piece of the middle."""
NEEDED = "pip install 'vaehub[pictures]'"
_LEAST_EDGE = 16
_OPAQUE = 250


class Sample(NamedTuple):
    """Pixels of a picture, ``[height, width, 3]``."""

    whole: Pixels
    piece: Pixels


class NotLookedAt(Exception):
    """The pixels were not looked at; the message says why, after *because*."""


def sample(picture: Picture) -> Sample:
    """Take pixels of a picture.

    Raises:
        NotLookedAt: Pillow or numpy is missing, the picture is too large, or it does not decode.
    """
    try:
        import numpy  # noqa: F401, ICN001 (only whether it is there)
        from PIL import Image
    except ImportError as error:
        missing = "Pillow" if (error.name or "").startswith("PIL") else "numpy"
        raise NotLookedAt(f"{missing} is not installed: {NEEDED}") from None
    if not picture.shown:
        raise NotLookedAt("the file does not say where they begin and end, or is too large")
    most = MOST_PIXELS.get(picture.kind, MOST_OTHERWISE)
    if picture.size is not None:
        _refuse_size(picture.size, most)
    try:
        with picture.path.open("rb") as file:
            shown = cast("BinaryIO", _Shown(file, picture.shown))
            with Image.open(shown) as image:
                _refuse_size(image.size, most)
                return taken(image)
    except NotLookedAt:
        raise
    except MemoryError:
        raise NotLookedAt("there is not enough memory for them") from None
    except Exception as error:  # a decoder meets anything, and says it in as many ways
        raise NotLookedAt(f"they do not decode: {_plain(error)}") from None


def _plain(error: Exception) -> str:
    # Pillow's own sentence names the object that it was given.
    unknown = isinstance(error, OSError) and "cannot identify" in str(error)
    return "Pillow knows no such file" if unknown else str(error) or type(error).__name__


def _refuse_size(size: tuple[int, int], most: int) -> None:
    width, height = size
    if width * height > most:
        raise NotLookedAt(
            f"{width:,} x {height:,} are more than the {most:,} pixels that vaehub decodes"
        )
    if min(width, height) < _LEAST_EDGE:
        raise NotLookedAt(f"{width} x {height} are too few to tell anything")


def taken(image: Any) -> Sample:
    """Take pixels of Pillow's picture.

    Raises:
        NotLookedAt: it is transparent in places.
    """
    image.load()
    return Sample(_small(image), _array(image.crop(_middle(image.size))))


def _small(image: Any) -> Pixels:
    """Average a picture down, a strip at a time: a copy of all of it would be as large again."""
    import numpy as np

    width, height = image.size
    factor = math.ceil(max(width, height) / SMALL)
    if factor == 1:
        return _array(image)
    across, down = min(factor, width), min(factor, height)
    strip = max(1, _STRIP // (width * down)) * down
    parts = []
    for top in range(0, height // down * down, strip):
        rows = _array(image.crop((0, top, width, min(top + strip, height // down * down))))
        rows = rows[:, : width // across * across]
        blocks = rows.reshape(rows.shape[0] // down, down, -1, across, 3)
        parts.append(blocks.mean((1, 3)).round().astype(np.uint8))
    return np.concatenate(parts)


def _middle(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Give the middle, beginning at multiples of 8: decoders paint in such blocks."""
    width, height = size
    left, top = (max(0, (edge - PIECE) // 2) // 8 * 8 for edge in size)
    return left, top, min(width, left + PIECE), min(height, top + PIECE)


def _array(image: Any) -> Pixels:
    import numpy as np

    if image.mode.startswith("I"):  # 16 bits
        wide = np.asarray(image).astype("int64") >> 8
        return np.repeat(wide.clip(0, 255).astype("uint8")[..., None], 3, axis=2)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
        if not math.isclose(float((alpha >= _OPAQUE).mean()), 1.0, abs_tol=0.02):
            raise NotLookedAt("the picture is transparent in places")
    return np.asarray(image.convert("RGB"))


class _Shown(io.RawIOBase):
    """A file of the pixels' bytes only, one span after another."""

    def __init__(self, file: BinaryIO, spans: tuple[Span, ...]) -> None:
        self._file, self._spans = file, spans
        self._size = sum(span.end - span.start for span in spans)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        start = {0: 0, 1: self._at, 2: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._at if size is None or size < 0 else size
        pieces, place = [], self._at
        for span in self._spans:
            length = span.end - span.start
            if left <= 0:
                break
            if place >= length:
                place -= length
                continue
            self._file.seek(span.start + place)
            data = self._file.read(min(left, length - place))
            pieces.append(data)
            left -= len(data)
            place = 0
        found = b"".join(pieces)
        self._at += len(found)
        return found
