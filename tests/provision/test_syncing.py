"""Targets made equal to a lock."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests import builders
from tests.api_box import locator, overwrite
from tests.converting.samples import checkpoint
from tests.provision.boxes import ONE, THREE, TWO, Fleet, states
from vaehub import provisioning, receipts
from vaehub.errors import (
    Drift,
    FileInTheWay,
    LicenseNotAccepted,
    LockError,
    NoSourceDelivered,
    Offline,
    SourceUnusable,
    UsageError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld


GATED = builders.safetensors_bytes(5000, seed=9)


@pytest.fixture
def fleet(tmp_path: Path, world: LoopbackWorld) -> Fleet:
    return Fleet(tmp_path, world)


def test_all_targets_get_what_the_lock_names_with_one_download(fleet: Fleet) -> None:
    fleet.want("one", "two")
    fleet.lock()
    done = fleet.sync(frozen=True)
    assert states(done) == [
        ("comfy", "one", "installed"),
        ("comfy", "two", "installed"),
        ("webui", "one", "installed"),
        ("webui", "two", "installed"),
    ]
    for folder in fleet.models:
        assert fleet.listed_in(folder) == {"one.safetensors": ONE, "two.safetensors": TWO}
    assert fleet.world.bytes_sent("modelscope") == len(ONE) + len(TWO)


def test_the_second_run_changes_nothing_and_reads_no_weights(fleet: Fleet) -> None:
    fleet.want("one", "two")
    fleet.sync()
    for folder in fleet.models:
        for path in folder.glob("*.safetensors"):
            if path.stat().st_nlink:  # other bytes behind the same stat: whoever reads, notices
                overwrite(path, bytes(path.stat().st_size), keep_time=True)
    before = fleet.snapshot(fleet.folder)
    again = fleet.sync()
    assert not again.synced.changed
    assert {state for _, _, state in states(again)} == {"present"}
    assert again.relocked is None
    after = fleet.snapshot(fleet.folder)
    assert {name: after[name] for name in before} == before


def test_what_the_lock_no_longer_names_goes_and_nothing_else(fleet: Fleet) -> None:
    (fleet.vae / "mine.safetensors").parent.mkdir(parents=True, exist_ok=True)
    (fleet.vae / "mine.safetensors").write_bytes(THREE)
    fleet.want("one", "two")
    fleet.sync()
    fleet.install("three")  # by hand: placed by vaehub, and not in the lock
    fleet.want("two")
    done = fleet.sync()
    assert states(done)[2:] == [
        ("comfy", "one.safetensors", "removed"),
        ("webui", "one.safetensors", "removed"),
        ("webui", "three.safetensors", "removed"),
    ]
    assert fleet.listed_in(fleet.vae) == {"mine.safetensors": THREE, "two.safetensors": TWO}
    assert fleet.listed_in(fleet.models[1]) == {"two.safetensors": TWO}


def test_nothing_is_removed_on_request(fleet: Fleet) -> None:
    fleet.want("one")
    fleet.sync()
    fleet.want("two")
    assert fleet.sync(remove=False).synced.extras == ()
    assert set(fleet.listed_in(fleet.vae)) == {"one.safetensors", "two.safetensors"}


def test_an_extra_file_that_was_changed_stays_and_is_told(fleet: Fleet) -> None:
    fleet.want("one", targets="  webui: {ui: automatic1111, path: webui}\n")
    fleet.sync()
    overwrite(fleet.vae / "one.safetensors", b"my own work")
    fleet.want("two", targets="  webui: {ui: automatic1111, path: webui}\n")
    done = fleet.sync()
    [(error, _, name)] = done.synced.failures
    assert isinstance(error, FileInTheWay)
    assert name == "one.safetensors"
    assert (fleet.vae / "one.safetensors").read_bytes() == b"my own work"


def test_an_extra_file_that_is_gone_already_is_forgotten(fleet: Fleet) -> None:
    fleet.want("one")
    fleet.sync()
    fleet.want("two")
    (fleet.vae / "one.safetensors").unlink()
    assert ("webui", "one.safetensors", "gone") in states(fleet.sync())
    assert receipts.find(fleet.vae / "one.safetensors") is None


def test_where_something_failed_nothing_is_removed(fleet: Fleet) -> None:
    fleet.want("one")
    fleet.sync()
    fleet.world.faults("modelscope").status(500, at="bytes")
    fleet.want("three")
    done = fleet.sync()
    assert {type(error) for error, _, _ in done.synced.failures} == {NoSourceDelivered}
    assert ("webui", "one.safetensors", "kept") in states(done)
    assert set(fleet.listed_in(fleet.vae)) == {"one.safetensors"}
    fleet.world.faults("modelscope").clear()
    fleet.sync()
    assert set(fleet.listed_in(fleet.vae)) == {"three.safetensors"}


def test_one_that_fails_stops_none_of_the_others(fleet: Fleet) -> None:
    fleet.entries["lost"] = builders.entry(
        {"lost.safetensors": (b"nobody has it", [{"modelscope": locator("lost.safetensors")}])}
    )
    fleet.want("lost", "one")
    done = fleet.sync()
    assert states(done) == [
        ("comfy", "lost", "NoSourceDelivered"),
        ("comfy", "one", "installed"),
        ("webui", "lost", "NoSourceDelivered"),
        ("webui", "one", "installed"),
    ]


def test_a_file_placed_for_another_target_of_a_shared_folder_stays(fleet: Fleet) -> None:
    fleet.install("three")  # into the WebUI
    (fleet.comfy / "extra_model_paths.yaml").write_text(
        f"a111:\n  base_path: {fleet.tree}\n  vae: models/VAE\n", encoding="utf-8"
    )
    fleet.want("one", targets="  comfy: {ui: comfyui, path: comfy}\n")
    assert fleet.sync().synced.extras == ()
    assert "three.safetensors" in fleet.listed_in(fleet.vae)


def test_a_folder_that_is_a_link_out_of_the_ui_is_kept_equal_too(fleet: Fleet) -> None:
    shared = fleet.folder / "disk" / "vaes"
    shared.mkdir(parents=True)
    fleet.vae.parent.mkdir(parents=True, exist_ok=True)
    if fleet.vae.exists():
        shutil.rmtree(fleet.vae)
    fleet.vae.symlink_to(shared)
    webui = "  webui: {ui: automatic1111, path: webui}\n"
    fleet.want("one", "two", targets=webui)
    fleet.sync()
    fleet.want("two", targets=webui)
    assert ("webui", "one.safetensors", "removed") in states(fleet.sync())
    assert [path.name for path in shared.glob("*.safetensors")] == ["two.safetensors"]


def test_what_two_uis_share_through_links_is_told_apart(fleet: Fleet) -> None:
    shared = fleet.folder / "disk" / "vaes"
    shared.mkdir(parents=True)
    for folder in fleet.models:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        folder.symlink_to(shared)
    fleet.install("three")  # into the WebUI
    fleet.want("one", targets="  comfy: {ui: comfyui, path: comfy}\n")
    assert fleet.sync().synced.extras == ()
    assert (shared / "three.safetensors").exists()


# What stands there and is not what should.


def shorter(path: Path) -> None:
    overwrite(path, path.read_bytes()[:1000])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    overwrite(path, bytes(data))


def copied_in_part(path: Path) -> None:
    """What a killed `cp` of the tree leaves: another inode."""
    data = path.read_bytes()[:2000]
    path.unlink()
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [shorter, flipped, copied_in_part])
def test_a_damaged_file_is_mended_and_set_aside(fleet: Fleet, damage: object) -> None:
    fleet.want("one", targets="  webui: {ui: automatic1111, path: webui}\n")
    fleet.sync()
    path = fleet.vae / "one.safetensors"
    assert callable(damage)
    damage(path)
    broken = path.read_bytes()
    done = fleet.sync()
    [one] = done.synced.brought
    assert not isinstance(one.outcome, Exception)
    [step] = one.outcome.steps
    assert path.read_bytes() == ONE
    assert step.set_aside is not None
    assert step.set_aside.read_bytes() == broken
    assert fleet.listed == ["one.safetensors"]
    assert states(fleet.sync()) == [("webui", "one", "present")]


@pytest.mark.parametrize("data", [ONE[:2222], b"<html>sign in</html>", b""], ids=len)
def test_a_half_file_of_another_tool_gives_way(fleet: Fleet, data: bytes) -> None:
    fleet.vae.mkdir(parents=True, exist_ok=True)
    (fleet.vae / "one.safetensors").write_bytes(data)
    fleet.want("one", targets="  webui: {ui: automatic1111, path: webui}\n")
    fleet.sync()
    assert (fleet.vae / "one.safetensors").read_bytes() == ONE
    [aside] = (fleet.vae / ".vaehub").glob("*.damaged")
    assert aside.read_bytes() == data


def test_damaged_twice_keeps_both(fleet: Fleet) -> None:
    fleet.want("one", targets="  webui: {ui: automatic1111, path: webui}\n")
    fleet.sync()
    for length in (100, 200):
        overwrite(fleet.vae / "one.safetensors", ONE[:length])
        fleet.sync()
    asides = sorted((fleet.vae / ".vaehub").glob("*.damaged"))
    assert [len(path.read_bytes()) for path in asides] == [100, 200]


def test_a_model_that_somebody_put_in_its_place_is_never_touched(fleet: Fleet) -> None:
    fleet.want("one", targets="  webui: {ui: automatic1111, path: webui}\n")
    fleet.sync()
    path = fleet.vae / "one.safetensors"
    path.unlink()
    path.write_bytes(THREE)
    [(error, _, _)] = fleet.sync().synced.failures
    assert isinstance(error, FileInTheWay)
    assert path.read_bytes() == THREE


def test_a_sound_file_of_the_users_under_the_name_is_never_touched(fleet: Fleet) -> None:
    fleet.vae.mkdir(parents=True, exist_ok=True)
    (fleet.vae / "one.safetensors").write_bytes(THREE)
    fleet.want("one", targets="  webui: {ui: automatic1111, path: webui}\n")
    [(error, _, _)] = fleet.sync().synced.failures
    assert isinstance(error, FileInTheWay)
    assert (fleet.vae / "one.safetensors").read_bytes() == THREE


def test_an_install_by_hand_still_refuses_a_damaged_file(fleet: Fleet) -> None:
    fleet.install("one")
    shorter(fleet.vae / "one.safetensors")
    with pytest.raises(FileInTheWay):
        fleet.install("one")


def test_a_copied_tree_is_read_once(fleet: Fleet) -> None:
    fleet.want("one", targets="  webui: {ui: automatic1111, path: webui}\n")
    fleet.sync()
    shutil.copytree(fleet.tree, fleet.folder / "copy")
    shutil.rmtree(fleet.tree)
    (fleet.folder / "copy").rename(fleet.tree)
    assert states(fleet.sync()) == [("webui", "one", "present")]
    overwrite(fleet.vae / "one.safetensors", bytes(len(ONE)), keep_time=True)
    assert states(fleet.sync()) == [("webui", "one", "present")], (
        "its receipt was brought up to date"
    )


# Manifest and lock.


def test_a_dry_run_changes_nothing(fleet: Fleet) -> None:
    fleet.want("one", "two")
    fleet.sync()
    shorter(fleet.vae / "one.safetensors")
    fleet.want("one", "three")
    before = fleet.snapshot(fleet.folder)
    done = fleet.sync(dry_run=True)
    assert fleet.snapshot(fleet.folder) == before
    assert done.relocked is not None
    assert not done.relocked.written
    assert states(done) == [
        ("comfy", "one", "planned"),  # the same inode
        ("comfy", "three", "planned"),
        ("webui", "one", "planned"),
        ("webui", "three", "planned"),
        ("comfy", "two.safetensors", "would be removed"),
        ("webui", "two.safetensors", "would be removed"),
    ]


def test_frozen_refuses_a_lock_of_another_manifest_and_changes_nothing(fleet: Fleet) -> None:
    fleet.want("one")
    fleet.lock()
    fleet.want("one", "two")
    before = fleet.snapshot(fleet.folder)
    with pytest.raises(Drift, match="two is in the manifest"):
        fleet.sync(frozen=True)
    assert fleet.snapshot(fleet.folder) == before


def test_frozen_wants_a_lock(fleet: Fleet) -> None:
    fleet.want("one")
    with pytest.raises(Drift, match="no lock"):
        fleet.sync(frozen=True)
    assert not fleet.lock_path.exists()


def test_without_frozen_the_lock_is_made(fleet: Fleet) -> None:
    fleet.want("one")
    fleet.sync()
    before = fleet.lock_path.read_text()
    fleet.want("one", "two")
    done = fleet.sync()
    assert done.relocked is not None
    assert done.relocked.written
    assert fleet.lock_path.read_text() != before


def test_a_lock_that_cannot_be_read_is_not_overwritten(fleet: Fleet) -> None:
    fleet.want("one")
    fleet.lock_path.write_text("<<<<<<< mine\n{}\n=======")
    with pytest.raises(LockError, match="merge conflict"):
        fleet.sync()
    assert fleet.lock_path.read_text().startswith("<<<<<<<")


def test_what_is_locked_counts_and_not_the_catalog_of_today(fleet: Fleet) -> None:
    fleet.want("one")
    fleet.lock()
    fleet.entries.clear()
    fleet.sync(frozen=True)
    assert fleet.listed == ["one.safetensors"]


def test_a_box_with_the_lock_alone(fleet: Fleet) -> None:
    fleet.want("one", "two")
    fleet.lock()
    lock = fleet.folder / "elsewhere" / "vaehub.lock"
    lock.parent.mkdir()
    fleet.lock_path.rename(lock)
    fleet.manifest.unlink()
    done = fleet.sync(lock=lock, to=[f"webui={fleet.tree}"])
    assert states(done) == [("webui", "one", "installed"), ("webui", "two", "installed")]
    done = fleet.sync(lock=lock, to=[fleet.comfy])
    assert states(done) == [("", "one", "installed"), ("", "two", "installed")]
    with pytest.raises(UsageError, match="nobody says where the target webui is"):
        fleet.sync(lock=lock, to=["webui"])
    with pytest.raises(Drift, match="answers for automatic1111, comfyui alone"):
        fleet.sync(lock=lock, to=[fleet.folder / "plain"])


def test_a_vae_for_one_target_comes_to_that_one(fleet: Fleet) -> None:
    fleet.want("one", "{name: two, targets: [comfy]}")
    fleet.sync()
    assert fleet.listed == ["one.safetensors"]
    assert set(fleet.listed_in(fleet.models[1])) == {"one.safetensors", "two.safetensors"}


def test_the_name_is_the_one_that_is_locked(fleet: Fleet) -> None:
    fleet.want("one", targets="  webui: {ui: automatic1111, path: webui}\n")
    fleet.lock()
    text = fleet.lock_path.read_text().replace(
        '"automatic1111": "one.safetensors"', '"automatic1111": "uno.safetensors"'
    )
    fleet.lock_path.write_text(text)
    fleet.install("one")
    fleet.sync(frozen=True)
    assert fleet.listed == ["uno.safetensors"], "and the one of before is an extra file"
    assert states(fleet.sync(frozen=True)) == [("webui", "one", "present")]


def test_pickles_are_converted_where_the_policy_says_so(fleet: Fleet) -> None:
    fleet.add("old", {"old.vae.pt": checkpoint()})
    fleet.want(
        "old",
        targets="  webui: {ui: automatic1111, path: webui}\n",
        policy="  pickles: convert\n",
    )
    fleet.sync()
    assert fleet.listed == ["old.vae.safetensors"]
    receipt = receipts.find(fleet.vae / "old.vae.safetensors")
    assert receipt is not None
    assert receipt.converted_from is not None
    assert states(fleet.sync()) == [("webui", "old", "present")]


def test_one_that_is_no_longer_to_be_converted_is_replaced(fleet: Fleet) -> None:
    fleet.add("old", {"old.vae.pt": checkpoint()})
    webui = "  webui: {ui: automatic1111, path: webui}\n"
    fleet.want("old", targets=webui, policy="  pickles: convert\n")
    fleet.sync()
    fleet.want("old", targets=webui)
    fleet.sync()
    assert fleet.listed == ["old.vae.pt"]


def test_a_license_of_the_policy_is_accepted(fleet: Fleet) -> None:
    terms = {"id": "LicenseRef-Terms", "source": "https://example.org/t", "accept": True}
    fleet.add("gated", {"gated.safetensors": GATED}, license=terms)
    webui = "  webui: {ui: automatic1111, path: webui}\n"
    fleet.want("gated", targets=webui)
    [(error, _, _)] = fleet.sync().synced.failures
    assert isinstance(error, LicenseNotAccepted)
    policy = "  licenses: {accept: [LicenseRef-Terms]}\n"
    fleet.want("gated", targets=webui, policy=policy)
    assert not fleet.sync().synced.failures


# Without a network.


def test_offline_uses_what_this_machine_has(fleet: Fleet) -> None:
    fleet.install("one", to=fleet.folder / "plain")  # fills the store
    fleet.want("one", "two")
    fleet.lock()
    asked = len(fleet.world.requests)
    done = fleet.sync(offline=True)
    assert {error.__class__ for error, _, _ in done.synced.failures} == {Offline}
    assert ("webui", "one", "installed") in states(done)
    assert len(fleet.world.requests) == asked


def test_offline_asks_a_mirror_and_nobody_else(fleet: Fleet) -> None:
    fleet.world.publish("mirror", {}, ONE)
    fleet.extra["VAEHUB_MIRRORS"] = ""  # the policy alone names it
    fleet.want("one", "two", policy=f"  mirrors: ['{fleet.world.mirror}']\n")
    done = fleet.sync(offline=True)
    assert ("webui", "one", "installed") in states(done)
    assert ("webui", "two", "NoSourceDelivered") in states(done)
    assert fleet.world.bytes_sent("modelscope") == 0


def test_offline_by_the_environment_is_the_same(fleet: Fleet) -> None:
    fleet.world.publish("mirror", {}, ONE)
    fleet.extra["VAEHUB_OFFLINE"] = "1"
    fleet.want("one")
    assert not fleet.sync().synced.failures
    assert fleet.world.bytes_sent("modelscope") == 0


def test_a_mirror_cannot_send_an_offline_run_elsewhere(fleet: Fleet) -> None:
    fleet.world.publish("mirror", {}, ONE)
    fleet.world.faults("mirror").redirect_to("http://127.0.0.2:9/elsewhere")
    fleet.want("one")
    done = fleet.sync(offline=True)
    [(error, _, _), _] = done.synced.failures
    assert isinstance(error, NoSourceDelivered)
    assert [type(each) for _, each in error.attempts] == [SourceUnusable]
    assert fleet.world.seen("modelscope") == []


def test_offline_takes_what_bundles_have(fleet: Fleet, tmp_path: Path) -> None:
    fleet.want("one", "two")
    lock = fleet.lock().path
    provisioning.create_bundle(tmp_path / "vae.tar", lock, settings=fleet.settings)
    fleet.store = tmp_path / "another-store"
    asked = len(fleet.world.requests)
    done = fleet.sync(offline=True, bundles=[tmp_path / "vae.tar"])
    assert not done.synced.failures
    assert fleet.listed == ["one.safetensors", "two.safetensors"]
    assert len(fleet.world.requests) == asked
