"""Several installs at once, against loopback hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import builders, openings
from tests.api_box import Box, locator
from vaehub import api
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
from vaehub.errors import (
    EntryNotFound,
    FileInTheWay,
    HashMismatch,
    LicenseNotAccepted,
    NoSourceDelivered,
    TargetNotUsable,
)
from vaehub.outcome import InstallResult
from vaehub.transfer.listener import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld
    from vaehub.model import Entry

FILES = {f"file-{n}": builders.safetensors_bytes(40_000, seed=n) for n in range(7)}


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    box = Box(tmp_path, world)
    for id_, data in FILES.items():
        box.add(id_, {f"{id_}.safetensors": data})
    return box


class Told(Silent):
    """A listener that remembers names."""

    def __init__(self) -> None:
        self.planned_: dict[str, int | None] = {}
        self.ended: list[str] = []
        self.gone: list[str] = []

    def planned(self, artifact_name: str, total: int | None) -> None:
        self.planned_[artifact_name] = total

    def finished(self, artifact_name: str) -> None:
        self.ended.append(artifact_name)

    def abandoned(self, artifact_name: str) -> None:
        self.gone.append(artifact_name)


def install_all(box: Box, *names: str, **options: object) -> list[InstallResult | Exception]:
    return api.install_all(
        names,
        **{  # type: ignore[arg-type]  # whatever a test says, over the box's own
            "to": box.tree,
            "settings": box.settings,
            "catalogs": box.catalogs,
            **options,
        },
    )


def test_all_are_installed_and_told_in_their_order(box: Box) -> None:
    told = Told()
    done = install_all(box, *FILES, listener=told)
    assert [isinstance(each, InstallResult) and each.entry.id for each in done] == list(FILES)
    for id_, data in FILES.items():
        assert (box.vae / f"{id_}.safetensors").read_bytes() == data
    names = {f"{id_}.safetensors" for id_ in FILES}
    assert set(told.planned_) == names
    assert sorted(told.ended) == sorted(names)
    assert told.gone == []
    again = install_all(box, *FILES)
    assert not any(isinstance(each, Exception) or each.changed for each in again)


def test_one_that_fails_stops_none_of_the_others(box: Box) -> None:
    box.world.faults("modelscope").status(404, times=None)
    told = Told()
    good = builders.safetensors_bytes(seed=50)
    box.add("good", {"good.safetensors": good}, hosts=("huggingface",))
    first, unknown, second = install_all(
        box, "file-1", "nothing-of-that-name", "good", listener=told
    )
    assert isinstance(first, NoSourceDelivered)
    assert isinstance(unknown, EntryNotFound)
    assert isinstance(second, InstallResult)
    assert box.listed == ["good.safetensors"]
    assert told.gone == ["file-1.safetensors"]
    assert told.ended == ["good.safetensors"]


def test_each_keeps_its_own_reason(box: Box) -> None:
    bad = builders.safetensors_bytes(seed=60)
    box.add("bad", {"bad.safetensors": bad}, hosts=("huggingface",))
    box.world.faults("huggingface").flip_byte(2_000)
    failed, done = install_all(box, "bad", "file-2")
    assert isinstance(failed, NoSourceDelivered)
    assert isinstance(failed.attempts[0][1], HashMismatch)
    assert isinstance(done, InstallResult)


def with_another_catalog(box: Box, entries: dict[str, tuple[str, bytes]]) -> Catalogs:
    """Add a catalog, since within one no two files share a name, or bytes."""
    made = {}
    for id_, (name, data) in entries.items():
        box.world.publish("modelscope", locator(id_), data)
        made[id_] = builders.entry({name: (data, [{"modelscope": locator(id_)}])})
    path = builders.write_catalog(box.folder / "other.yaml", made, name="other")
    other, _ = load_file(path, cache=box.folder / "cache", foreign=True)
    return Catalogs((*box.catalogs.catalogs, other))


def test_of_two_that_want_one_name_the_first_wins(box: Box) -> None:
    told = Told()
    rival = builders.safetensors_bytes(40_000, seed=90)
    catalogs = with_another_catalog(box, {"rival": ("file-0.safetensors", rival)})
    names = ("rival", "file-0", "file-1")
    first, second, third = install_all(box, *names, catalogs=catalogs, listener=told)
    assert isinstance(first, InstallResult)
    assert isinstance(second, FileInTheWay)
    assert isinstance(third, InstallResult)
    assert (box.vae / "file-0.safetensors").read_bytes() == rival
    assert set(told.planned_) == {
        "rival@safetensors: file-0.safetensors",
        "file-0@safetensors: file-0.safetensors",
        "file-1.safetensors",
    }
    assert told.gone == ["file-0@safetensors: file-0.safetensors"]
    assert sum(seen.sent >= 40_000 for seen in box.world.requests) == 2


def test_the_same_entry_under_two_names_is_installed_once(box: Box) -> None:
    box.entries["file-0"]["aliases"] = ["other-name"]
    first, second = install_all(box, "file-0", "other-name")
    assert isinstance(first, InstallResult)
    assert isinstance(second, InstallResult)
    assert (first.changed, second.changed) == (True, False)
    assert sum(seen.sent >= 40_000 for seen in box.world.requests) == 1


def test_the_same_bytes_under_two_names_come_once(box: Box) -> None:
    catalogs = with_another_catalog(box, {"twin": ("twin.safetensors", FILES["file-0"])})
    first, second = install_all(box, "file-0", "twin", catalogs=catalogs)
    assert isinstance(first, InstallResult)
    assert isinstance(second, InstallResult)
    assert box.listed == ["file-0.safetensors", "twin.safetensors"]
    assert sum(seen.sent >= 40_000 for seen in box.world.requests) == 1


def test_questions_come_before_the_first_byte(box: Box) -> None:
    asked: list[str] = []

    def ask(entry: Entry) -> bool:
        assert not any(seen.sent >= 40_000 for seen in box.world.requests)
        asked.append(entry.id)
        return entry.id == "file-5"

    for id_ in ("file-4", "file-5"):
        box.entries[id_]["license"] = {
            "id": f"LicenseRef-{id_}",
            "source": "https://example.org/terms",
            "accept": True,
        }
    free, refused, accepted = install_all(box, "file-3", "file-4", "file-5", ask=ask)
    assert asked == ["file-4", "file-5"]
    assert isinstance(free, InstallResult)
    assert isinstance(refused, LicenseNotAccepted)
    assert isinstance(accepted, InstallResult)
    assert box.listed == ["file-3.safetensors", "file-5.safetensors"]


def test_a_dry_run_of_several_does_nothing(box: Box) -> None:
    before = box.snapshot()
    done = install_all(box, "file-1", "file-2", dry_run=True)
    assert [isinstance(each, InstallResult) and each.dry_run for each in done] == [True, True]
    assert box.snapshot() == before
    assert box.world.requests == []
    assert not box.store.exists()


def test_no_target_is_one_error_and_not_one_for_each(box: Box, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    with pytest.raises(TargetNotUsable):
        install_all(box, "file-1", "file-2", to=tmp_path / "a-file")


def test_no_names_are_no_work(box: Box) -> None:
    assert install_all(box) == []


def test_a_file_in_the_way_concerns_its_own_name_only(box: Box) -> None:
    box.vae.mkdir()
    (box.vae / "file-1.safetensors").write_bytes(b"the user's own")
    failed, done = install_all(box, "file-1", "file-2")
    assert isinstance(failed, FileInTheWay)
    assert isinstance(done, InstallResult)
    assert (box.vae / "file-1.safetensors").read_bytes() == b"the user's own"


def test_what_is_there_already_is_told_by_its_own_receipt(box: Box) -> None:
    """Fifty names in one folder must not mean that each reads the receipts of all."""
    settings, catalogs = box.settings, box.catalogs

    def install() -> list[InstallResult | Exception]:
        return api.install_all(FILES, to=box.tree, settings=settings, catalogs=catalogs)

    install()
    with openings.watched(box.vae) as opened:
        done = install()
    assert all(isinstance(one, InstallResult) and not one.changed for one in done)
    receipts = [name for name in opened if name.endswith(".json")]
    assert set(receipts) == {f".vaehub/{name}.safetensors.json" for name in FILES}
    assert len(receipts) <= 3 * len(FILES)
