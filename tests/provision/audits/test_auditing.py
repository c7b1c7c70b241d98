"""``audit``: whatever is done to a tree is told for what it is, by really doing it."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import builders
from tests.converting.samples import checkpoint
from tests.provision.audits.box import Box, digest, flip, write
from tests.trees import forbidding_folder
from tests.weights.checkpoints import Call, archive
from vaehub import hashing, provisioning, receipts
from vaehub.errors import Drift, LockError, ManifestError, UsageError
from vaehub.hashing import Hashes
from vaehub.provision.findings import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WEB, COMFY = "webui/models/VAE", "ComfyUI/models/vae"
posix = pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A machine whose two UIs hold what the lock names, each in files of its own."""
    box = Box(tmp_path)
    box.add("one")
    box.add("two")
    box.want("one", "two")
    box.install("one", "two")
    for folder in (box.vae, box.comfy_vae):
        unlink_from_store(folder)
    return box


def unlink_from_store(folder: Path) -> None:
    """Give each placed file bytes of its own, as a copy or a reflink has them."""
    for receipt in receipts.read(folder):
        data = receipt.path.read_bytes()
        receipt.path.unlink()
        receipt.path.write_bytes(data)
        receipts.write(receipts.with_stat(receipt, receipt.path.stat()))


def put_in_place_of(path: Path, data: bytes) -> None:
    """Rename a new file over another, which certainly has another inode."""
    new = path.with_name("new")
    new.write_bytes(data)
    new.replace(path)


def both(box: Box) -> dict[str, str]:
    """Audit quick and deep, which say the same."""
    said = box.states(quick=True)
    assert box.states() == said
    return said


# All is well


def test_targets_that_are_as_the_lock_has_them(box: Box) -> None:
    found = box.audit()
    assert found.ok
    assert found.problems == ()
    assert [(file.place.name, file.path.name, file.state) for file in found.files] == [
        ("comfy", "one.safetensors", "ok"),
        ("comfy", "two.safetensors", "ok"),
        ("web", "one.safetensors", "ok"),
        ("web", "two.safetensors", "ok"),
    ]
    assert {file.sha256 for file in found.files} == {digest(data) for data in box.data.values()}
    found.raise_if_different()


@pytest.mark.parametrize("quick", [False, True])
def test_an_audit_changes_nothing_at_all(box: Box, *, quick: bool) -> None:
    (box.vae / "mine.safetensors").write_bytes(b"x")
    (box.vae / "two.safetensors").unlink()
    before = [(path, path.lstat()) for path in sorted(box.folder.rglob("*"))]
    box.audit(quick=quick)
    after = [(path, path.lstat()) for path in sorted(box.folder.rglob("*"))]
    told = ("st_mode", "st_ino", "st_size", "st_mtime_ns")
    assert [(path, *(getattr(stat, key) for key in told)) for path, stat in after] == [
        (path, *(getattr(stat, key) for key in told)) for path, stat in before
    ]


def test_quick_reads_no_model(box: Box) -> None:
    for path in (*box.vae.glob("*.*"), *box.comfy_vae.glob("*.*")):
        if path.is_file():
            stat = path.stat()
            path.write_bytes(b"\0" * stat.st_size)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert box.states(quick=True) == {}


def test_a_tree_that_was_copied_is_read_and_found_right(box: Box) -> None:
    shutil.copytree(box.web, box.folder / "copy")
    shutil.rmtree(box.web)
    (box.folder / "copy").rename(box.web)
    assert both(box) == {}


# Damage


def test_a_flipped_bit_is_found_deep_and_not_quick(box: Box) -> None:
    flip(box.vae / "one.safetensors")
    assert box.states(quick=True) == {}
    assert box.states() == {f"{WEB}/one.safetensors": "changed"}


def test_damage_is_told_with_what_was_expected_and_what_is_there(box: Box) -> None:
    data = box.data["one.safetensors"]
    flip(box.vae / "one.safetensors")
    problem = box.problem("changed")
    assert problem.where == str(box.vae / "one.safetensors")
    assert f"expected {len(data):,} bytes with sha256 {digest(data)}, got" in problem.message
    assert digest((box.vae / "one.safetensors").read_bytes()) in problem.message
    assert problem.message.endswith("its length is right, and it is still a sound model")
    assert "vaehub sync" in problem.hint


def test_a_partial_write_is_told_for_what_it_is(box: Box) -> None:
    path = box.vae / "one.safetensors"
    write(path, box.data[path.name][:-100], keep_time=True)
    for quick in (True, False):
        problem = box.problem("changed", quick=quick)
        assert "it is 100 bytes too short, and it is no sound model any more: " in problem.message


def test_a_file_that_grew_is_told_for_what_it_is(box: Box) -> None:
    path = box.vae / "one.safetensors"
    write(path, box.data[path.name] + b"123")
    assert "it is 3 bytes too long" in box.problem("changed").message


def test_a_copy_over_the_file_keeps_the_inode_and_is_a_change(box: Box) -> None:
    other = builders.safetensors_bytes(seed=77)
    write(box.vae / "one.safetensors", other)
    assert both(box) == {f"{WEB}/one.safetensors": "changed"}


def test_damage_of_a_file_that_is_linked_to_its_blob_makes_the_store_look_again(box: Box) -> None:
    name = "one.safetensors"
    blob = box.store.blob(digest(box.data[name]))
    (box.vae / name).unlink()
    (box.vae / name).hardlink_to(blob)
    receipt = receipts.find(box.vae / name)
    assert receipt is not None
    receipts.write(receipts.with_stat(receipt, blob.stat()))
    flip(box.vae / name)
    assert box.store.has(digest(box.data[name])), "its seal is intact"
    assert box.states() == {f"{WEB}/{name}": "changed"}
    assert not box.store.has(digest(box.data[name]))


# Names


def test_a_file_that_is_gone(box: Box) -> None:
    (box.vae / "one.safetensors").unlink()
    assert both(box) == {f"{WEB}/one.safetensors": "missing"}
    problem = box.problem("missing")
    assert "expected 4,192 bytes with sha256" in problem.message
    assert problem.hint == "vaehub sync"


def test_a_target_that_is_not_there_at_all(box: Box) -> None:
    shutil.rmtree(box.web)
    assert both(box) == {f"{WEB}/{name}": "missing" for name in box.data}


def test_another_file_under_the_name(box: Box) -> None:
    path = box.vae / "one.safetensors"
    put_in_place_of(path, builders.safetensors_bytes(seed=77))
    assert both(box) == {f"{WEB}/one.safetensors": "replaced"}
    problem = box.problem("replaced")
    assert problem.message.startswith("another file has the name one.safetensors; expected 4,192")
    assert digest(path.read_bytes()) in problem.message
    assert problem.hint == "move or delete it, then: vaehub sync"


def test_what_has_the_name_may_be_no_model_which_sync_may_then_mend(box: Box) -> None:
    put_in_place_of(box.vae / "one.safetensors", b"<html>404")
    problem = box.problem("replaced")
    assert "no sound model: " in problem.message
    assert problem.hint == "vaehub sync"


def test_what_has_the_name_may_be_dangerous_and_is_then_for_a_person_to_see(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.add("one", checkpoint(), name="one.pt")
    box.want("one")
    box.install("one")
    put_in_place_of(box.vae / "one.pt", archive(Call("os.system", ("true",)), {}))
    problem = box.problem("replaced")
    assert problem.message.startswith("another file has the name one.pt")
    assert problem.hint == "move or delete it, then: vaehub sync"


@posix
@pytest.mark.parametrize("what", ["folder", "link", "pipe"])
def test_what_has_the_name_may_be_no_file(box: Box, what: str) -> None:
    path = box.vae / "one.safetensors"
    path.unlink()
    match what:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to("nowhere")
        case _:
            os.mkfifo(path)
    assert both(box) == {f"{WEB}/one.safetensors": "replaced"}
    said = {"folder": "a folder has", "link": "a link that leads nowhere has", "pipe": "a pipe,"}
    assert box.problem("replaced").message.startswith(said[what])


def test_a_file_that_was_renamed(box: Box) -> None:
    (box.vae / "one.safetensors").rename(box.vae / "best.safetensors")
    assert both(box) == {f"{WEB}/one.safetensors": "renamed"}
    problem = box.problem("renamed")
    assert str(box.vae / "best.safetensors") in problem.message


@pytest.mark.parametrize("folder", ["deep", ".trash"])
def test_a_file_that_was_put_aside_under_a_name_of_no_model(box: Box, folder: str) -> None:
    (box.vae / folder).mkdir()
    (box.vae / "one.safetensors").rename(box.vae / folder / "one.safetensors.bak")
    assert both(box) == {f"{WEB}/one.safetensors": "renamed"}


def test_a_file_that_was_renamed_and_replaced(box: Box) -> None:
    (box.vae / "one.safetensors").rename(box.vae / "best.safetensors")
    (box.vae / "one.safetensors").write_bytes(builders.safetensors_bytes(seed=77))
    assert both(box) == {f"{WEB}/one.safetensors": "replaced"}
    hint = box.problem("replaced").hint
    assert hint.endswith(f"; the file itself stands at {box.vae / 'best.safetensors'}")


def test_two_files_that_changed_their_names(box: Box) -> None:
    one, two = box.vae / "one.safetensors", box.vae / "two.safetensors"
    one.rename(box.vae / "x")
    two.rename(one)
    (box.vae / "x").rename(two)
    assert both(box) == {f"{WEB}/{path.name}": "replaced" for path in (one, two)}


def test_of_a_renamed_file_and_its_copy_the_very_file_is_meant(box: Box) -> None:
    one = box.vae / "one.safetensors"
    shutil.copy2(one, box.vae / "a-copy.safetensors")
    one.rename(box.vae / "b-the-file.safetensors")
    assert both(box) == {
        f"{WEB}/one.safetensors": "renamed",
        f"{WEB}/a-copy.safetensors": "foreign",
    }


def test_a_renamed_file_that_rotted_is_another_file(box: Box) -> None:
    one, other = box.vae / "one.safetensors", box.vae / "other.safetensors"
    one.rename(other)
    flip(other)
    assert box.states() == {
        f"{WEB}/one.safetensors": "missing",
        f"{WEB}/other.safetensors": "foreign",
    }


# What the lock does not name


def test_what_vaehub_placed_and_the_lock_does_not_name(box: Box) -> None:
    box.add("three")
    box.install("three", to=box.web)
    assert both(box) == {f"{WEB}/three.safetensors": "extra"}
    problem = box.problem("extra")
    assert "mine/three@safetensors" in problem.message
    assert "vaehub sync" in problem.hint


def test_what_vaehub_placed_beside_a_checkpoint(box: Box) -> None:
    box.install("one", to=box.web, checkpoint="model")
    path = "webui/models/Stable-diffusion/model.vae.safetensors"
    assert both(box) == {path: "extra"}


def test_an_extra_file_that_was_changed_is_somebody_elses_now(box: Box) -> None:
    box.add("three")
    box.install("three", to=box.web)
    unlink_from_store(box.vae)
    flip(box.vae / "three.safetensors")
    assert box.states(quick=True) == {f"{WEB}/three.safetensors": "extra"}
    assert box.states() == {f"{WEB}/three.safetensors": "foreign"}
    assert "no longer what vaehub placed" in box.problem("foreign").message


def test_an_extra_file_that_is_gone_is_no_difference(box: Box) -> None:
    box.add("three")
    box.install("three", to=box.web)
    (box.vae / "three.safetensors").unlink()
    assert both(box) == {}


def test_a_newer_lock_that_names_other_bytes_under_the_same_name(box: Box) -> None:
    box.add("one", builders.safetensors_bytes(seed=88), name="one.safetensors")
    box.want("one", "two")
    assert both(box) == {f"{folder}/one.safetensors": "outdated" for folder in (WEB, COMFY)}
    [problem, _] = box.audit().problems
    assert digest(box.data["one.safetensors"]) in problem.message
    assert problem.hint == "vaehub sync"


def test_an_older_file_that_was_renamed_is_not_what_a_newer_lock_names(box: Box) -> None:
    box.add("one", builders.safetensors_bytes(seed=88), name="one.safetensors")
    box.want("one", "two")
    (box.vae / "one.safetensors").rename(box.vae / "old.safetensors")
    for quick in (True, False):
        assert box.states("web", quick=quick) == {
            f"{WEB}/one.safetensors": "missing",
            f"{WEB}/old.safetensors": "foreign",
        }


@pytest.mark.parametrize(
    "name",
    [
        "mine.safetensors",
        "mine.PT",
        "mine.gguf",
        "deep/er/mine.ckpt",
        "../Stable-diffusion/mine.vae.pt",
        "../VAE-taesd/mine.pth",
    ],
)
def test_a_model_that_vaehub_did_not_place(box: Box, name: str) -> None:
    path = box.vae / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"12345")
    where = os.path.relpath(path, box.folder)
    assert both(box) == {where: "foreign"}
    problem = box.problem("foreign")
    assert "got 5 bytes" in problem.message
    assert "--allow-foreign" in problem.hint
    assert not box.audit().ok


@pytest.mark.parametrize(
    "name",
    [
        "put_vae_here.txt",
        "preview.png",
        "mine.yaml",
        ".hidden.safetensors",
        "../Stable-diffusion/mine.safetensors",
        "../Lora/mine.safetensors",
        "../VAE-taesd/taesd_decoder.pth",
    ],
)
def test_a_file_that_is_no_vae_of_that_ui_is_nobodys_concern(box: Box, name: str) -> None:
    path = box.vae / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"12345")
    assert both(box) == {}


def test_a_hidden_model_where_the_ui_lists_those(box: Box) -> None:
    path = box.comfy_vae / ".cache" / "mine.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"12345")
    assert both(box) == {f"{COMFY}/.cache/mine.safetensors": "foreign"}


@posix
def test_a_model_where_the_ui_does_not_look_is_nobodys_concern(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.add("one")
    root = tmp_path / "forge"
    for folder in ("modules_forge", "models/VAE", "models/text_encoder", "elsewhere"):
        (root / folder).mkdir(parents=True)
    (root / "webui.py").touch()
    box.want("one", targets={"forge": {"ui": "forge", "path": "forge"}})
    box.install("one", to=root)
    (root / "models/text_encoder/clip.safetensors").write_bytes(b"12345")
    (root / "elsewhere" / "mine.safetensors").write_bytes(b"12345")
    (root / "models/VAE/linked").symlink_to(root / "elsewhere")
    assert both(box) == {}
    (root / "models/VAE/mine.safetensors").symlink_to(root / "elsewhere/mine.safetensors")
    assert both(box) == {"forge/models/VAE/mine.safetensors": "foreign"}


def test_a_plain_folder_is_looked_through_once(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.add("one")
    box.want("one", targets={"vaes": {"ui": "folder", "path": "vaes"}})
    box.install("one", to=tmp_path / "vaes")
    assert both(box) == {}
    (tmp_path / "vaes" / "inner").mkdir()
    (tmp_path / "vaes" / "inner" / "mine.ckpt").write_bytes(b"12345")
    (tmp_path / "vaes" / "link").symlink_to("nowhere")
    assert both(box) == {"vaes/inner/mine.ckpt": "foreign", "vaes/link": "unreadable"}
    assert len(box.audit().problems) == 2


@pytest.mark.parametrize("by_policy", [False, True])
def test_foreign_models_that_are_allowed_are_counted(box: Box, *, by_policy: bool) -> None:
    (box.vae / "mine.safetensors").write_bytes(b"12345")
    if by_policy:
        box.want("one", "two", policy={"foreign": "allow"})
    found = box.audit(allow_foreign=not by_policy)
    assert found.ok
    assert found.problems == ()
    assert found.allowed == 1
    [file] = [file for file in found.files if file.state != "ok"]
    assert (file.state, file.path.name, file.ok) == ("foreign", "mine.safetensors", True)


def test_the_right_bytes_that_somebody_else_put_there(box: Box) -> None:
    shutil.rmtree(box.vae / ".vaehub")
    assert both(box) == {f"{WEB}/{name}": "not-installed-by-vaehub" for name in box.data}
    found = box.audit()
    assert found.ok
    assert not any(problem.blocking for problem in found.problems)


@posix
def test_a_link_to_the_right_bytes_is_right(box: Box) -> None:
    path = box.vae / "one.safetensors"
    path.rename(box.folder / "elsewhere")
    path.symlink_to(box.folder / "elsewhere")
    assert both(box) == {}


def test_a_receipt_that_cannot_be_read_is_worth_a_word(box: Box) -> None:
    receipt = box.vae / ".vaehub" / "one.safetensors.json"
    receipt.write_text("{")
    assert both(box) == {
        f"{WEB}/.vaehub/one.safetensors.json": "receipt-damaged",
        f"{WEB}/one.safetensors": "not-installed-by-vaehub",
    }
    assert box.audit().ok


# What cannot be read, and what cannot be written


@pytest.fixture
def of_nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """A machine of a user whom permissions bind."""
    with forbidding_folder(0o777) as folder:
        for name in ("CONFIG", "STATE", "DATA", "CACHE"):
            monkeypatch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
        box = Box(folder)
        box.add("one")
        box.want("one")
        box.install("one")
        yield box
        for path in folder.rglob("*"):
            path.chmod(0o755)


@posix
def test_a_file_that_cannot_be_read(of_nobody: Box) -> None:
    of_nobody.comfy_vae.joinpath("one.safetensors").unlink()
    of_nobody.install("one", to=of_nobody.comfy)
    unlink_from_store(of_nobody.vae)
    (of_nobody.vae / "one.safetensors").chmod(0)
    assert of_nobody.states(quick=True) == {}, "nobody reads it"
    assert of_nobody.states() == {f"{WEB}/one.safetensors": "unreadable"}
    problem = of_nobody.problem("unreadable")
    assert "Permission denied" in problem.message
    assert problem.blocking


@posix
def test_a_folder_that_cannot_be_looked_into(of_nobody: Box) -> None:
    inner = of_nobody.vae / "inner"
    inner.mkdir()
    inner.chmod(0)
    assert both(of_nobody) == {f"{WEB}/inner": "unreadable"}
    assert not of_nobody.audit().ok
    of_nobody.vae.chmod(0)
    assert both(of_nobody) == {
        f"{WEB}/one.safetensors": "unreadable",
        f"{WEB}/.vaehub": "receipt-damaged",
        WEB: "unreadable",
    }
    of_nobody.vae.chmod(0o755)


def test_a_link_to_nowhere_is_worth_a_word(box: Box) -> None:
    (box.vae / "mine.safetensors").symlink_to("nowhere")
    assert both(box) == {f"{WEB}/mine.safetensors": "unreadable"}
    assert box.audit().ok


@posix
def test_a_tree_that_cannot_be_written_is_audited_all_the_same(of_nobody: Box) -> None:
    (of_nobody.vae / "mine.safetensors").write_bytes(b"12345")
    folders = [path for path in of_nobody.folder.rglob("*") if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    assert both(of_nobody) == {f"{WEB}/mine.safetensors": "foreign"}
    for folder in folders:
        folder.chmod(0o755)


# Folders that two UIs share


def share(box: Box) -> None:
    """Have ComfyUI list the folder of the other UI, through its file of extra paths."""
    text = f"web:\n  base_path: {box.web}\n  is_default: true\n  vae: models/VAE\n"
    (box.comfy / "extra_model_paths.yaml").write_text(text, encoding="utf-8")


def test_two_uis_that_share_a_folder_by_extra_paths(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.add("one")
    box.add("two")
    share(box)
    ones, twos = {"name": "one", "targets": ["web"]}, {"name": "two", "targets": ["comfy"]}
    box.want(ones, twos)
    box.install("one", to=box.web)
    box.install("two", to=box.comfy)
    assert {path.name for path in box.vae.glob("*.safetensors")} == set(box.data)
    assert both(box) == {}
    for name in ("web", "comfy"):
        assert box.states(name) == {}, name
    # Neither is the other's where the lock has nothing for that other.
    box.want(ones)
    assert both(box) == {f"{WEB}/two.safetensors": "extra"}
    assert box.states("web") == {}
    box.want(twos)
    assert box.states("comfy") == {}
    assert box.states("web") == {f"{WEB}/one.safetensors": "extra"}


def test_what_is_foreign_in_a_shared_folder_is_told_once(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.add("one")
    share(box)
    box.want("one")
    box.install("one", to=box.web)
    (box.vae / "mine.safetensors").write_bytes(b"12345")
    assert both(box) == {f"{WEB}/mine.safetensors": "foreign"}
    assert [file.state for file in box.audit().files].count("foreign") == 1


@posix
def test_two_uis_that_share_a_folder_through_a_link(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.add("one")
    box.add("two")
    box.vae.mkdir()
    box.comfy_vae.symlink_to(box.vae)
    vaes = [{"name": "one", "targets": ["web"]}, {"name": "two", "targets": ["comfy"]}]
    box.want(*vaes)
    box.install("one", to=box.web)
    box.install("two", to=box.comfy)
    assert both(box) == {}
    assert box.states("web") == box.states("comfy") == {}
    (box.vae / "one.safetensors").rename(box.vae / "best.safetensors")
    assert both(box) == {f"{WEB}/one.safetensors": "renamed"}


# What is converted


@pytest.fixture
def converted(tmp_path: Path) -> Box:
    """A machine on which a pickle was placed as safetensors."""
    box = Box(tmp_path)
    box.add("house", checkpoint(), name="house.vae.pt")
    box.want("house", policy={"pickles": "convert"})
    box.install("house", convert="safetensors")
    for folder in (box.vae, box.comfy_vae):
        unlink_from_store(folder)
    return box


MADE = f"{WEB}/house.vae.safetensors"


def test_a_converted_file_is_held_against_its_receipt(converted: Box) -> None:
    [_, file] = converted.audit().files
    assert (file.path, file.state) == (converted.folder / MADE, "ok")
    assert both(converted) == {}
    flip(converted.folder / MADE)
    assert converted.states(quick=True) == {}
    assert converted.states() == {MADE: "changed"}


def test_a_converted_file_of_which_nobody_knows_what_it_was_made_of(converted: Box) -> None:
    shutil.rmtree(converted.vae / ".vaehub")
    assert both(converted) == {MADE: "replaced"}
    assert digest(converted.data["house.vae.pt"]) in converted.problem("replaced").message


def test_a_converted_file_that_was_made_of_another_one(converted: Box) -> None:
    converted.add("house", checkpoint(seed=9), name="house.vae.pt")
    converted.want("house", policy={"pickles": "convert"})
    assert both(converted) == {
        MADE: "outdated",
        f"{COMFY}/house.vae.safetensors": "outdated",
    }


def test_a_converted_file_that_was_renamed(converted: Box) -> None:
    (converted.folder / MADE).rename(converted.vae / "house.bak")
    assert both(converted) == {MADE: "renamed"}


# The lock and the manifest


def test_a_manifest_that_has_changed_since(box: Box) -> None:
    box.add("three")
    box.said["vaes"] = ["two", "three"]
    box.write()
    found = {one.code: one for one in box.audit().problems}
    assert set(found) == {"not-locked", "not-wanted"}
    assert str(found["not-locked"].where).startswith(f"{box.manifest}:")
    assert all(one.blocking and one.hint == "vaehub lock" for one in found.values())
    box.said["vaes"] = ["one", "two"]
    box.said["policy"] = {"pickles": "convert"}
    box.write()
    assert box.problem("lock-outdated").where == str(box.lock)


def test_a_lock_alone_will_do(box: Box) -> None:
    box.manifest.unlink()
    flip(box.vae / "one.safetensors")
    assert box.states(f"web={box.web}") == {f"{WEB}/one.safetensors": "changed"}
    assert box.states(str(box.comfy)) == {}


def test_what_is_said_wrongly_is_an_error(box: Box) -> None:
    with pytest.raises(ManifestError):
        provisioning.audit(box.folder / "no.yaml", box.lock, settings=box.settings)
    with pytest.raises(LockError):
        provisioning.audit(box.manifest, box.folder / "no.lock", settings=box.settings)
    with pytest.raises(UsageError, match="nowhere"):
        box.audit("nowhere=x")


def test_a_finding_may_be_an_exception(box: Box) -> None:
    (box.vae / "one.safetensors").unlink()
    found = box.audit()
    with pytest.raises(Drift, match=r"one\.safetensors is not there"):
        found.raise_if_different()


def test_every_finding_is_in_the_docs_as_the_table_has_it() -> None:
    page = (Path(__file__).parents[3] / "docs" / "provisioning.md").read_text(encoding="utf-8")
    section = page.partition("## Auditing")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", section, re.MULTILINE))
    assert list(rows) == list(FINDINGS)
    for code, finding in FINDINGS.items():
        assert finding.means in rows[code]
        mends = re.sub("`vaehub (sync|lock)`", r"`\1`", finding.mends)
        assert rows[code].endswith(f" | {mends}"), code
        assert ("a note" in rows[code]) == (not finding.blocking or code == "unreadable")


def test_a_file_that_goes_while_it_is_looked_at_is_missing(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deletes it between the look and the reading."""
    real = Hashes.read

    def slow(hashes: Hashes, files: Iterable[tuple[Path, os.stat_result]]) -> None:
        seen = list(files)
        (box.vae / "one.safetensors").unlink(missing_ok=True)
        real(hashes, seen)

    monkeypatch.setattr(Hashes, "read", slow)
    assert box.states() == {f"{WEB}/one.safetensors": "missing"}


def test_files_are_read_several_at_once_and_each_once(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    (box.vae / "two.safetensors").unlink()
    (box.vae / "two.safetensors").hardlink_to(box.comfy_vae / "two.safetensors")
    calls: list[list[str]] = []
    real = hashing.sha256_of_each

    def counted(paths: Sequence[Path]) -> list[str | OSError]:
        calls.append(sorted(path.relative_to(box.folder).as_posix() for path in paths))
        return real(paths)

    monkeypatch.setattr(hashing, "sha256_of_each", counted)
    assert box.audit().ok
    assert [call for call in calls if call] == [
        [f"{COMFY}/one.safetensors", f"{COMFY}/two.safetensors", f"{WEB}/one.safetensors"]
    ]
