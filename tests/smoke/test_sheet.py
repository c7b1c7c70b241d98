"""The pictures and the contact sheet."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (vaehub[smoke])")
pytest.importorskip("numpy", reason="numpy is not installed (vaehub[smoke])")
Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (vaehub[smoke])")

from vaehub.errors import FileInTheWay, TargetNotUsable  # noqa: E402  torch comes first
from vaehub.smoke import fields  # noqa: E402
from vaehub.smoke.sheet import SHEET, Sheet, to_image  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


@pytest.fixture
def pictures() -> dict[str, Tensor]:
    return {"original": fields.picture(64), "round trip": fields.picture(64) * 0.5}


def drawn(folder: Path, pictures: dict[str, Tensor], *, name: str = "house") -> list[str]:
    sheet = Sheet(folder)
    sheet.add(name, "cpu", "fp32", pictures)
    assert sheet.draw() == folder / SHEET
    return sorted(path.name for path in folder.iterdir())


def test_every_picture_and_the_sheet_are_written(
    tmp_path: Path, pictures: dict[str, Tensor]
) -> None:
    assert drawn(tmp_path / "new" / "folder", pictures) == [
        *(SHEET, "house-cpu-fp32-original.png", "house-cpu-fp32-round-trip.png")
    ]
    with Image.open(tmp_path / "new" / "folder" / "house-cpu-fp32-original.png") as image:
        assert (image.format, image.size, image.mode) == ("PNG", (64, 64), "RGB")
        expected = (fields.picture(64)[0, :, 20, 30] + 1) * 127.5
        assert image.getpixel((30, 20)) == tuple(round(float(v)) for v in expected)


def test_the_sheet_has_a_row_for_each_decode(tmp_path: Path, pictures: dict[str, Tensor]) -> None:
    sheet = Sheet(tmp_path)
    sizes = []
    for dtype in ("fp32", "bf16"):
        sheet.add("house", "cpu", dtype, pictures)
        path = sheet.draw()
        assert path is not None
        with Image.open(path) as image:
            sizes.append(image.size)
    assert sizes[0][0] == sizes[1][0]
    assert sizes[1][1] - sizes[0][1] > 128


def test_nothing_decoded_is_no_sheet(tmp_path: Path) -> None:
    assert Sheet(tmp_path / "new").draw() is None
    assert list(tmp_path.iterdir()) == []


def test_its_own_files_are_replaced(tmp_path: Path, pictures: dict[str, Tensor]) -> None:
    first = drawn(tmp_path, pictures)
    before = (tmp_path / SHEET).read_bytes()
    assert drawn(tmp_path, {kind: -one for kind, one in pictures.items()}) == first
    assert (tmp_path / SHEET).read_bytes() != before


def bomb() -> bytes:
    """A PNG whose header promises more pixels than Pillow would like to hear of."""
    header = b"IHDR" + (1 << 20).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + b"\0\0\0\x0d" + header + b"\0\0\0\0"


@pytest.mark.parametrize("data", [b"", b"a holiday", bomb()], ids=["empty", "text", "bomb"])
@pytest.mark.parametrize("name", [SHEET, "house-cpu-fp32-original.png"])
def test_a_file_of_the_users_is_never_overwritten(
    tmp_path: Path, pictures: dict[str, Tensor], name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FileInTheWay, match="not a picture of an earlier smoke test"):
        drawn(tmp_path, pictures)
    assert (tmp_path / name).read_bytes() == data
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]


def test_a_picture_that_others_drew_is_never_overwritten(
    tmp_path: Path, pictures: dict[str, Tensor]
) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / SHEET)
    with pytest.raises(FileInTheWay):
        drawn(tmp_path, pictures)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_of_the_users_is_never_replaced(tmp_path: Path, pictures: dict[str, Tensor]) -> None:
    (tmp_path / SHEET).symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(FileInTheWay):
        drawn(tmp_path, pictures)
    assert (tmp_path / SHEET).is_symlink()
    assert not (tmp_path / "nowhere.png").exists()


def test_a_folder_of_that_name_stays(tmp_path: Path, pictures: dict[str, Tensor]) -> None:
    (tmp_path / SHEET).mkdir()
    with pytest.raises(FileInTheWay):
        drawn(tmp_path, pictures)


def test_a_file_in_place_of_the_folder(tmp_path: Path, pictures: dict[str, Tensor]) -> None:
    (tmp_path / "pictures").write_text("a file")
    with pytest.raises(TargetNotUsable, match="cannot write") as caught:
        drawn(tmp_path / "pictures", pictures)
    assert "--images" in str(caught.value.hint)


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_that_cannot_be_written(tmp_path: Path, pictures: dict[str, Tensor]) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(TargetNotUsable, match="cannot write"):
            drawn(tmp_path, pictures)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("value", "grey"),
    [
        *((math.nan, 0), (math.inf, 0), (-math.inf, 0)),
        *((-1.0, 0), (0.0, 128), (1.0, 255), (7.0, 255), (-7.0, 0)),
    ],
)
def test_what_is_no_number_becomes_black(value: float, grey: int) -> None:
    image = to_image(torch.full((1, 3, 2, 2), value))
    assert image.getpixel((0, 0)) == (grey, grey, grey)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "C:\\vae\\x.pt", "a" * 400, "🙂", "", "~/models/VAE/house.safetensors"],
)
def test_no_name_leads_out_of_the_folder(
    tmp_path: Path, pictures: dict[str, Tensor], name: str
) -> None:
    folder = tmp_path / "pictures"
    names = drawn(folder, pictures, name=name)
    assert len(names) == 3
    assert all(name.isascii() and len(name) < 200 for name in names)
    assert list(tmp_path.iterdir()) == [folder]


def test_two_of_one_name_are_kept_apart(tmp_path: Path, pictures: dict[str, Tensor]) -> None:
    sheet = Sheet(tmp_path)
    for name in ("a/house.pt", "b/house.pt", "b/HOUSE.pt"):
        sheet.add(name, "cpu", "fp32", pictures)
    assert len(list(tmp_path.iterdir())) == 6
