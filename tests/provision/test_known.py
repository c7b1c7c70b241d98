"""A lock alone is enough to find by name what it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.provision.boxes import ONE, Fleet
from vaehub import provisioning
from vaehub.catalog import Catalogs
from vaehub.errors import EntryNotFound
from vaehub.provision import lock as lock_module
from vaehub.provision.known import with_locked

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld
    from vaehub.provision.lock import Lock

TARGETS = "  a: {ui: folder, path: a}\n"


@pytest.fixture
def fleet(tmp_path: Path, world: LoopbackWorld) -> Fleet:
    return Fleet(tmp_path, world)


def locked(fleet: Fleet, *names: str) -> Lock:
    fleet.want(*names, targets=TARGETS)
    fleet.lock()
    return lock_module.read(fleet.lock_path)


def test_a_catalog_that_is_not_here_is_what_the_lock_says_of_it(fleet: Fleet) -> None:
    lock = locked(fleet, "one", "two")
    found = with_locked(lock, Catalogs(()))
    for vae in lock.vaes:
        assert found.resolve(f"{vae.entry.full_name}@{vae.variant.name}") == (
            vae.entry,
            vae.variant,
        )
    with pytest.raises(EntryNotFound):
        found.resolve("mine/three")


def test_what_the_catalogs_have_beside_stays(fleet: Fleet) -> None:
    found = with_locked(locked(fleet, "one"), fleet.catalogs)
    assert found.resolve("three") == fleet.catalogs.resolve("three")
    assert len(list(found.entries())) == len(list(fleet.catalogs.entries()))


def test_the_lock_comes_before_a_newer_catalog(fleet: Fleet) -> None:
    lock = locked(fleet, "one")
    fleet.add("one", {"one.safetensors": b"newer bytes"})
    entry, variant = with_locked(lock, fleet.catalogs).resolve("mine/one")
    assert [artifact.sha256 for artifact in variant.artifacts] == [
        artifact.sha256 for vae in lock.vaes for artifact in vae.variant.artifacts
    ]
    assert entry.summary == fleet.catalogs.resolve("mine/one")[0].summary


def test_several_variants_of_one_are_all_known(fleet: Fleet) -> None:
    [vae] = locked(fleet, "one").vaes
    other = vae.variant._replace(name="other")
    both = (vae, vae._replace(entry=vae.entry._replace(variants=(other,))))
    lock = locked(fleet, "one")._replace(vaes=both)
    for catalogs in (Catalogs(()), fleet.catalogs):
        found = with_locked(lock, catalogs)
        assert found.resolve("mine/one@other")[1] == other
        assert found.resolve("mine/one")[1] == vae.variant


def test_a_box_without_the_catalog_proves_what_the_policy_asks_for(fleet: Fleet) -> None:
    pytest.importorskip("torch")
    fleet.want("one", targets=TARGETS, policy="  smoke: {dtypes: [fp32], device: cpu}\n")
    fleet.lock()
    done = provisioning.sync(
        None,
        fleet.lock_path,
        to=[f"a={fleet.folder / 'a'}"],
        settings=fleet.settings,
        catalogs=Catalogs(()),
    )
    assert (fleet.folder / "a" / "one.safetensors").read_bytes() == ONE
    assert [report.name for report in done.reports] == ["mine/one@safetensors"]
