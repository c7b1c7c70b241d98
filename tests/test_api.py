"""The public face, from a name to a file in a UI's folder and back, against loopback hosts."""

from __future__ import annotations

import hashlib
import os
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import vaehub
from tests import builders
from tests.api_box import Box, locator, overwrite
from tests.converting.samples import manifest, read
from tests.converting.samples import safetensors as as_safetensors
from vaehub import api
from vaehub.errors import (
    AccessRequired,
    Drift,
    EntryNotFound,
    FileInTheWay,
    HashMismatch,
    LicenseNotAccepted,
    LoginRequired,
    NamingError,
    NoSourceDelivered,
    NotPinned,
    Offline,
    SourceGone,
    TargetRefuses,
    UsageError,
    VariantNotFound,
)
from vaehub.transfer.listener import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vaehub.loopback import LoopbackWorld
    from vaehub.model import Entry

NAME = "tiny.safetensors"
DATA = builders.safetensors_bytes(50_000, seed=1)
NEWER = builders.safetensors_bytes(50_000, seed=2)
assert len(DATA) == len(NEWER)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    box = Box(tmp_path, world)
    box.add("tiny", {NAME: DATA}, aliases=["small"])
    return box


@pytest.fixture
def pair(box: Box) -> dict[str, bytes]:
    """Add an entry whose variant is two files."""
    files = {
        "pair-decoder.safetensors": builders.safetensors_bytes(9_000, seed=3),
        "pair-encoder.safetensors": builders.safetensors_bytes(9_000, seed=4),
    }
    box.add("pair", files)
    return files


class DuringTheDownload(Silent):
    """A listener that does something when the download of a file has ended."""

    def __init__(self, artifact_name: str, deed: Callable[[Path], object], folder: Path) -> None:
        self.artifact_name = artifact_name
        self.deed = deed
        self.folder = folder

    def finished(self, artifact_name: str) -> None:
        if artifact_name == self.artifact_name:
            self.folder.mkdir(exist_ok=True)
            self.deed(self.folder / artifact_name)


# Install


def test_install(box: Box) -> None:
    before = box.snapshot()
    result = box.install("tiny")
    (step,) = result.steps
    assert (step.status, step.action, step.name) == ("installed", "fetch", NAME)
    assert (step.sha256, step.size) == (digest(DATA), len(DATA))
    assert step.destination == box.vae / NAME
    assert step.source is not None
    assert step.source.startswith("modelscope acme/vae")
    assert step.attempts == ()
    assert (result.changed, result.target.layout) == (True, "automatic1111")
    assert (box.vae / NAME).read_bytes() == DATA
    assert box.listed == [NAME]
    after = box.snapshot()
    assert {path: value for path, value in after.items() if path in before} == before
    assert set(after) - set(before) == {
        "models/VAE",
        f"models/VAE/{NAME}",
        "models/VAE/.vaehub",
        f"models/VAE/.vaehub/{NAME}.json",
    }
    assert box.world.bytes_sent("modelscope") == len(DATA)
    assert box.world.leaks == []


def test_the_receipt_tells_where_the_file_came_from(box: Box) -> None:
    result = box.install("tiny")
    record = box.receipt(NAME)
    assert record["entry"] == "mine/tiny"
    assert record["variant"] == "safetensors"
    assert (record["sha256"], record["size"]) == (digest(DATA), len(DATA))
    assert (record["evidence"], record["license"]) == ("single", "MIT")
    assert record["source"] == result.steps[0].source
    assert record["method"] == result.steps[0].method
    assert record["root"] == "../.."
    assert str(box.folder) not in str(record)
    (receipt,) = api.installed(result.target)
    assert receipt.path == box.vae / NAME


def test_every_name_leads_to_the_same_file(box: Box) -> None:
    box.install("small")
    for name in ("tiny", "mine/tiny", "TINY", "tiny@safetensors", NAME):
        assert not box.install(name).changed
    with pytest.raises(EntryNotFound, match="did you mean tiny"):
        box.install("tinny")
    with pytest.raises(VariantNotFound):
        box.install("tiny@ckpt")


def test_install_again_changes_nothing(box: Box) -> None:
    box.install("tiny")
    before, stat = box.snapshot(), (box.vae / NAME).stat()
    box.world.reset()
    result = box.install("tiny")
    assert not result.changed
    assert [(step.status, step.reason) for step in result.steps] == [
        ("present", "already installed")
    ]
    assert box.snapshot() == before
    assert (box.vae / NAME).stat().st_mtime_ns == stat.st_mtime_ns
    assert box.world.requests == []


def test_a_file_that_was_deleted_comes_from_the_store(box: Box) -> None:
    box.install("tiny")
    (box.vae / NAME).unlink()
    box.world.reset()
    (step,) = box.install("tiny").steps
    assert (step.action, step.source) == ("place", "store")
    assert (box.vae / NAME).read_bytes() == DATA
    assert box.world.requests == []
    assert box.problems(deep=True) == []


def test_a_second_target_needs_no_second_download(box: Box) -> None:
    box.install("tiny")
    other = box.folder / "other"
    box.install("tiny", to=other)
    assert (other / NAME).read_bytes() == DATA
    assert box.world.bytes_sent("modelscope") == len(DATA)


def test_the_target_is_found_as_the_settings_say(box: Box, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    box.extra["VAEHUB_TO"] = str(elsewhere)
    result = vaehub.install("tiny", settings=box.settings, catalogs=box.catalogs)
    assert result.target.root == elsewhere
    assert (elsewhere / NAME).is_file()


def test_all_by_default(box: Box, monkeypatch: pytest.MonkeyPatch, world: LoopbackWorld) -> None:
    """Settings and catalogs come from the environment where nobody gives them."""
    monkeypatch.setenv("VAEHUB_CATALOG", str(box.catalog))
    monkeypatch.setenv("VAEHUB_STORE", str(box.store))
    monkeypatch.chdir(box.tree / "models")
    entry, variant = vaehub.find("small")
    assert (entry.full_name, variant.name) == ("mine/tiny", "safetensors")
    assert "tiny" in [entry.id for entry in vaehub.list_entries(family="sd1")]
    assert "kl-f8-anime2" in [entry.id for entry in vaehub.list_entries(tag="anime")]
    assert vaehub.install("tiny").target.root == box.tree
    assert box.listed == [NAME]
    assert vaehub.verify("tiny").ok
    assert [done.status for done in vaehub.uninstall("tiny")] == ["removed"]


def test_the_names_of_the_package() -> None:
    assert set(dir(vaehub)) == set(vaehub.__all__)
    for name in vaehub.__all__:
        assert getattr(vaehub, name) is not None
        assert not isinstance(getattr(vaehub, name), ModuleType)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = vaehub.nothing


def test_no_module_has_the_name_of_a_function() -> None:
    """Importing a submodule binds its name in the package: it would cover the function."""
    modules = {module.name for module in pkgutil.iter_modules(vaehub.__path__)}
    assert not modules & set(vaehub.__all__)


# Sources


def test_a_source_with_other_bytes_is_reported_and_the_next_serves(box: Box) -> None:
    box.add("two", {"two.safetensors": DATA + b""}, hosts=("huggingface", "modelscope"))
    box.entries.pop("tiny")
    box.world.faults("huggingface").flip_byte(-1)
    (step,) = box.install("two").steps
    assert step.source is not None
    assert step.source.startswith("modelscope")
    ((label, error),) = step.attempts
    assert label.startswith("huggingface")
    assert isinstance(error, HashMismatch)
    assert (box.vae / "two.safetensors").read_bytes() == DATA


def test_when_all_sources_are_wrong_nothing_is_left_behind(box: Box) -> None:
    before = box.snapshot()
    box.world.faults("modelscope").wrong_bytes()
    with pytest.raises(NoSourceDelivered) as caught:
        box.install("tiny")
    assert caught.value.exit_code == 6
    assert box.snapshot() == before
    assert not box.settings.store.joinpath("blobs").exists()


def test_a_host_that_wants_a_login(box: Box) -> None:
    before = box.snapshot()
    source = {"model": 7, "version": 8}
    box.world.publish("civitai", source, DATA)
    box.entries["tiny"] = builders.entry({NAME: (DATA, [{"civitai": {**source, "login": True}}])})
    with pytest.raises(NoSourceDelivered) as caught:
        box.install("tiny")
    assert caught.value.exit_code == 5
    ((_, error),) = caught.value.attempts
    assert isinstance(error, LoginRequired)
    assert "CIVITAI_TOKEN" in (error.hint or "")
    assert box.snapshot() == before
    box.extra["CIVITAI_TOKEN"] = box.world.tokens["civitai"]
    assert box.install("tiny").changed
    assert box.world.leaks == []
    assert box.world.tokens["civitai"] not in str(box.receipt(NAME))


def test_only_the_host_that_was_asked_for(box: Box) -> None:
    box.add("two", {"two.safetensors": NEWER}, hosts=("huggingface", "modelscope"))
    (step,) = box.install("two", source="modelscope").steps
    assert step.source is not None
    assert step.source.startswith("modelscope")
    assert box.world.seen("huggingface") == []
    with pytest.raises(UsageError, match=r"tiny\.safetensors has no source on liblib"):
        box.install("tiny", source="liblib")


def test_a_mirror_is_tried_first(box: Box) -> None:
    box.world.publish("mirror", {}, DATA)
    (step,) = box.install("tiny").steps
    assert step.source is not None
    assert step.source.startswith("mirror")
    assert box.world.bytes_sent("modelscope") == 0


# Offline


def test_offline_from_the_store(box: Box) -> None:
    box.install("tiny")
    box.uninstall("tiny")
    box.world.reset()
    box.extra["VAEHUB_OFFLINE"] = "1"
    assert box.install("tiny").changed
    assert box.verify(deep=True).ok
    assert box.world.requests == []


def test_offline_without_the_bytes(box: Box) -> None:
    before = box.snapshot()
    box.extra["VAEHUB_OFFLINE"] = "1"
    with pytest.raises(Offline) as caught:
        box.install("tiny")
    assert caught.value.exit_code == 5
    assert box.snapshot() == before
    assert box.world.requests == []


# Files of the user's


def test_a_file_of_the_users_in_the_way(box: Box) -> None:
    box.vae.mkdir()
    (box.vae / NAME).write_bytes(b"my own VAE")
    before = box.snapshot()
    with pytest.raises(FileInTheWay) as caught:
        box.install("tiny")
    assert caught.value.exit_code == 7
    assert box.snapshot() == before
    assert box.world.requests == []


def test_a_file_of_the_users_with_the_right_bytes(box: Box) -> None:
    box.vae.mkdir()
    (box.vae / NAME).write_bytes(DATA)
    before = box.snapshot()
    result = box.install("tiny")
    assert not result.changed
    assert result.steps[0].reason == "already there, not placed by vaehub"
    assert box.snapshot() == before
    with pytest.raises(NamingError, match="tiny is not installed"):
        box.uninstall("tiny")
    assert box.snapshot() == before


def test_a_file_that_turns_up_while_we_download(box: Box) -> None:
    faster = DuringTheDownload(NAME, lambda path: path.write_bytes(b"faster"), box.vae)
    with pytest.raises(FileInTheWay):
        box.install("tiny", listener=faster)
    assert (box.vae / NAME).read_bytes() == b"faster"
    assert [path.name for path in box.vae.rglob("*")] == [NAME]


def test_a_changed_file_is_refused_by_all(box: Box) -> None:
    box.install("tiny")
    overwrite(box.vae / NAME, b"trained further")
    before = box.snapshot()
    with pytest.raises(FileInTheWay, match="bytes have changed"):
        box.install("tiny")
    with pytest.raises(FileInTheWay, match="bytes have changed"):
        box.uninstall("tiny")
    assert box.snapshot() == before
    assert box.problems() == [("changed", True)]


def test_what_the_user_wrote_into_a_placed_file_is_not_installed_again(box: Box) -> None:
    """The placed file may be a hard link to the blob: the blob must not be trusted blindly."""
    box.install("tiny")
    overwrite(box.vae / NAME, b"x" * len(DATA))
    (box.vae / NAME).unlink()
    box.install("tiny")
    assert (box.vae / NAME).read_bytes() == DATA


# Uninstall


def test_uninstall_leaves_the_tree_as_it_was(box: Box) -> None:
    before = box.snapshot()
    box.install("tiny")
    (done,) = box.uninstall("tiny")
    assert (done.status, done.receipt.path) == ("removed", box.vae / NAME)
    assert box.snapshot() == before


def test_uninstall_takes_the_folders_made_for_a_plain_target(box: Box) -> None:
    target = box.folder / "new" / "deep" / "vaes"
    before = box.snapshot(box.folder / "webui")
    box.install("tiny", to=target)
    box.uninstall("tiny", to=target)
    assert not (box.folder / "new").exists()
    assert box.snapshot() == before


@pytest.mark.parametrize("order", [["tiny", "pair"], ["pair", "tiny"]])
def test_the_last_to_go_takes_the_folders(
    box: Box, pair: dict[str, bytes], order: list[str]
) -> None:
    before = box.snapshot()
    box.install("tiny")
    box.install("pair")
    assert box.listed == sorted([NAME, *pair])
    box.uninstall(order[0])
    assert box.vae.is_dir()
    box.uninstall(order[1])
    assert box.snapshot() == before


def test_a_created_folder_with_a_file_of_the_users_stays(box: Box) -> None:
    box.install("tiny")
    (box.vae / "my-own.safetensors").write_bytes(b"mine")
    box.uninstall("tiny")
    assert [path.name for path in box.vae.rglob("*")] == ["my-own.safetensors"]


def test_a_folder_that_was_there_stays(box: Box) -> None:
    box.vae.mkdir()
    before = box.snapshot()
    box.install("tiny")
    box.uninstall("tiny")
    assert box.snapshot() == before


def test_uninstall_after_somebody_else_removed_the_file(box: Box) -> None:
    before = box.snapshot()
    box.install("tiny")
    (box.vae / NAME).unlink()
    assert [done.status for done in box.uninstall("tiny")] == ["gone"]
    assert box.snapshot() == before


def test_uninstall_looks_at_all_before_it_removes_one(box: Box, pair: dict[str, bytes]) -> None:
    box.install("tiny")
    box.install("pair")
    overwrite(box.vae / "pair-encoder.safetensors", b"other")
    before = box.snapshot()
    with pytest.raises(FileInTheWay):
        box.uninstall("tiny", "pair")
    assert box.snapshot() == before


def test_uninstall_names(box: Box, pair: dict[str, bytes]) -> None:
    box.install("pair")
    with pytest.raises(NamingError, match="tiny is not installed"):
        box.uninstall("pair", "tiny")
    with pytest.raises(NamingError, match="is not installed"):
        box.uninstall("pair@ckpt")
    assert len(box.verify("Pair@Safetensors").files) == 2
    with pytest.raises(EntryNotFound):
        box.uninstall("nothing-like-it")
    assert box.listed == sorted(pair)
    assert len(box.uninstall("mine/pair@safetensors", "pair")) == 2
    assert box.listed == []


def test_an_entry_that_left_the_catalog_can_be_uninstalled(box: Box) -> None:
    before = box.snapshot()
    box.install("tiny")
    del box.entries["tiny"]
    assert box.problems() == [("left-catalog", False)]
    assert box.verify().ok
    box.uninstall("tiny")
    assert box.snapshot() == before


def test_a_tree_that_was_moved_keeps_its_receipts(box: Box) -> None:
    box.install("tiny")
    moved = box.folder / "moved"
    box.tree.rename(moved)
    assert box.verify(to=moved, deep=True).ok
    assert not box.install("tiny", to=moved).changed
    box.uninstall("tiny", to=moved)
    assert not (moved / "models" / "VAE").exists()
    assert (moved / "models").is_dir()


# Verify


def test_verify_what_is_sound(box: Box, pair: dict[str, bytes]) -> None:
    box.install("tiny")
    box.install("pair")
    for deep in (False, True):
        result = box.verify(deep=deep)
        assert result.ok
        assert all(file.ok for file in result.files)
        assert sorted(file.receipt.path.name for file in result.files) == sorted([NAME, *pair])
        result.raise_if_different()
    assert [file.receipt.entry for file in box.verify("small").files] == ["mine/tiny"]


def test_verify_an_empty_target(box: Box) -> None:
    assert box.verify().ok
    assert box.verify().files == ()
    assert box.problems("tiny") == [("not-installed", True)]
    with pytest.raises(EntryNotFound):
        box.verify("nothing-like-it")


def test_verify_after_damage(box: Box) -> None:
    box.install("tiny")
    overwrite(box.vae / NAME, DATA[:-1] + b"\0")
    result = box.verify()
    (problem,) = result.problems
    assert (problem.code, problem.blocking) == ("changed", True)
    assert problem.where == str(box.vae / NAME)
    assert digest(DATA) in problem.message
    assert not result.ok
    assert not result.files[0].ok
    with pytest.raises(Drift, match=r"tiny\.safetensors is not what vaehub placed") as caught:
        result.raise_if_different()
    assert caught.value.exit_code == 9


def test_only_a_deep_look_sees_damage_that_leaves_no_trace(box: Box) -> None:
    box.install("tiny")
    overwrite(box.vae / NAME, DATA[:-1] + bytes([DATA[-1] ^ 1]), keep_time=True)
    assert box.problems() == []
    assert box.problems(deep=True) == [("changed", True)]


def test_what_verify_found_damaged_does_not_come_back_from_the_store(box: Box) -> None:
    """A hard link shares the damage with its blob, whose seal looks intact."""
    box.install("tiny")
    overwrite(box.vae / NAME, DATA[:-1] + bytes([DATA[-1] ^ 1]), keep_time=True)
    assert not box.verify(deep=True).ok
    (box.vae / NAME).unlink()
    box.install("tiny")
    assert (box.vae / NAME).read_bytes() == DATA
    assert box.problems(deep=True) == []


def test_verify_after_a_removal(box: Box) -> None:
    box.install("tiny")
    (box.vae / NAME).unlink()
    assert box.problems() == box.problems("tiny", deep=True) == [("missing", True)]
    assert "vaehub install tiny" in (box.verify().problems[0].hint or "")


# The catalog moves on


def repin(box: Box) -> None:
    """Let the catalog want other bytes under the same name."""
    newer = {**locator(NAME), "revision": "1" * 40}
    box.world.publish("modelscope", newer, NEWER)
    box.entries["tiny"] = builders.entry({NAME: (NEWER, [{"modelscope": newer}])})


def test_a_newer_file_of_the_catalog_replaces_ours(box: Box) -> None:
    before = box.snapshot()
    box.install("tiny")
    repin(box)
    assert box.problems() == [("outdated", True)]
    (step,) = box.install("tiny").steps
    assert (step.status, step.reason) == ("installed", "a newer file of the catalog")
    assert (box.vae / NAME).read_bytes() == NEWER
    assert box.receipt(NAME)["sha256"] == digest(NEWER)
    assert box.problems(deep=True) == []
    assert not box.install("tiny").changed
    box.uninstall("tiny")
    assert box.snapshot() == before


def test_the_old_file_stays_until_the_new_one_is_whole(box: Box) -> None:
    box.install("tiny")
    repin(box)
    before = box.snapshot()
    box.world.faults("modelscope").wrong_bytes()
    with pytest.raises(NoSourceDelivered):
        box.install("tiny")
    assert box.snapshot() == before
    assert box.problems() == [("outdated", True)]


def test_a_changed_file_is_not_replaced_by_a_newer_one(box: Box) -> None:
    box.install("tiny")
    overwrite(box.vae / NAME, b"mine now")
    repin(box)
    with pytest.raises(FileInTheWay):
        box.install("tiny")
    assert (box.vae / NAME).read_bytes() == b"mine now"


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "deed", [lambda path: overwrite(path, b"mine now"), become_a_folder, Path.unlink]
)
def test_what_happens_to_the_old_file_while_we_download(
    box: Box, deed: Callable[[Path], object]
) -> None:
    box.install("tiny")
    repin(box)
    listener = DuringTheDownload(NAME, deed, box.vae)
    if deed is Path.unlink:
        assert box.install("tiny", listener=listener).changed
        assert (box.vae / NAME).read_bytes() == NEWER
        return
    with pytest.raises(FileInTheWay, match="was changed while"):
        box.install("tiny", listener=listener)
    assert (box.vae / NAME).is_dir() or (box.vae / NAME).read_bytes() == b"mine now"
    assert sorted(path.name for path in (box.vae / ".vaehub").iterdir()) == [f"{NAME}.json"]


def test_another_entry_with_the_same_file_name(box: Box) -> None:
    box.install("tiny")
    source = {**locator(NAME), "revision": "2" * 40}
    box.world.publish("modelscope", source, NEWER)
    box.entries = {"another": builders.entry({NAME: (NEWER, [{"modelscope": source}])})}
    before = box.snapshot()
    with pytest.raises(FileInTheWay, match="installed as something else, and mine/another@"):
        box.install("another")
    assert box.snapshot() == before
    box.uninstall("tiny")
    assert box.install("another").changed


# Variants


def variants(box: Box, **content: bytes) -> None:
    """Make an entry whose default AUTOMATIC1111 cannot load."""
    made: dict[str, Any] = {}
    for name, layout in (("diffusers", "diffusers"), ("ldm", "ldm")):
        file = f"many-{name}.safetensors"
        data = content.get(name) or builders.safetensors_bytes(5_000, seed=len(name))
        box.world.publish("modelscope", locator(file), data)
        sources = [{"modelscope": locator(file)}]
        made[name] = {"layout": layout, "artifacts": [builders.artifact(file, data, sources)]}
    box.entries["many"] = builders.entry({}, variants=made)


def test_the_target_chooses_the_variant(box: Box) -> None:
    variants(box)
    result = box.install("many")
    assert result.variant.name == "ldm"
    said = "not many@diffusers: AUTOMATIC1111 loads only files with ldm keys, and many-diffusers"
    assert str(result.passed_over).startswith(said)
    assert box.install("many").passed_over == result.passed_over
    assert box.install("many@ldm").passed_over is None
    assert box.listed == ["many-ldm.safetensors"]
    plain = box.folder / "plain"
    assert box.install("many", to=plain).variant.name == "diffusers"
    assert (plain / "many-diffusers.safetensors").is_file()


def test_a_named_variant_is_not_exchanged(box: Box) -> None:
    variants(box)
    box.entries["many"]["smoke"]["architecture"] = "dc-ae"  # whose tensors have no ldm names
    before = box.snapshot()
    for name in ("many@diffusers", "many-diffusers.safetensors@diffusers"):
        with pytest.raises((TargetRefuses, EntryNotFound)):
            box.install(name)
    with pytest.raises(TargetRefuses, match="loads only files with ldm keys") as caught:
        box.install("many@diffusers")
    assert "many@ldm" in (caught.value.hint or "")
    assert box.snapshot() == before


def test_a_named_variant_is_converted_where_that_helps(box: Box) -> None:
    data = as_safetensors(manifest("diffusers"))
    variants(box, diffusers=data)
    before = box.snapshot()
    result = box.install("many@diffusers")
    assert result.variant.name == "diffusers"
    [step] = result.steps
    assert step.because == (
        "AUTOMATIC1111 loads only files with ldm keys, and many-diffusers.safetensors has "
        "diffusers keys"
    )
    assert read(step.destination).keys() == manifest("ldm").keys()
    assert box.receipt("many-diffusers.safetensors")["converted_from"]["sha256"] == digest(data)
    assert not box.install("many@diffusers").changed
    assert box.problems(deep=True) == []
    box.uninstall("many")
    assert box.snapshot() == before


def test_a_file_name_that_the_ui_could_not_tell_apart(box: Box) -> None:
    other = f"tiny-{digest(DATA)[:8]}.safetensors"
    for name in (NAME, other):
        (box.vae / "sub").mkdir(parents=True, exist_ok=True)
        (box.vae / "sub" / name).write_bytes(b"mine")
    before = box.snapshot()
    with pytest.raises(TargetRefuses, match="one of the two would be hidden"):
        box.install("tiny")
    assert box.snapshot() == before
    (box.vae / "sub" / other).unlink()
    assert box.install("tiny").steps[0].destination == box.vae / other


# Pairs: all or nothing


def test_a_pair(box: Box, pair: dict[str, bytes]) -> None:
    before = box.snapshot()
    result = box.install("pair")
    assert [step.status for step in result.steps] == ["installed", "installed"]
    assert {name: (box.vae / name).read_bytes() for name in box.listed} == pair
    (box.vae / "pair-encoder.safetensors").unlink()
    again = box.install("pair")
    assert [step.status for step in again.steps] == ["present", "installed"]
    assert [done.status for done in box.uninstall("pair")] == ["removed", "removed"]
    assert box.snapshot() == before


def test_a_pair_of_which_one_cannot_be_had(box: Box) -> None:
    decoder = builders.safetensors_bytes(9_000, seed=3)
    encoder = builders.safetensors_bytes(9_000, seed=4)
    box.world.publish("modelscope", locator("d.safetensors"), decoder)
    box.entries["pair"] = builders.entry(
        {
            "d.safetensors": (decoder, [{"modelscope": locator("d.safetensors")}]),
            "e.safetensors": (encoder, [{"modelscope": locator("e.safetensors")}]),
        }
    )
    before = box.snapshot()
    with pytest.raises(NoSourceDelivered, match=r"e\.safetensors") as caught:
        box.install("pair")
    assert isinstance(caught.value.attempts[0][1], SourceGone)
    assert box.snapshot() == before
    # What came is kept for the next run.
    box.world.publish("modelscope", locator("e.safetensors"), encoder)
    box.world.reset()
    box.install("pair")
    assert box.world.bytes_sent("modelscope") == len(encoder)
    assert box.listed == ["d.safetensors", "e.safetensors"]


def test_a_file_in_the_way_of_the_second_stops_the_first(box: Box, pair: dict[str, bytes]) -> None:
    box.vae.mkdir()
    (box.vae / "pair-encoder.safetensors").write_bytes(b"mine")
    before = box.snapshot()
    with pytest.raises(FileInTheWay, match=r"pair-encoder"):
        box.install("pair")
    assert box.snapshot() == before


def test_the_first_goes_again_when_the_second_cannot_be_placed(
    box: Box, pair: dict[str, bytes]
) -> None:
    second = "pair-encoder.safetensors"
    faster = DuringTheDownload(second, lambda path: path.write_bytes(b"faster"), box.vae)
    with pytest.raises(FileInTheWay, match=second):
        box.install("pair", listener=faster)
    assert [path.name for path in box.vae.rglob("*")] == [second]


# Licenses


def test_a_license_that_asks_for_acceptance(box: Box) -> None:
    license_ = {"id": "LicenseRef-tiny", "source": "https://example.org/l", "accept": True}
    box.add("asking", {"asking.safetensors": NEWER}, license=license_)
    other = builders.safetensors_bytes(2_000, seed=8)
    box.add("other", {"other.safetensors": other}, license=license_)
    before = box.snapshot()
    with pytest.raises(LicenseNotAccepted, match="LicenseRef-tiny"):
        box.install("asking")
    with pytest.raises(LicenseNotAccepted):
        box.install("asking", accept_licenses=["MIT"])
    assert box.snapshot() == before
    assert box.world.requests == []
    assert box.install("asking", dry_run=True).steps[0].status == "planned"
    assert box.install("asking", accept_licenses=["LicenseRef-tiny"]).changed
    assert box.receipt("asking.safetensors")["license"] == "LicenseRef-tiny"
    assert box.install("other").changed  # once per machine


def test_a_person_answers_for_the_license(box: Box) -> None:
    license_ = {"id": "LicenseRef-tiny", "accept": True}
    box.add("asking", {"asking.safetensors": NEWER}, license=license_)
    asked: list[str] = []

    def person(entry: Entry) -> bool:
        asked.append(entry.id)
        return len(asked) > 1

    with pytest.raises(LicenseNotAccepted):
        box.install("asking", ask=person)
    assert box.install("asking", ask=person).changed
    assert not box.install("asking", ask=person).changed
    assert asked == ["asking", "asking"]


# Files whose hash only the host knows


def unpinned(box: Box, **claims: Any) -> None:
    box.world.publish("huggingface", locator("open.safetensors"), DATA, **claims)
    artifact = {
        "name": "open.safetensors",
        "evidence": "host",
        "sources": [{"huggingface": locator("open.safetensors")}],
    }
    box.entries["open"] = builders.entry({}, variants={"safetensors": {"artifacts": [artifact]}})


def test_a_hash_from_the_host(box: Box) -> None:
    unpinned(box)
    before = box.snapshot()
    (step,) = box.install("open").steps
    assert (step.sha256, step.size) == (digest(DATA), len(DATA))
    record = box.receipt("open.safetensors")
    assert (record["sha256"], record["evidence"]) == (digest(DATA), "host")
    assert not box.install("open").changed
    assert box.problems(deep=True) == []
    box.uninstall("open")
    assert box.snapshot() == before


@pytest.mark.parametrize("claims", [{"sha256": "0" * 64}, {"sha256": None, "lfs": False}])
def test_a_hash_that_the_host_has_wrong_or_not_at_all(box: Box, claims: dict[str, Any]) -> None:
    unpinned(box, **claims)
    before = box.snapshot()
    with pytest.raises(NoSourceDelivered):
        box.install("open")
    assert box.snapshot() == before


def test_require_pinned(box: Box) -> None:
    unpinned(box)
    before = box.snapshot()
    with pytest.raises(NotPinned):
        box.install("open", require_pinned=True)
    assert box.snapshot() == before
    assert box.world.requests == []
    assert box.install("tiny", require_pinned=True).changed


def test_a_gated_repository(box: Box) -> None:
    unpinned(box, gated=True, granted=False)
    box.extra["HF_TOKEN"] = box.world.tokens["huggingface"]
    with pytest.raises(NoSourceDelivered) as caught:
        box.install("open")
    assert isinstance(caught.value.attempts[0][1], AccessRequired)
    assert box.world.tokens["huggingface"] not in f"{caught.value} {caught.value.attempts}"


# Dry run


def test_a_dry_run_writes_nothing_anywhere(box: Box, home: Path, pair: dict[str, bytes]) -> None:
    license_ = {"id": "LicenseRef-tiny", "accept": True}
    box.add("asking", {"asking.safetensors": NEWER}, license=license_)
    catalogs, settings = box.catalogs, box.settings
    before = box.snapshot(box.folder), box.snapshot(home)
    for name in ("tiny", "pair", "asking"):
        result = vaehub.install(
            name, to=box.tree, dry_run=True, settings=settings, catalogs=catalogs
        )
        assert result.dry_run
        assert not result.changed
        assert {step.status for step in result.steps} == {"planned"}
        assert {step.action for step in result.steps} == {"fetch"}
    plain = box.folder / "not" / "there"
    vaehub.install("tiny", to=plain, dry_run=True, settings=settings, catalogs=catalogs)
    assert (box.snapshot(box.folder), box.snapshot(home)) == before
    assert box.world.requests == []


def test_a_dry_run_of_what_is_there(box: Box) -> None:
    box.install("tiny")
    (step,) = box.install("tiny", dry_run=True).steps
    assert (step.action, step.status) == ("keep", "present")
    (box.vae / NAME).unlink()
    before = box.snapshot(box.folder)
    (step,) = box.install("tiny", dry_run=True).steps
    assert (step.action, step.status) == ("place", "planned")
    assert box.snapshot(box.folder) == before


# Another file system


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on another file system, where this machine has one."""
    shm = Path("/dev/shm")
    if not shm.is_dir() or not os.access(shm, os.W_OK):
        pytest.skip("no /dev/shm to write to on this machine")
    if shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("/dev/shm and the temporary folder are on one file system")
    with tempfile.TemporaryDirectory(dir=shm, prefix="vaehub-test-") as folder:
        yield Path(folder)


def test_a_target_on_another_file_system_gets_the_only_copy(box: Box, other_disk: Path) -> None:
    target = other_disk / "vaes"
    (step,) = box.install("tiny", to=target).steps
    assert step.method == "moved"
    placed = target / NAME
    assert placed.read_bytes() == DATA
    umask = os.umask(0)
    os.umask(umask)
    assert placed.stat().st_mode & 0o444 & ~umask == 0o444 & ~umask, "others could not read it"
    assert sorted(path.name for path in target.rglob("*")) == [
        ".vaehub",
        NAME,
        f"{NAME}.json",
    ]
    assert not [path for path in box.store.rglob("*") if path.stat().st_size >= len(DATA)]
    assert box.verify(to=target, deep=True).ok
    assert not box.install("tiny", to=target).changed
    box.uninstall("tiny", to=target)
    assert list(other_disk.iterdir()) == []


def test_a_store_on_another_file_system_is_copied_from(box: Box, other_disk: Path) -> None:
    near = other_disk / "near"
    box.store = other_disk / "store"
    box.install("tiny", to=near)
    box.world.reset()
    (step,) = box.install("tiny").steps
    assert (step.source, step.method) == ("store", "copy")
    assert (box.vae / NAME).read_bytes() == DATA
    assert box.world.requests == []
    overwrite(box.vae / NAME, b"changed")
    assert box.verify(to=near, deep=True).ok


def test_a_download_to_another_file_system_goes_on_after_a_failure(
    box: Box, other_disk: Path
) -> None:
    target = other_disk / "vaes"
    big = builders.safetensors_bytes(2_000_000, seed=9)
    box.add("big", {"big.safetensors": big})
    box.world.faults("modelscope").cut_after(1_000_000, times=1)
    box.world.faults("modelscope").status(404, at="door")
    with pytest.raises(NoSourceDelivered):
        box.install("big", to=target)
    assert not (target / "big.safetensors").exists()
    box.world.reset()
    box.install("big", to=target)
    assert (target / "big.safetensors").read_bytes() == big
    box.uninstall("big", to=target)
    assert list(other_disk.iterdir()) == []


# Two at once

SCRIPT = """
import sys, vaehub
from pathlib import Path
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
catalog, _ = load_file(Path(sys.argv[1]), cache=Path(sys.argv[2]), foreign=True)
result = vaehub.install("big", to=sys.argv[3], catalogs=Catalogs((catalog,)))
print(result.steps[0].status, result.steps[0].source)
"""


def at_once(box: Box, targets: list[Path]) -> list[str]:
    """Install ``big`` from as many processes as there are targets; give what they printed."""
    environment = {
        **os.environ,
        **box.world.environment(),
        "VAEHUB_STORE": str(box.store),
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
    }
    catalog, cache = box.catalog, box.folder / "cache"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(catalog), str(cache), str(target)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for target in targets
    ]
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(targets), said
    return [out.strip() for out, _ in said]


@pytest.fixture
def big(box: Box) -> bytes:
    """Add a file that takes a moment to come."""
    data = builders.safetensors_bytes(600_000, seed=9)
    box.add("big", {"big.safetensors": data})
    box.world.faults("modelscope").slow(bytes_per_second=1_000_000)
    return data


def test_two_processes_download_a_file_once(box: Box, big: bytes) -> None:
    targets = [box.folder / "one", box.folder / "two"]
    said = at_once(box, targets)
    assert [(target / "big.safetensors").read_bytes() for target in targets] == [big, big]
    assert box.world.bytes_sent("modelscope") == len(big)
    assert sorted(line.partition(" ")[2] for line in said)[-1] == "store"
    assert box.verify(to=targets[0], deep=True).ok
    assert box.verify(to=targets[1], deep=True).ok


def test_two_processes_install_into_one_target(box: Box, big: bytes) -> None:
    before = box.snapshot()
    at_once(box, [box.tree, box.tree])
    assert (box.vae / "big.safetensors").read_bytes() == big
    assert box.world.bytes_sent("modelscope") == len(big)
    assert box.verify(deep=True).ok
    assert not (box.store / "intents").exists() or not list((box.store / "intents").iterdir())
    box.uninstall("big")
    assert box.snapshot() == before
