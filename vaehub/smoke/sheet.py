"""Pictures of a smoke test: what was decoded, and all of it on one contact sheet.

Knows Pillow and nothing of verdicts but their words. Overwrites only what it wrote itself: its
files carry a mark in their metadata.
"""

from __future__ import annotations

import io
import re
import textwrap
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from vaehub import durable
from vaehub.errors import FileInTheWay, TargetNotUsable

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

COLUMNS = ("original", "round trip", "golden", "natural", "gradient", "flat", "extremes")
SHEET = "contact-sheet.png"
_EDGE = 128
"""Pixels of one picture on the sheet."""
_GAP = 8
_LABEL = 210
_HEAD = 512
_LONGEST = 150
"""Characters; file systems allow 255 bytes."""
_MARK = "vaehub-smoke"


class Sheet:
    """Collects what is decoded, and draws it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[tuple[str, dict[str, Image.Image]]] = []
        self._taken: set[str] = set()

    def add(self, name: str, device: str, dtype: str, pictures: dict[str, Tensor]) -> None:
        """Save the pictures of one decode, and keep them for the sheet.

        Raises:
            FileInTheWay: a file that is not ours has the name.
            TargetNotUsable: the folder cannot be written.
        """
        drawn = {kind: to_image(picture) for kind, picture in pictures.items()}
        short = name.replace("\\", "/").rpartition("/")[2]
        stem = self._own("-".join(_plain(part) for part in (short, device, dtype)))
        for kind, image in drawn.items():
            _save(image, self._folder / f"{stem}-{_plain(kind)}.png")
        self._rows.append((f"{short}\n{device} {dtype}", drawn))

    def _own(self, stem: str) -> str:
        """Give a beginning of file names that this run has not used."""
        stem, number = stem[-_LONGEST:].lstrip("-."), 1
        while (numbered := stem if number == 1 else f"{stem}-{number}").lower() in self._taken:
            number += 1
        self._taken.add(numbered.lower())
        return numbered

    def draw(self) -> Path | None:
        """Draw the contact sheet; None where nothing was decoded.

        Raises:
            FileInTheWay, TargetNotUsable: as for :meth:`add`.
        """
        if not self._rows:
            return None
        columns = [kind for kind in COLUMNS if any(kind in drawn for _, drawn in self._rows)]
        cell = _EDGE + _GAP
        width, height = _LABEL + cell * len(columns) + _GAP, 28 + cell * len(self._rows) + _GAP
        sheet = Image.new("RGB", (width, height), "white")
        pen, font = ImageDraw.Draw(sheet), ImageFont.load_default()
        for x, kind in enumerate(columns):
            pen.text((_LABEL + x * cell + 2, 9), kind, fill="black", font=font)
        for y, (label, drawn) in enumerate(self._rows):
            top = 28 + y * cell
            pen.multiline_text((_GAP, top + 4), _wrapped(label), fill="black", font=font, spacing=4)
            for x, kind in enumerate(columns):
                if kind in drawn:
                    small = drawn[kind].resize((_EDGE, _EDGE), Image.Resampling.LANCZOS)
                    sheet.paste(small, (_LABEL + x * cell, top))
        path = self._folder / SHEET
        _save(sheet, path)
        return path


def to_image(picture: Tensor) -> Image.Image:
    """Make an image of [1, 3, H, W] from -1 to 1; what is no number becomes black, as in UIs."""
    eight = ((picture[0].float().nan_to_num(-1, -1, -1).clamp(-1, 1) + 1) * 127.5).round()
    return Image.fromarray(eight.byte().permute(1, 2, 0).contiguous().numpy())


def _save(image: Image.Image, path: Path) -> None:
    mark = PngImagePlugin.PngInfo()
    mark.add_text("Software", _MARK)
    packed = io.BytesIO()
    image.save(packed, "PNG", pnginfo=mark)
    try:
        if (path.exists() or path.is_symlink()) and not _is_ours(path):
            raise FileInTheWay(
                f"{path} is not a picture of an earlier smoke test",
                hint="name another folder with --images",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, packed.getvalue())
    except OSError as error:
        raise TargetNotUsable(
            f"cannot write {path}: {error.strerror or error}",
            hint="name a folder that you may write to with --images",
        ) from error


def _is_ours(path: Path) -> bool:
    """Look for the mark, which stands before the picture; nothing is decoded."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return b"tEXtSoftware\0" + _MARK.encode() in file.read(_HEAD)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "x"


def _wrapped(label: str, *, room: int = 32) -> str:
    lines = [part for line in label.split("\n") for part in textwrap.wrap(line, room)]
    return "\n".join(lines[:8])
