"""The modules of the collection, by real ansible-core, on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import builders
from tests.ansible.conftest import FEW, Mirrored, Models, make_models, vae_tree
from tests.ansible.control import Control, Task, needs_ansible
from tests.trees import snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = needs_ansible

REHEARSED: dict[str, Any] = {"check_mode": True, "diff": True}


class Box:
    """A machine with a ComfyUI, a mirror that is a folder, and options for the modules."""

    def __init__(self, folder: Path, vaehub: Path, mirror: str, models: Models) -> None:
        self.folder = folder
        self.models = models
        self.ui = folder / "ComfyUI"
        self.vae = self.ui / "models" / "vae"
        self.vae.mkdir(parents=True)
        for name in ("comfy", "custom_nodes"):
            (self.ui / name).mkdir()
        for name in ("main.py", "nodes.py", "folder_paths.py", "models/vae/mine.safetensors"):
            (self.ui / name).write_text("the user's own", encoding="utf-8")
        # The cache is everybody's: it holds the compiled catalog.
        cache = models.folder / "cache"
        self.environment = {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(cache)}
        (folder / "home").mkdir()
        self.common = {
            "executable": str(vaehub),
            "catalogs": [str(models.catalog)],
            "mirrors": [mirror],
        }

    def task(
        self,
        names: str | list[str] | None,
        options: Mapping[str, Any] | None = None,
        *,
        module: str = "vae",
        **keywords: Any,
    ) -> Task:
        said = {**self.common, "to": [str(self.ui)], **(options or {})}
        if names is not None:
            said["name"] = names
        return Task(module, said, {"environment": self.environment, **keywords})


@pytest.fixture
def box(tmp_path: Path, vaehub: Path, mirrored: Mirrored) -> Box:
    return Box(tmp_path, vaehub, mirrored.address, mirrored.models)


def changes(results: list[dict[str, Any]]) -> list[bool]:
    assert not [result["msg"] for result in results if result["failed"]]
    return [result["changed"] for result in results]


def test_present_installs_once_and_says_what_is_there(control: Control, box: Box) -> None:
    before = snapshot(box.ui)
    rehearsed, *_ = control.modules(box.task(["house", "attic"], **REHEARSED))
    assert snapshot(box.ui) == before
    first, second, looked = control.modules(
        box.task(["house", "attic"], diff=True),
        box.task(["house", "attic"], diff=True),
        box.task(["house", "attic"], **REHEARSED),
    )
    assert changes([rehearsed, first, second, looked]) == [True, True, False, False]
    assert vae_tree(box.vae) == box.models.tree()
    (house,) = (fact for fact in first["vae"] if fact["entry"] == "mine/house")
    assert house == {
        "entry": "mine/house",
        "variant": "safetensors",
        "target": str(box.ui),
        "layout": "comfyui",
        "path": str(box.vae / "house.safetensors"),
        "size": len(FEW["house.safetensors"]),
        "sha256": box.models.tree()["house.safetensors"],
        "listed_as": "house.safetensors",
        "action": "fetch",
        "status": "installed",
    }
    assert [fact["status"] for fact in rehearsed["vae"]] == ["planned", "planned"]
    assert [fact["status"] for fact in second["vae"]] == ["present", "present"]
    assert rehearsed["diff"] == first["diff"]
    assert first["diff"]["before"] == ""
    assert (
        f"{house['path']} sha256 {house['sha256']} mine/house@safetensors\n"
        in (first["diff"]["after"])
    )
    assert second["diff"]["before"] == second["diff"]["after"] == first["diff"]["after"]


def test_absent_removes_once_and_looks_first(control: Control, box: Box) -> None:
    before = snapshot(box.ui)
    gone = {"state": "absent"}
    installed, rehearsed, removed, again, unknown = control.modules(
        box.task(["house", "attic"]),
        box.task("house", gone, **REHEARSED),
        box.task("house", gone, diff=True),
        box.task(["house", "mine/attic"], gone),
        box.task(["house", "no-such-vae"], gone, **REHEARSED),
    )
    results = [installed, rehearsed, removed, again, unknown]
    assert changes(results) == [True, True, True, True, False]
    assert rehearsed["diff"] == removed["diff"]
    assert "house" in removed["diff"]["before"]
    assert removed["diff"]["after"] == ""
    assert [fact["status"] for fact in removed["vae"]] == ["removed"]
    assert removed["vae"][0]["sha256"] == box.models.tree()["house.safetensors"]
    assert [fact["entry"] for fact in again["vae"]] == ["mine/attic"]
    assert "no-such-vae" in unknown["warnings"][0]
    assert snapshot(box.ui) == before


def test_absent_leaves_a_file_that_has_changed(control: Control, box: Box) -> None:
    (installed,) = control.modules(box.task("house"))
    path = box.vae / "house.safetensors"
    path.chmod(0o644)
    path.write_bytes(b"somebody's own work")
    rehearsed, refused = control.modules(
        box.task("house", {"state": "absent"}, check_mode=True),
        box.task("house", {"state": "absent"}),
    )
    assert changes([installed]) == [True]
    for result in (rehearsed, refused):
        assert result["failed"]
        assert result["rc"] == 7
        assert f"{path} is no longer what vaehub placed there" in result["msg"]
    assert path.read_bytes() == b"somebody's own work"


def test_a_failure_has_the_message_and_the_hint_of_vaehub(control: Control, box: Box) -> None:
    odd = ["$HOME", "--help"]
    unknown, also, lost, empty = control.modules(
        box.task("no-such-vae"),
        box.task(odd),
        box.task("house", {"executable": "/nowhere/vaehub"}),
        box.task("house", {"to": [""]}),
    )
    assert unknown["rc"] == 4
    assert unknown["problems"][0]["code"] == "entry-not-found"
    message, _, hint = unknown["msg"].partition(" -- ")
    assert message == unknown["problems"][0]["message"]
    assert hint == unknown["problems"][0]["hint"]
    # What looks like a variable or an option is a name like any other.
    assert all(name.casefold() in also["msg"].casefold() for name in odd)
    assert lost["rc"] == 127
    assert "vaehub.vaehub.provision" in lost["msg"]
    assert empty["rc"] == 2
    assert not vae_tree(box.vae)


def test_wrong_bytes_are_told_and_not_installed(
    control: Control, box: Box, tmp_path: Path, mirrored: Mirrored
) -> None:
    spoilt = make_models(tmp_path / "m", {"bad.safetensors": builders.safetensors_bytes(seed=5)})
    for digest in spoilt.tree().values():
        blob = mirrored.folder / "sha256" / digest
        blob.write_bytes(builders.safetensors_bytes(seed=6))
    (result,) = control.modules(box.task("bad", {"catalogs": [str(spoilt.catalog)]}))
    assert result["failed"]
    assert result["rc"] == 6
    assert any(problem["code"] == "hash-mismatch" for problem in result["problems"])
    assert not vae_tree(box.vae)


def test_latest_in_lock_mends_one_and_leaves_the_others(control: Control, box: Box) -> None:
    locked = {"state": "latest-in-lock", "lock": str(box.models.lock), "catalogs": []}
    to = {"to": [f"comfy={box.ui}"]}
    (attic,) = control.modules(box.task("attic"))
    assert changes([attic]) == [True]
    kept = snapshot(box.ui)
    rehearsed, brought, again = control.modules(
        box.task("house", {**locked, **to}, **REHEARSED),
        box.task("house", {**locked, **to}, diff=True),
        box.task("mine/house", locked),
    )
    assert changes([rehearsed, brought, again]) == [True, True, False]
    assert rehearsed["diff"] == brought["diff"]
    assert [fact["status"] for fact in brought["vae"]] == ["installed"]
    assert vae_tree(box.vae) == box.models.tree()
    path = box.vae / "house.safetensors"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:1000])
    (mended,) = control.modules(box.task("house", {**locked, **to}))
    assert changes([mended]) == [True]
    assert vae_tree(box.vae)["house.safetensors"] == box.models.tree()["house.safetensors"]
    assert kept.items() <= snapshot(box.ui).items()


def test_latest_in_lock_takes_away_the_variant_of_an_earlier_lock(
    control: Control, box: Box, tmp_path: Path
) -> None:
    lock = json.loads(box.models.lock.read_text())
    for vae in lock["vaes"]:
        vae["variant"] = "fp16"
        for artifact in vae["artifacts"]:
            stem = artifact["name"].partition(".")[0]
            artifact["name"] = artifact["installed"]["comfyui"] = f"{stem}-fp16.safetensors"
    newer = tmp_path / "newer.lock"
    newer.write_text(json.dumps(lock), encoding="utf-8")
    to = {"state": "latest-in-lock", "to": [f"comfy={box.ui}"], "lock": str(newer)}
    first, rehearsed, second, third = control.modules(
        box.task(["house", "attic"]),
        box.task("house", to, **REHEARSED),
        box.task("house", to, diff=True),
        box.task("house", to),
    )
    assert changes([first, rehearsed, second, third]) == [True, True, True, False]
    assert rehearsed["diff"] == second["diff"]
    assert sorted(vae_tree(box.vae)) == ["attic.safetensors", "house-fp16.safetensors"]
    assert sorted(fact["status"] for fact in second["vae"]) == ["installed", "removed"]


def test_latest_in_lock_says_what_the_lock_lacks(
    control: Control, box: Box, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.lock"
    broken.write_text("{}", encoding="utf-8")
    options = {"state": "latest-in-lock", "lock": str(box.models.lock)}
    lacking, none, no_lock, not_said = control.modules(
        box.task("sdxl-vae", options),
        box.task("house", {**options, "lock": "/nowhere/vaehub.lock"}),
        box.task("house", {**options, "lock": str(broken)}),
        box.task("house", {"state": "latest-in-lock"}),
    )
    assert "does not name sdxl-vae; it names mine/attic, mine/house" in lacking["msg"]
    assert lacking["rc"] == 4
    assert "/nowhere/vaehub.lock" in none["msg"]
    assert "is no lock" in no_lock["msg"]
    assert "missing: lock" in not_said["msg"]


def test_sync_takes_away_what_the_lock_lacks_and_shows_it(control: Control, box: Box) -> None:
    lock = json.loads(box.models.lock.read_text())
    lock["vaes"] = [vae for vae in lock["vaes"] if vae["name"] == "mine/house"]
    (box.folder / "vaehub.lock").write_text(json.dumps(lock), encoding="utf-8")
    options = {"to": [f"comfy={box.ui}"], "lock": str(box.folder / "vaehub.lock")}
    first, rehearsed, second, third, lost = control.modules(
        box.task("attic"),
        box.task(None, options, module="sync", **REHEARSED),
        box.task(None, options, module="sync", diff=True),
        box.task(None, options, module="sync"),
        box.task(None, {**options, "lock": "/nowhere/vaehub.lock"}, module="sync"),
    )
    assert changes([first, rehearsed, second, third]) == [True, True, True, False]
    assert rehearsed["diff"] == second["diff"]
    assert "attic" in second["diff"]["before"]
    assert "attic" not in second["diff"]["after"]
    assert "house" in second["diff"]["after"]
    assert sorted(vae_tree(box.vae)) == ["house.safetensors"]
    assert "there is no lock /nowhere/vaehub.lock" in lost["msg"]


def test_smoke_fails_where_a_file_is_no_vae(control: Control, box: Box) -> None:
    _, result = control.modules(box.task("house"), box.task(None, module="smoke"))
    assert result["failed"]
    assert result["rc"] == 8
    assert result["problems"][0]["code"].startswith("smoke-")
