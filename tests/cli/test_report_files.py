"""Reports for CI are written where they should be, and over nothing that somebody needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from vaehub.cli import report_files
from vaehub.errors import FileInTheWay, TargetNotUsable

MARK, TEXT = b"<testsuite", '<?xml version="1.0"?>\n<testsuite name="x">中文</testsuite>\n'


def write(path: Path | str) -> None:
    report_files.write(str(path), TEXT, option="--junit", mark=MARK)


def test_a_report_and_the_folders_above_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "report.xml"
    write(path)
    assert path.read_text(encoding="utf-8") == TEXT
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("before", ["", '<?xml version="1.0"?>\n<testsuites><testsuite/>'])
def test_an_earlier_report_or_an_empty_file_gives_way(tmp_path: Path, before: str) -> None:
    path = tmp_path / "report.xml"
    path.write_text(before)
    write(path)
    assert path.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize("before", [b"weights", b"x" * 2000 + MARK])
def test_anything_else_stays(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "vae.safetensors"
    path.write_bytes(before)
    with pytest.raises(FileInTheWay, match="no report") as caught:
        write(path)
    assert "--junit" in str(caught.value.hint)
    assert path.read_bytes() == before


def test_a_folder_and_a_device_stay(tmp_path: Path) -> None:
    with pytest.raises(FileInTheWay):
        write(tmp_path)
    with pytest.raises(FileInTheWay):
        write("/dev/null")
    assert tmp_path.is_dir()
    assert not Path("/dev/null").is_file()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link, path = tmp_path / "latest.xml", tmp_path / "report-1.xml"
    link.symlink_to(path.name)
    write(link)
    write(link)
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == TEXT


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TargetNotUsable, match="cannot write") as caught:
        write(tmp_path / "file" / "report.xml")
    assert "--junit" in str(caught.value.hint)
