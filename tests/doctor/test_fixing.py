"""``--fix``: what vaehub placed is mended, and nothing of the user's is touched."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.api_box import Box, overwrite
from tests.doctor.uis import KL, vae
from vaehub import api, intents, receipts, staging
from vaehub.doctor import fixing

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.doctor.fixing import Fix
    from vaehub.doctor.report import Diagnosis
    from vaehub.loopback import LoopbackWorld


@pytest.fixture
def box(tmp_path: Path, world: LoopbackWorld) -> Box:
    made = Box(tmp_path, world)
    data = vae(tmp_path / "house.safetensors").read_bytes()
    made.add("house", {"house.safetensors": data})
    made.install("house")
    return made


class Person:
    """Answers, and remembers what was asked."""

    def __init__(self, *, says: bool = True) -> None:
        self.says = says
        self.asked: list[str] = []

    def __call__(self, fix: Fix) -> bool:
        self.asked.append(fix.code)
        return self.says


def doctor(box: Box, person: Person | None = None) -> Diagnosis:
    return api.doctor(
        box.tree,
        network=False,
        may_fix=person,
        settings=box.settings,
        catalogs=box.catalogs,
    )


def codes(found: Diagnosis) -> list[str]:
    return [problem.code for problem in found.problems]


def fixed(found: Diagnosis) -> list[tuple[str, bool]]:
    return [
        (one.code, one.error is None) for one in found.fixed.get(found.targets[0].target.root, ())
    ]


def test_where_nothing_is_wrong_nobody_is_asked(box: Box) -> None:
    person = Person()
    before = box.snapshot()
    found = doctor(box, person)
    assert (person.asked, codes(found), fixed(found)) == ([], [], [])
    assert box.snapshot() == before


def test_a_no_changes_nothing(box: Box) -> None:
    (box.vae / "house.safetensors").unlink()
    before = box.snapshot()
    person = Person(says=False)
    found = doctor(box, person)
    assert person.asked == ["missing"]
    assert codes(found) == ["missing"]
    assert fixed(found) == []
    assert box.snapshot() == before


def test_what_is_gone_comes_back(box: Box) -> None:
    (box.vae / "house.safetensors").unlink()
    found = doctor(box, Person())
    assert (codes(found), fixed(found)) == ([], [("missing", True)])
    assert box.problems() == []


def test_what_the_catalog_has_anew_is_installed(box: Box, tmp_path: Path) -> None:
    data = vae(tmp_path / "x.safetensors", seed=9).read_bytes()
    box.add("house", {"house.safetensors": data}, hosts=("huggingface",))
    found = doctor(box, Person())
    assert (codes(found), fixed(found)) == ([], [("outdated", True)])
    assert box.problems() == []


def test_what_cannot_be_mended_says_why_and_stops_nothing(box: Box, tmp_path: Path) -> None:
    box.add("other", {"other.safetensors": vae(tmp_path / "y.safetensors", seed=8).read_bytes()})
    box.install("other")
    for name in ("house", "other"):
        (box.vae / f"{name}.safetensors").unlink()
    del box.entries["house"]
    found = doctor(box, Person())
    assert fixed(found) == [("missing", False), ("missing", True)]
    [first, _] = found.fixed[box.tree]
    assert first.error is not None
    assert codes(found) == ["missing"]


def test_what_was_changed_may_be_the_users_work(box: Box) -> None:
    path = box.vae / "house.safetensors"
    overwrite(path, b"the user's own")
    person = Person()
    found = doctor(box, person)
    assert person.asked == []
    assert "changed" in codes(found)
    assert path.read_bytes() == b"the user's own"


def test_a_receipt_that_is_owed_is_written(box: Box) -> None:
    receipt = receipts.find(box.vae / "house.safetensors")
    assert receipt is not None
    receipts.receipt_path(receipt.path).unlink()
    intents.note(box.store, receipt)
    found = doctor(box, Person())
    assert (codes(found), fixed(found)) == ([], [("receipt-owed", True)])
    assert receipts.find(receipt.path) is not None
    assert intents.owed(box.store) == []


def test_what_killed_runs_left_is_swept(box: Box) -> None:
    ours = box.vae / staging.FOLDER
    left = ours / f"vaehub-{staging._machine()}-{'9' * 10}-00000000.part"
    alive = ours / staging.new_name()
    for path in (left, alive):
        path.touch()
    found = doctor(box, Person())
    assert (codes(found), fixed(found)) == ([], [("leftover", True)])
    assert (left.exists(), alive.exists()) == (False, True)


def place_copy(box: Box, name: str) -> Path:
    """Put the bytes there once more, as an install of an older vaehub would have."""
    receipt = receipts.find(box.vae / "house.safetensors")
    assert receipt is not None
    path = box.vae / name
    path.write_bytes(receipt.path.read_bytes())
    receipts.write(receipts.with_stat(receipt._replace(path=path, method="copy"), path.stat()))
    return path


def unlisted(box: Box) -> Path:
    """Leave what we placed under a name that the UI does not list."""
    old = place_copy(box, "house.sft")
    receipt = receipts.find(box.vae / "house.safetensors")
    assert receipt is not None
    receipts.unplace(receipt)
    return old


def test_a_name_that_the_ui_does_not_list_is_given_up(box: Box) -> None:
    old = unlisted(box)
    person = Person()
    found = doctor(box, person)
    assert person.asked == ["not-listed"]
    assert not old.exists()
    assert receipts.find(old) is None
    assert (box.vae / "house.safetensors").is_file()
    assert codes(found) == []
    assert box.problems() == []


@pytest.mark.parametrize("meanwhile", ["the file", "the receipt"])
def test_the_old_name_stays_where_something_changed_meanwhile(box: Box, meanwhile: str) -> None:
    old = unlisted(box)
    found = doctor(box).targets[0]

    def install(name: str) -> None:
        assert name == "mine/house@safetensors"
        if meanwhile == "the file":
            data = bytearray(old.read_bytes())
            data[-2] ^= 1
            overwrite(old, bytes(data), keep_time=True)
        else:
            receipt = receipts.find(old)
            assert receipt is not None
            receipts.write(receipt._replace(installed_at="2027-01-01T00:00:00+00:00"))

    [fix] = fixing.fixes(found, store=box.store, install=install)
    assert fixing.carry_out(fix).error is None
    assert old.exists()
    assert receipts.find(old) is not None


def test_a_refusal_of_the_system_is_told(box: Box) -> None:
    def refused() -> None:
        raise PermissionError(13, "Permission denied")

    done = fixing.carry_out(fixing.Fix("leftover", "/a/path", "remove it", refused))
    assert done.error is not None
    assert done.error.message == "cannot mend /a/path: Permission denied"


def test_duplicates_of_ours_become_one_file(box: Box) -> None:
    keep, other = box.vae / "house.safetensors", place_copy(box, "second.safetensors")
    before = keep.read_bytes()
    found = doctor(box, Person())
    assert (codes(found), fixed(found)) == ([], [("duplicate", True)])
    assert keep.samefile(other)
    assert keep.read_bytes() == before
    receipt = receipts.find(other)
    assert receipt is not None
    assert receipts.stat_matches(receipt, other.stat())
    assert receipt.method == "hardlink"
    assert box.problems() == []
    assert list((box.vae / staging.FOLDER).glob("*.part")) == []


def test_a_link_in_the_place_of_a_file_of_ours_is_the_users(box: Box, tmp_path: Path) -> None:
    other = place_copy(box, "second.safetensors")
    mine = tmp_path / "mine.safetensors"
    other.rename(mine)
    other.symlink_to(mine)
    person = Person()
    assert codes(doctor(box, person)) == ["duplicate"]
    assert person.asked == []
    assert other.is_symlink()


def test_what_was_changed_into_a_duplicate_is_the_users(box: Box, tmp_path: Path) -> None:
    box.add("other", {"other.safetensors": vae(tmp_path / "y.safetensors", seed=8).read_bytes()})
    box.install("other")
    ours, changed = box.vae / "house.safetensors", box.vae / "other.safetensors"
    for _ in range(2):  # whichever of the two stands first
        overwrite(changed, ours.read_bytes())
        person = Person()
        assert "duplicate" in codes(doctor(box, person))
        assert person.asked == []
        assert not ours.samefile(changed)
        box = fresh(box)
        ours, changed = box.vae / "other.safetensors", box.vae / "house.safetensors"


def fresh(box: Box) -> Box:
    """Put both files back as they were."""
    for name in ("house", "other"):
        receipt = receipts.find(box.vae / f"{name}.safetensors")
        assert receipt is not None
        receipt.path.unlink()
        receipts.remove(receipt)
        box.install(name)
    return box


def test_another_receipt_meanwhile_stops_it(box: Box) -> None:
    other = place_copy(box, "second.safetensors")
    found = doctor(box).targets[0]
    [fix] = fixing.fixes(found, store=box.store, install=lambda name: None)
    receipt = receipts.find(other)
    assert receipt is not None
    receipts.write(receipt._replace(installed_at="2027-01-01T00:00:00+00:00"))
    done = fixing.carry_out(fix)
    assert done.error is not None
    assert not other.samefile(box.vae / "house.safetensors")


def test_a_file_with_two_things_to_say_is_linked_once(tmp_path: Path, world: LoopbackWorld) -> None:
    box = Box(tmp_path, world)
    data = vae(tmp_path / "x.safetensors", {**KL, "what.is.this": (4,)}).read_bytes()
    box.add("house", {"house.safetensors": data})
    box.install("house")
    place_copy(box, "second.safetensors")
    person = Person()
    assert set(codes(doctor(box, person))) == {"extra-tensors"}
    assert person.asked == ["duplicate"]


def test_a_duplicate_of_the_users_stays(box: Box) -> None:
    mine = box.vae / "mine.safetensors"
    mine.write_bytes((box.vae / "house.safetensors").read_bytes())
    person = Person()
    found = doctor(box, person)
    assert person.asked == []
    assert codes(found) == ["duplicate"]
    assert not mine.samefile(box.vae / "house.safetensors")


def test_a_file_that_is_changed_while_a_person_thinks_is_left_alone(box: Box) -> None:
    other = place_copy(box, "second.safetensors")

    class Slow(Person):
        def __call__(self, fix: Fix) -> bool:
            stat = other.stat()
            data = bytearray(other.read_bytes())
            data[-2] ^= 1
            other.write_bytes(data)
            os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            return super().__call__(fix)

    found = doctor(box, Slow())
    assert fixed(found) == [("duplicate", False)]
    assert not other.samefile(box.vae / "house.safetensors")


def test_nothing_of_the_users_is_touched(box: Box, tmp_path: Path) -> None:
    """Put one of each kind of trouble among the user's own files, and say yes to everything."""
    (box.vae / "page.pt").write_text("<html>")
    (box.vae / "empty.ckpt").touch()
    vae(box.vae / "house2.sft", seed=3)
    vae(box.vae / "sub" / "twice.safetensors", seed=4)
    vae(box.vae / "twice.safetensors", seed=5)
    vae(box.vae / "again.safetensors", seed=5)
    (box.vae / "gone.safetensors").symlink_to(tmp_path / "nowhere")
    (box.vae / "x.safetensors.part").write_bytes(b"12")
    (box.vae / staging.FOLDER / "broken.safetensors.json").write_text("{")
    (box.vae / "house.safetensors").unlink()
    before = box.snapshot()
    found = doctor(box, Person())
    assert fixed(found) == [("missing", True)]
    after = box.snapshot()
    ours = {
        "models/VAE/house.safetensors",
        f"models/VAE/{staging.FOLDER}/house.safetensors.json",
    }
    assert {name: what for name, what in after.items() if name not in ours} == {
        name: what for name, what in before.items() if name not in ours
    }
    # What is left says what a person can do.
    assert all(problem.hint for problem in found.problems)


# The command


def test_nobody_there_to_answer_is_no_yes(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    from vaehub.cli import main

    assert main(["doctor", "--to", str(box.tree), "--fix"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert main(["doctor", "--to", str(box.tree), "--yes"]) == 2


def test_the_command_says_what_it_did(
    box: Box, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaehub.cli import main

    monkeypatch.setenv("VAEHUB_CATALOG", str(box.catalog))
    monkeypatch.setenv("VAEHUB_STORE", str(box.store))
    path = box.vae / "house.safetensors"
    path.unlink()
    command = ["doctor", "--to", str(box.tree), "--no-network", "--fix", "--yes"]
    assert main(command) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        str(path),
        "  mended       install mine/house@safetensors again [missing]",
    ]
    assert path.is_file()
    path.unlink()
    assert main([*command, "--json"]) == 0
    target, _ = json.loads(capsys.readouterr().out)["results"]
    assert target["fixed"] == [
        {
            "code": "missing",
            "where": str(path),
            "what": "install mine/house@safetensors again",
            "done": True,
            "error": None,
        }
    ]
    # The second time there is nothing to mend.
    assert main([*command, "--json"]) == 0
    target, _ = json.loads(capsys.readouterr().out)["results"]
    assert target["fixed"] == []


def test_a_person_is_asked_before_each_step(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    if sys.platform == "win32":
        pytest.skip("terminals of POSIX")
    from tests.cli.test_terminal import on_terminal

    monkeypatch.setenv("VAEHUB_CATALOG", str(box.catalog))
    monkeypatch.setenv("VAEHUB_STORE", str(box.store))
    path = box.vae / "house.safetensors"
    path.unlink()
    command = ("doctor", "--to", box.tree, "--no-network", "--fix")
    code, shown = on_terminal(*command, typed="n\n")
    assert code == 9
    assert f"{path} [missing]: install mine/house@safetensors again? [y/N]" in shown
    assert not path.exists()
    code, shown = on_terminal(*command, typed="y\n")
    assert code == 0
    assert path.is_file()
