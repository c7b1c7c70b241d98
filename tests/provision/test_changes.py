"""What is told of two locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.provision import wanting
from tests.provision.test_locking import nobody
from vaehub.provision import changes, locking
from vaehub.provision.changes import Bytes, Change, Changes

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.provision.lock import Lock


@pytest.fixture
def make(tmp_path: Path) -> Any:
    known = wanting.catalogs(tmp_path)

    def make(*vaes: Any, **rest: Any) -> Lock:
        return locking.make(wanting.manifest(tmp_path, *vaes, **rest), known, pin=nobody)

    return make


def with_artifact(lock: Lock, **fields: Any) -> Lock:
    """Give a lock with something else in its first file."""
    vae = lock.vaes[0]
    first = vae.artifacts[0]
    locked = first._replace(
        **{key: value for key, value in fields.items() if key in first._fields},
        artifact=first.artifact._replace(
            **{key: value for key, value in fields.items() if key in first.artifact._fields}
        ),
    )
    return lock._replace(vaes=(vae._replace(artifacts=(locked,)), *lock.vaes[1:]))


def test_nothing_changed(make: Any) -> None:
    assert changes.between(make("house"), make("house")) == Changes()


def test_what_came_and_went(make: Any) -> None:
    house = wanting.artifact("house.safetensors")["sha256"]
    old = wanting.artifact("old.ckpt")["sha256"]
    came = Change(
        "added", "house", "mine/house", "safetensors", (Bytes("house.safetensors", None, house),)
    )
    went = Change("removed", "old", "mine/old", "ckpt", (Bytes("old.ckpt", old, None),))
    assert changes.between(None, make("house")) == Changes((came,))
    assert changes.between(make("old"), make("house")) == Changes((came, went))


def test_another_variant_is_one_that_goes_and_one_that_comes(make: Any) -> None:
    found = changes.between(make("house"), make("house@ckpt")).vaes
    assert [(one.kind, one.variant) for one in found] == [
        ("removed", "safetensors"),
        ("added", "ckpt"),
    ]


def test_which_sha256_changed(make: Any) -> None:
    before = make("house", "old")
    (found,) = changes.between(before, with_artifact(before, sha256="0" * 64)).vaes
    assert found.kind == "changed"
    known = before.vaes[0].artifacts[0].artifact.sha256
    assert found.files == (Bytes("house.safetensors", known, "0" * 64),)
    assert found.what == ()


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"sources": ()}, "its sources"),
        ({"installed": {"comfyui": "x.pt"}}, "installed names"),
        ({"converted": ("forge",)}, "what is converted"),
        ({"size": 5}, "what is known of it"),
    ],
)
def test_what_else_changed(make: Any, fields: dict[str, Any], what: str) -> None:
    before = make("house")
    (found,) = changes.between(before, with_artifact(before, **fields)).vaes
    assert (found.files, found.what) == ((), (what,))


def test_targets_and_kinds_of_ui(make: Any) -> None:
    targets = {"a": {"ui": "comfyui"}, "b": {"ui": "forge"}}
    before = make("house", targets=targets)
    after = make({"name": "house", "targets": ["a"]}, targets=targets)
    (found,) = changes.between(before, after).vaes
    assert found.what == ("its targets", "the kinds of UI", "installed names")


def test_what_changed_around(make: Any) -> None:
    before = make("house")
    after = make("house", policy={"foreign": "allow"})._replace(
        catalogs={"mine": "0" * 64}, targets={"x": "folder"}
    )
    assert changes.between(before, after) == Changes(
        (),
        ("the policy changed", "the targets changed", "the catalog mine is another version now"),
    )
