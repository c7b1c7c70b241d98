"""A lock is made of a manifest: which variant, under which name, from where."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.provision import wanting
from tests.provision.wanting import BYTES, UIS, artifact, catalogs, entry, hub, scope, variant
from vaehub.catalog import load_catalogs
from vaehub.errors import EntryNotFound, ManifestError, TargetRefuses
from vaehub.provision import locking
from vaehub.provision.lock import parse
from vaehub.settings import load

if TYPE_CHECKING:
    from vaehub.model import Artifact
    from vaehub.provision.lock import Lock, LockedVae


def told(asked: Artifact) -> Artifact:
    """Pin as a host would."""
    digest = hashlib.sha256(BYTES[asked.name]).hexdigest()
    return asked._replace(sha256=digest, evidence="host")


def nobody(asked: Artifact) -> Artifact:
    raise AssertionError(f"asked for {asked.name}, which the catalog pins")


@pytest.fixture
def make(tmp_path: Path) -> Any:
    known = catalogs(tmp_path)

    def make(*vaes: Any, pin: Any = nobody, **rest: Any) -> Lock:
        return locking.make(wanting.manifest(tmp_path, *vaes, **rest), known, pin=pin)

    return make


def summary(lock: Lock) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(vae.name, vae.variant.name, vae.layouts) for vae in lock.vaes]


def only(lock: Lock) -> LockedVae:
    (vae,) = lock.vaes
    return vae


def refused(make: Any, *vaes: Any, **rest: Any) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        make(*vaes, **rest)
    return caught.value


def test_without_targets_there_is_an_answer_for_every_ui(make: Any) -> None:
    lock = make("house")
    assert summary(lock) == [("house", "safetensors", UIS)]
    assert lock.layouts == UIS
    (locked,) = only(lock).artifacts
    assert locked.installed == dict.fromkeys(UIS, "house.safetensors")
    assert [source.host for source in locked.artifact.sources] == ["modelscope", "huggingface"]
    assert list(lock.catalogs) == ["mine"]


def test_with_targets_their_uis_alone_are_answered(make: Any) -> None:
    targets = {"a": {"ui": "swarmui"}, "b": {"ui": "comfyui"}, "c": {"ui": "comfyui"}}
    lock = make("house", {"name": "old", "targets": ["c"]}, targets=targets)
    assert summary(lock) == [
        ("house", "safetensors", ("comfyui", "swarmui")),
        ("old", "ckpt", ("comfyui",)),
    ]
    assert lock.targets == {"a": "swarmui", "b": "comfyui", "c": "comfyui"}
    assert [vae.name for vae in lock.of("comfyui", "b")] == ["house"]
    assert [vae.name for vae in lock.of("comfyui", "c")] == ["house", "old"]
    assert [vae.name for vae in lock.of("comfyui")] == ["house", "old"]
    assert [vae.name for vae in lock.of("swarmui", "a")] == ["house"]


def test_each_ui_gets_the_variant_and_the_name_that_it_takes(make: Any) -> None:
    lock = make("odd")
    vae = only(lock)
    (locked,) = vae.artifacts
    assert "sdnext" not in vae.layouts  # it loads no file that small
    assert locked.installed["comfyui"] == "odd.sft"
    assert locked.installed["fooocus"] == "odd.safetensors"
    assert locked.converted == ("automatic1111", "forge", "reforge")
    two = make("house@ckpt")
    assert [name for name, _, _ in summary(two)] == ["house@ckpt"]


def test_a_target_that_takes_no_variant_is_named(make: Any, tmp_path: Path) -> None:
    targets = {"a": {"ui": "comfyui"}, "b": {"ui": "sdnext"}}
    with pytest.raises(TargetRefuses, match=r"vaehub\.yaml:1: odd@diffusers.*\(SD\.Next\)"):
        make("odd", targets=targets)
    assert only(make({"name": "odd", "targets": ["a"]}, targets=targets)).layouts == ("comfyui",)


def test_a_name_that_leads_nowhere_is_named_with_its_line(make: Any) -> None:
    with pytest.raises(EntryNotFound, match=r"vaehub\.yaml:1: no VAE is called 'hose'") as caught:
        make("hose")
    assert "did you mean house" in caught.value.message


def test_two_names_of_one_vae_are_refused(make: Any) -> None:
    error = refused(make, "house", "mine/home")
    assert "mine/home and house are both mine/house@safetensors" in error.message
    assert len(make("house", "house@ckpt").vaes) == 2


# Policy


def test_pickles_are_allowed_converted_or_denied(make: Any) -> None:
    (locked,) = only(make("old")).artifacts
    assert locked.installed["comfyui"] == "old.ckpt"
    assert "sdnext" in locked.converted  # it lists no .ckpt
    lock = make("old", policy={"pickles": "convert"})
    (locked,) = only(lock).artifacts
    assert set(locked.installed.values()) == {"old.safetensors"}
    assert locked.converted == only(lock).layouts
    error = refused(make, "old", policy={"pickles": "deny"})
    assert "old: old.ckpt is a pickle, and the policy denies those" in error.message
    error = refused(make, "house@ckpt", policy={"pickles": "deny"})
    assert "house.ckpt is a pickle" in error.message


def test_where_pickles_are_denied_another_variant_is_taken(tmp_path: Path) -> None:
    both = entry(
        {"ckpt": variant(artifact("house.ckpt")), "st": variant(artifact("house.safetensors"))}
    )
    known = catalogs(tmp_path, mine={"both": both})
    for pickles, taken in (("allow", "ckpt"), ("deny", "st")):
        asked = wanting.manifest(
            tmp_path, "both", targets={"x": {"ui": "comfyui"}}, policy={"pickles": pickles}
        )
        assert only(locking.make(asked, known, pin=nobody)).variant.name == taken


def test_a_pickle_that_its_ui_wants_as_it_is_cannot_be_converted(tmp_path: Path) -> None:
    """AUTOMATIC1111 looks for this very file, and for no other."""
    name = "taesd_decoder.pth"
    BYTES[name] = b"taesd"
    small = entry(
        {"pth": variant(artifact(name), layout="taesd")},
        slot="vae-approx",
    )
    known = catalogs(tmp_path, mine={"taesd": small})
    targets = {"a": {"ui": "automatic1111"}, "c": {"ui": "comfyui"}}
    allowed = wanting.manifest(tmp_path, "taesd", targets=targets)
    assert only(locking.make(allowed, known, pin=nobody)).layouts == ("automatic1111", "comfyui")
    asked = wanting.manifest(tmp_path, "taesd", targets=targets, policy={"pickles": "convert"})
    with pytest.raises(TargetRefuses, match="would stay a pickle"):
        locking.make(asked, known, pin=nobody)


@pytest.mark.parametrize("denied", ["CC-BY-NC-SA-4.0", "cc-by-nc-sa-4.0"])
def test_a_denied_license_is_refused_in_any_case(make: Any, denied: str) -> None:
    error = refused(make, "house", "loose", "old", policy={"licenses": {"deny": [denied, "mit"]}})
    assert [problem.message for problem in error.problems] == [
        "house is under the license MIT, which the policy denies",
        "loose is under the license CC-BY-NC-SA-4.0, which the policy denies",
        "old is under the license MIT, which the policy denies",
    ]
    assert error.message.endswith("(and 2 more)")
    assert error.exit_code == 2


def test_hosts_are_those_of_the_policy_in_its_order(make: Any) -> None:
    def sources(*names: str) -> list[str]:
        lock = make("house", policy={"hosts": list(names)})
        return [source.host for source in only(lock).artifacts[0].artifact.sources]

    assert sources("huggingface", "modelscope") == ["huggingface", "modelscope"]
    assert sources("civitai", "huggingface") == ["huggingface"]
    error = refused(make, "house", policy={"hosts": ["civitai"]})
    assert "house.safetensors is on huggingface, modelscope alone" in error.message


def test_a_mirror_may_have_what_no_allowed_host_has(make: Any) -> None:
    lock = make("house", policy={"hosts": ["civitai"], "mirrors": ["https://mirror.example"]})
    assert only(lock).artifacts[0].artifact.sources == ()


def test_what_the_catalog_does_not_pin_is_asked_for(make: Any) -> None:
    vae = only(make("loose", pin=told))
    (locked,) = vae.artifacts
    assert locked.artifact.evidence == "host"
    assert locked.artifact.sha256 == told(locked.artifact).sha256
    error = refused(make, "loose", policy={"require_pinned": True})
    assert "the catalog does not know the sha256 of loose.safetensors" in error.message


# Names


def twins(name: str) -> dict[str, Any]:
    """Make two VAEs of which the hosts, or two catalogs, call the files alike."""
    first = {**artifact("twin.safetensors"), "name": name}
    second = {**artifact("wide.safetensors"), "name": name}
    return {
        "mine": {"one": entry({"st": variant(first)})},
        "yours": {"two": entry({"st": variant(second)})},
    }


@pytest.mark.parametrize("vaes", [("one", "two"), ("two", "one")])
def test_two_files_of_one_name_get_two(vaes: tuple[str, str], tmp_path: Path) -> None:
    known = catalogs(tmp_path, **twins("same.safetensors"))
    lock = locking.make(wanting.manifest(tmp_path, *vaes), known, pin=nobody)
    names = {vae.name: vae.artifacts[0].installed["comfyui"] for vae in lock.vaes}
    assert names == {"one": "same.safetensors", "two": "two.safetensors"}


def test_two_unpinned_files_of_one_name_get_two(tmp_path: Path) -> None:
    made = twins("same.safetensors")
    digests = {}
    for entries in made.values():
        for id_, each in entries.items():
            (only_one,) = each["variants"]["st"]["artifacts"]
            digests[id_] = only_one.pop("sha256")
            only_one["evidence"] = "host"
            only_one["sources"] = [hub(id_)]

    def pin(asked: Artifact) -> Artifact:
        path = str(asked.sources[0].locator["path"])
        return asked._replace(sha256=digests[path], evidence="host")

    known = catalogs(tmp_path, **made)
    lock = locking.make(wanting.manifest(tmp_path, "one", "two"), known, pin=pin)
    names = [vae.artifacts[0].installed["folder"] for vae in lock.vaes]
    assert names == ["same.safetensors", "two.safetensors"]


def test_slots_that_share_a_folder_share_its_names(tmp_path: Path) -> None:
    made = twins("same.safetensors")
    made["yours"]["two"]["slot"] = "vae-approx"
    known = catalogs(tmp_path, **made)
    lock = locking.make(wanting.manifest(tmp_path, "one", "two"), known, pin=nobody)
    second = lock.vaes[1].artifacts[0].installed
    assert second["folder"] == "two.safetensors"
    assert second["comfyui"] == "same.safetensors"


# Whether a lock is of a manifest


def test_disagreements_are_named(make: Any, tmp_path: Path) -> None:
    targets = {"x": {"ui": "comfyui"}, "y": {"ui": "forge"}}
    lock = make("house", "old", targets=targets)

    def said(*vaes: Any, **rest: Any) -> list[tuple[str, str]]:
        asked = wanting.manifest(tmp_path, *vaes, **rest)
        return [(each.code, each.message) for each in locking.disagreements(asked, lock)]

    assert said("old", "house", targets=targets) == []
    assert said("house", "odd", targets=targets) == [
        ("not-locked", "odd is in the manifest, not in the lock"),
        ("not-wanted", "old is in the lock, not in the manifest"),
    ]
    changed = [("lock-outdated", "the targets of the manifest changed since it was locked")]
    assert said("house", "old", targets={"x": {"ui": "comfyui"}}) == changed
    assert said("house", {"name": "old", "targets": ["x"]}, targets=targets) == changed
    assert said("house", "old", targets=targets, policy={"pickles": "deny"}) == [
        ("lock-outdated", "the policy of the manifest changed since it was locked")
    ]


def test_scope_and_hub_are_both_sources_of_house() -> None:
    """The tests above stand on this."""
    sources = wanting.ENTRIES["house"]["variants"]["safetensors"]["artifacts"][0]["sources"]
    assert sources == [scope("house.safetensors"), hub("house.safetensors")]


def test_all_of_the_curated_catalog_can_be_locked_together() -> None:
    known = load_catalogs(load())
    names = [entry.full_name for entry in known.entries()]

    def pin(asked: Artifact) -> Artifact:
        digest = hashlib.sha256(asked.name.encode()).hexdigest()
        return asked._replace(sha256=digest, evidence="host")

    lock = locking.make(wanting.manifest(Path("box"), *names), known, pin=pin)
    assert {vae.name for vae in lock.vaes} == set(names)
    assert parse(lock.text().encode(), origin="vaehub.lock") == lock
