"""Which targets a lock is for on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.provision import wanting
from tests.provision.test_locking import nobody
from tests.targets.uis import COMFYUI, grow
from vaehub import settings
from vaehub.errors import Drift, TargetNotUsable, UsageError
from vaehub.model import Target
from vaehub.provision import locking, places
from vaehub.settings import NamedTarget

if TYPE_CHECKING:
    from vaehub.provision.lock import Lock
    from vaehub.provision.manifest import Manifest
    from vaehub.provision.places import Placed

TARGETS = {"comfy": {"ui": "comfyui", "path": "ui/ComfyUI"}, "forge": {"ui": "forge"}}


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    (tmp_path / "box").mkdir()
    return wanting.manifest(
        tmp_path / "box", "house", {"name": "old", "targets": ["forge"]}, targets=TARGETS
    )


@pytest.fixture
def lock(manifest: Manifest, tmp_path: Path) -> Lock:
    return locking.make(manifest, wanting.catalogs(tmp_path), pin=nobody)


@pytest.fixture
def find(lock: Lock, tmp_path: Path) -> Any:
    def find(
        *to: str,
        manifest: Manifest | None = None,
        lock: Lock = lock,
        targets: dict[str, NamedTarget] | None = None,
        **environ: str,
    ) -> list[Placed]:
        said = settings.load(environ)._replace(targets=targets or {})
        return places.find_places(lock, to, manifest=manifest, settings=said, cwd=tmp_path)

    return find


def refused(find: Any, *to: str, **rest: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        find(*to, **rest)
    return caught.value


def test_the_manifest_says_where_its_targets_are(
    find: Any, manifest: Manifest, tmp_path: Path
) -> None:
    both = manifest._replace(
        targets={**manifest.targets, "forge": manifest.targets["forge"]._replace(path="/f")}
    )
    comfy, forge = find(manifest=both)
    assert comfy.target == Target("comfyui", tmp_path / "box" / "ui" / "ComfyUI")
    assert (forge.name, forge.target) == ("forge", Target("forge", Path("/f")))
    assert find("comfy", manifest=manifest) == [comfy]
    error = refused(find, manifest=manifest)
    assert error.message == "nobody says where the target forge is"
    assert "--to forge=PATH" in str(error.hint)


def test_the_user_says_where_a_target_is(find: Any, manifest: Manifest, tmp_path: Path) -> None:
    for known in (manifest, None):
        (placed,) = find("forge=here/forge", manifest=known)
        assert placed == (Target("forge", tmp_path / "here" / "forge"), "forge")
    with pytest.raises(TargetNotUsable, match="names no folder: it is empty"):
        find("forge=")


def test_the_configuration_may_know_a_target_by_the_same_name(
    find: Any, manifest: Manifest
) -> None:
    forge = {"forge": NamedTarget(Path("/opt/forge"))}
    assert find("forge", targets=forge) == [(Target("forge", Path("/opt/forge")), "forge")]
    assert [placed.name for placed in find(manifest=manifest, targets=forge)] == ["comfy", "forge"]
    moved = {"comfy": NamedTarget(Path("/opt/other"))}
    (placed,) = find("comfy", manifest=manifest, targets=moved)
    assert placed.target.root.parts[-2:] == ("ui", "ComfyUI")  # the manifest comes first
    other = {"forge": NamedTarget(Path("/opt/forge"), "reforge")}
    assert (
        "is reforge in the configuration, and forge here"
        in refused(find, "forge", targets=other).message
    )


def test_any_other_place_takes_what_its_kind_of_ui_takes(
    find: Any, lock: Lock, tmp_path: Path
) -> None:
    root = grow(tmp_path / "mine", COMFYUI)
    for placed in (*find(str(root)), *find(VAEHUB_TO=str(root))):
        assert placed == (Target("comfyui", root), None)
        assert [vae.name for vae in placed.vaes(lock)] == ["house"]
    (forge,) = find("forge=x")
    assert [vae.name for vae in forge.vaes(lock)] == ["house", "old"]


def test_a_kind_of_ui_without_an_answer_is_drift(find: Any, tmp_path: Path) -> None:
    folder = tmp_path / "vaes"
    with pytest.raises(Drift) as caught:
        find(str(folder))
    said = f"the lock has answers for comfyui, forge alone, and {folder} is a plain folder"
    assert caught.value.message == said


def test_what_is_no_target_of_the_lock_is_named(find: Any, tmp_path: Path) -> None:
    error = refused(find, "lab=/x")
    assert error.message == "--to lab=/x: the lock has no target 'lab'; it has comfy, forge"
    grow(tmp_path / "lab=", COMFYUI)
    assert find("lab=")[0].target.layout == "comfyui"  # a folder of that name


def test_each_place_counts_once(find: Any) -> None:
    assert find("forge=x", "forge=./x") == find("forge=x")
    assert find("comfy=x", "comfy=x/models/vae") == find("comfy=x")


def test_a_place_with_a_name_comes_before_itself_without(find: Any, tmp_path: Path) -> None:
    root = grow(tmp_path / "mine", COMFYUI)
    for to in ((str(root), f"comfy={root}"), (f"comfy={root}", str(root))):
        assert find(*to) == [(Target("comfyui", root), "comfy")]


def test_two_names_of_one_place_are_refused(find: Any, lock: Lock) -> None:
    two = lock._replace(targets={**lock.targets, "other": "forge"})
    error = refused(find, "forge=x", "other=x", lock=two)
    assert "the targets forge and other are both" in error.message
