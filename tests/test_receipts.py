"""Receipts: written whole, read with suspicion, gone without a trace."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trees import snapshot
from vaehub import receipts
from vaehub.errors import FileInTheWay, TargetNotUsable, TargetRefuses
from vaehub.model import Receipt

NAME = "kl-f8-anime2.safetensors"


def make(path: Path, *, data: bytes = b"weights", created: tuple[str, ...] = ()) -> Receipt:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    receipt = Receipt(
        path=path,
        entry="vaehub/kl-f8-anime2",
        variant="safetensors",
        sha256="ab" * 32,
        size=len(data),
        evidence="confirmed",
        source="huggingface hakurei/waifu-diffusion-v1-4 vae",
        method="hardlink",
        license="CreativeML-OpenRAIL-M",
        mtime_ns=0,
        inode=0,
        installed_at="2026-01-02T03:04:05+00:00",
        created_folders=created,
    )
    return receipts.with_stat(receipt, path.stat())


def test_a_written_receipt_is_found_and_listed(tmp_path: Path) -> None:
    receipt = make(tmp_path / NAME)
    receipts.write(receipt)
    assert receipts.find(tmp_path / NAME) == receipt
    assert receipts.read(tmp_path) == [receipt]
    assert receipts.scan(tmp_path).problems == ()


def test_what_a_smoke_test_said_is_part_of_it(tmp_path: Path) -> None:
    receipt = make(tmp_path / NAME)
    assert "smoke" not in receipts.to_json(receipt), "there was none"
    said = receipt._replace(smoke={"verdict": "works", "at": "2026-01-02T03:04:05+00:00"})
    receipts.write(said)
    assert receipts.find(tmp_path / NAME) == said
    # Somebody's nonsense there is a word on the file, and takes no right to it away.
    nonsense = {**receipts.to_json(said), "smoke": "splendid"}
    assert receipts.from_json(nonsense, path=receipt.path) == receipt


def test_the_checkpoint_that_it_goes_with_is_part_of_it(tmp_path: Path) -> None:
    receipt = make(tmp_path / NAME)
    assert "checkpoint" not in receipts.to_json(receipt), "there is none"
    said = receipt._replace(checkpoint="some.safetensors")
    receipts.write(said)
    assert receipts.find(receipt.path) == said
    nonsense = {**receipts.to_json(said), "checkpoint": 7}
    assert receipts.from_json(nonsense, path=receipt.path) == receipt


def test_the_receipt_lies_where_no_ui_takes_it_for_a_model(tmp_path: Path) -> None:
    written = receipts.write(make(tmp_path / NAME))
    assert written == tmp_path / ".vaehub" / f"{NAME}.json"
    assert [path.name for path in written.parent.iterdir()] == [written.name]


@pytest.mark.parametrize("name", ["config", "CONFIG", "con", "..", ".vaehub"])
def test_names_that_would_do_harm_get_no_receipt(tmp_path: Path, name: str) -> None:
    receipt = make(tmp_path / "good.pt")._replace(path=tmp_path / name)
    with pytest.raises(TargetRefuses):
        receipts.write(receipt)
    assert not (tmp_path / ".vaehub").exists()


def test_a_moved_tree_keeps_its_receipts(tmp_path: Path) -> None:
    receipts.write(make(tmp_path / "old" / NAME))
    (tmp_path / "old").rename(tmp_path / "new")
    assert receipts.read(tmp_path / "new")[0].path == tmp_path / "new" / NAME


def test_no_folder_means_no_receipts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        assert receipts.scan(folder) == receipts.Scan((), ())
    assert receipts.find(tmp_path / "missing" / NAME) is None


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 60_000,
        b'{"schema": 2}',
        b'{"schema": 1}',
        b" " * 70_000,
    ],
    ids=range(9),
)
def test_a_damaged_receipt_is_a_problem_and_no_crash(tmp_path: Path, damage: bytes) -> None:
    receipts.write(make(tmp_path / "good.pt"))
    bad = tmp_path / ".vaehub" / f"{NAME}.json"
    bad.write_bytes(damage)
    scan = receipts.scan(tmp_path)
    assert [receipt.path.name for receipt in scan.receipts] == ["good.pt"]
    assert [(problem.code, problem.where) for problem in scan.problems] == [
        ("receipt-damaged", str(bad))
    ]
    assert receipts.find(tmp_path / NAME) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", "7"),
        ("size", True),
        ("inode", None),
        ("entry", 5),
        ("sha256", "AB" * 32),
        ("sha256", "ab"),
        ("evidence", "sure"),
        ("created_folders", "models"),
        ("created_folders", [1]),
        ("root", 3),
    ],
)
def test_each_field_is_checked(tmp_path: Path, key: str, value: object) -> None:
    written = receipts.write(make(tmp_path / NAME))
    record = json.loads(written.read_text())
    record[key] = value
    written.write_text(json.dumps(record))
    assert receipts.find(tmp_path / NAME) is None
    assert key in receipts.scan(tmp_path).problems[0].message


def test_fields_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    receipt = make(tmp_path / NAME)
    record = {**receipts.to_json(receipt), "mood": "good"}
    assert receipts.from_json(record, path=receipt.path) == receipt


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    record=st.dictionaries(
        st.sampled_from(["entry", "variant", "sha256", "size", "root", "created_folders", "x"]),
        json_values,
    )
)
def test_whatever_a_receipt_says_it_is_read_or_refused(record: dict[str, Any]) -> None:
    base = {
        **dict.fromkeys(("entry", "variant", "source", "method", "license", "installed_at"), ""),
        **dict.fromkeys(("size", "mtime_ns", "inode"), 1),
        "schema": 1,
        "sha256": "0" * 64,
        "evidence": "host",
    }
    path = Path("folder") / NAME
    try:
        receipt = receipts.from_json({**base, **record}, path=path)
    except ValueError:
        return
    assert receipt.path == path
    assert receipts.from_json(receipts.to_json(receipt), path=path) == receipt


def test_stat_matches_until_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / NAME
    receipt = make(path)
    assert receipts.stat_matches(receipt, path.stat())
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1000))
    assert not receipts.stat_matches(receipt, path.stat())
    path.write_bytes(b"shorter")
    again = receipts.with_stat(receipt, path.stat())
    assert receipts.stat_matches(again, path.stat())
    (tmp_path / "other").write_bytes(b"shorter")
    os.utime(tmp_path / "other", ns=(0, path.stat().st_mtime_ns))
    assert not receipts.stat_matches(again, (tmp_path / "other").stat())


def install(path: Path, root: Path, *, known: list[Receipt] | None = None) -> Receipt:
    created = receipts.make_folder(path.parent, root=root, known=known or [])
    receipt = make(path, created=created)._replace(
        root=Path(os.path.relpath(root, path.parent)).as_posix()
    )
    receipts.write(receipt)
    return receipt


@pytest.mark.parametrize("root", [".", "models", "models/VAE"])
def test_unplacing_leaves_the_tree_as_it_was(tmp_path: Path, root: str) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    before = snapshot(tmp_path)
    receipt = install(tmp_path / "models" / "VAE" / NAME, tmp_path / root)
    assert len(receipt.created_folders) == 2
    assert receipts.read(tmp_path / "models" / "VAE") == [receipt]
    receipts.unplace(receipt)
    assert snapshot(tmp_path) == before


def test_folders_are_told_relative_to_the_root(tmp_path: Path) -> None:
    folder = tmp_path / "ui" / "models" / "VAE"
    (tmp_path / "ui").mkdir()
    made = receipts.make_folder(folder, root=tmp_path / "ui")
    assert made == ("models", "models/VAE")
    assert folder.is_dir()
    assert receipts.make_folder(folder, root=tmp_path / "ui") == ()


def test_folders_made_for_us_go_with_the_last_file(tmp_path: Path) -> None:
    vae, approx = tmp_path / "models" / "VAE", tmp_path / "models" / "VAE-taesd"
    first = install(vae / "a.pt", tmp_path)
    second = install(vae / "b.pt", tmp_path, known=[first])
    assert second.created_folders == ("models", "models/VAE")
    third = install(approx / "c.pth", tmp_path, known=[first, second])
    assert third.created_folders == ("models", "models/VAE-taesd")
    receipts.unplace(first)
    assert vae.is_dir()
    receipts.unplace(second)
    assert not vae.exists()
    assert approx.is_dir()
    receipts.unplace(third)
    assert snapshot(tmp_path) == {}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(TargetNotUsable, match="models is a file"):
        receipts.make_folder(tmp_path / "models" / "VAE", root=tmp_path)


def test_folders_that_the_user_filled_stay(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "VAE"
    receipt = install(folder / NAME, tmp_path)
    (folder / "mine.pt").write_bytes(b"mine")
    receipts.unplace(receipt)
    assert list(snapshot(tmp_path)) == ["models/", "models/VAE/", "models/VAE/mine.pt"]


@pytest.mark.parametrize("named", ["../victim", "../../x/victim", "/victim", "victim", "./victim"])
def test_an_edited_receipt_removes_no_other_folder(tmp_path: Path, named: str) -> None:
    for victim in (tmp_path / "victim", tmp_path / "x" / "victim", tmp_path / "VAE" / "victim"):
        victim.mkdir(parents=True)
    named = str(tmp_path / "victim") if named == "/victim" else named
    receipt = make(tmp_path / "VAE" / NAME, created=(named, "."))
    for bad in (receipt, receipt._replace(root=named, created_folders=("",))):
        receipts.write(bad)
        receipts.remove(bad)
    assert (tmp_path / "victim").is_dir()
    assert (tmp_path / "x" / "victim").is_dir()
    assert (tmp_path / "VAE" / "victim").is_dir()


def test_unplacing_twice_is_fine(tmp_path: Path) -> None:
    receipt = make(tmp_path / NAME)
    receipts.write(receipt)
    receipts.unplace(receipt)
    receipts.unplace(receipt)
    assert snapshot(tmp_path) == {}


def test_unplacing_spares_what_is_no_file(tmp_path: Path) -> None:
    receipt = make(tmp_path / NAME)
    receipts.write(receipt)
    receipt.path.rename(tmp_path / "elsewhere")
    receipt.path.symlink_to("elsewhere")
    with pytest.raises(FileInTheWay):
        receipts.unplace(receipt)
    receipt.path.unlink()
    receipt.path.mkdir()
    with pytest.raises(FileInTheWay):
        receipts.unplace(receipt)
    assert receipts.find(receipt.path) is not None


def test_our_folder_cannot_be_made(tmp_path: Path) -> None:
    receipt = make(tmp_path / NAME)
    (tmp_path / ".vaehub").write_text("a file")
    with pytest.raises(TargetNotUsable, match="receipt"):
        receipts.write(receipt)


def test_a_folder_that_goes_while_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was in the way, and by the time that anybody looked it was gone."""
    make_folder = os.mkdir
    refused: list[Any] = []

    def mkdir(path: Any, *rest: Any) -> None:
        if str(path).endswith(".vaehub") and not refused:
            refused.append(path)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        make_folder(path, *rest)

    monkeypatch.setattr(os, "mkdir", mkdir)
    receipt = make(tmp_path / NAME)
    receipts.write(receipt)
    assert refused
    assert receipts.find(receipt.path) == receipt


def _write_and_remove(folder: Path, name: str, times: int) -> None:
    for _ in range(times):
        receipt = make(folder / name)
        receipts.write(receipt)
        assert receipts.find(receipt.path) == receipt
        receipts.unplace(receipt)


def test_processes_that_share_a_folder_do_not_trip_each_other(tmp_path: Path) -> None:
    workers = [
        multiprocessing.Process(target=_write_and_remove, args=(tmp_path, f"{i}.pt", 60))
        for i in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert snapshot(tmp_path) == {}


def test_a_word_on_where_it_was_placed_that_is_none_is_left_out(tmp_path: Path) -> None:
    receipt = make(tmp_path / "vae.safetensors")
    for odd in (7, None, ["x"], "a\0b"):
        record = {**receipts.to_json(receipt), "placed_for": odd}
        assert receipts.from_json(record, path=receipt.path).placed_for is None
