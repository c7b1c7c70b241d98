"""Read what is written into pictures, without a library and without holding them.

Knows PNG, JPEG and WebP; of other kinds only that they are pictures. Understands no text: that is
:mod:`vaehub.insight.makers`. Looks at no pixel.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from vaehub.errors import NotAPicture, UsageError
from vaehub.insight.pictures import jpeg, png, webp
from vaehub.insight.pictures.gathered import Gathered, Span, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[BinaryIO, int, Gathered], None]

__all__ = ["Picture", "Span", "Text", "read"]

_OTHERS = (
    (b"GIF8", 0, "GIF"),
    (b"BM", 0, "BMP"),
    (b"II*\0", 0, "TIFF"),
    (b"MM\0*", 0, "TIFF"),
    (b"ftypavif", 4, "AVIF"),
    (b"ftypavis", 4, "AVIF"),
    (b"ftyphei", 4, "HEIF"),
    (b"ftypmif1", 4, "HEIF"),
    (b"\xff\x0a", 0, "JPEG XL"),
    (b"JXL ", 4, "JPEG XL"),
)
"""First bytes, where they stand, and what they mean."""
_LARGEST_OTHER = 64 << 20


class Picture(NamedTuple):
    """What a picture's file says, pixels aside."""

    path: Path
    kind: str
    """``PNG``, ``JPEG`` ..."""
    size: tuple[int, int] | None
    """Width and height as the file claims; None where it does not say."""
    texts: tuple[Text, ...]
    notes: tuple[str, ...]
    """What was passed by, and why."""
    shown: tuple[Span, ...]
    """The bytes to decode its pixels from; none where it had better not be decoded."""

    def text(self, key: str) -> str | None:
        """Give the first text of a key."""
        return next((text.value for text in self.texts if text.key == key), None)


def read(path: str | Path) -> Picture:
    """Read a picture's texts.

    Args:
        path: The file.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        NotAPicture: it is no picture.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is no file", hint="name pictures: vaehub explain *.png")
        with path.open("rb") as file:
            return _read(path, file, status.st_size)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None


def _read(path: Path, file: BinaryIO, size: int) -> Picture:
    head = file.read(16)
    gathered = Gathered()
    kind, reader = _kind(head)
    if kind is None:
        raise NotAPicture(
            f"{path} is no picture that vaehub knows: it begins with {head[:8]!r}"
            if head
            else f"{path} is empty",
            hint="explain takes PNG, JPEG and WebP, and looks at the pixels of a few others",
        )
    if reader is not None:
        reader(file, size, gathered)
    else:
        gathered.notes.append(f"vaehub reads nothing that is written into a {kind}")
        if size <= _LARGEST_OTHER:
            gathered.show(0, size)
    return Picture(
        path,
        kind,
        gathered.size,
        tuple(gathered.texts),
        tuple(dict.fromkeys(gathered.notes)),
        tuple(gathered.shown),
    )


def _kind(head: bytes) -> tuple[str | None, Reader | None]:
    if head.startswith(png.SIGNATURE):
        return "PNG", png.read
    if head.startswith(jpeg.SIGNATURE):
        return "JPEG", jpeg.read
    if webp.is_webp(head):
        return "WebP", webp.read
    for first, at, kind in _OTHERS:
        if head[at : at + len(first)] == first:
            return kind, None
    return None, None
