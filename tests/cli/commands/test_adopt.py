"""``vaehub adopt``, and what installs make of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DATA, OTHER, locator
from tests.trees import snapshot
from vaehub.cli.commands.install import NEARBY
from vaehub.loopback import LoopbackWorld

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, catalog: Path) -> Iterator[LoopbackWorld]:
    with LoopbackWorld() as world:
        world.publish("huggingface", locator("house.safetensors"), DATA)
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


@pytest.fixture
def models(tmp_path: Path, catalog: Path) -> Path:
    folder = tmp_path / "models"
    (folder / "old").mkdir(parents=True)
    (folder / "old" / "orangemix.vae.pt").write_bytes(DATA)
    (folder / "notes.txt").write_text("hello", encoding="utf-8")
    (folder / "mine.safetensors").write_bytes(DATA[:-1] + b"?")
    return folder


def test_it_says_what_each_file_is_and_what_was_not_read(run: Run, models: Path) -> None:
    before = snapshot(models)
    ran = run("adopt", models)
    assert (ran.code, ran.out) == (0, "")
    lines = ran.err.splitlines()
    assert lines[lines.index(f"{models}: 1 of 3 files recognised") :] == [
        f"{models}: 1 of 3 files recognised",
        "  old/orangemix.vae.pt is mine/house@safetensors, 4.19 kB",
        "  not read, since no file of the catalog has that size: 1",
        "  read, and not in the catalog: 1",
        "  installs take these bytes from there; nothing in the folder was changed",
    ]
    assert run("adopt", models).err.splitlines()[-1].startswith("  as recorded before: ")
    assert snapshot(models) == before


def test_json(run: Run, models: Path) -> None:
    (models / "dead").symlink_to("nowhere")
    ran = run("adopt", models, "--json")
    assert (ran.code, ran.err) == (0, "")
    path = str(models / "old" / "orangemix.vae.pt")
    file = {"path": path, "size": len(DATA), "sha256": SHA256}
    assert ran.json["results"] == [
        {
            "folder": str(models),
            "files": [{**file, "entries": ["mine/house@safetensors"]}],
            "looked_at": 3,
            "other_size": 1,
            "other_bytes": 1,
            "changed": True,
            "dry_run": False,
        }
    ]
    assert [(one["code"], one["where"], one["blocking"]) for one in ran.json["problems"]] == [
        ("unreadable", str(models / "dead"), False)
    ]
    (listed,) = run("adopt", "--list", "--json").json["results"]
    assert listed["at"].endswith("+00:00")
    assert listed["folder"] == str(models)
    assert listed["files"] == [{**file, "entries": ["mine/house@safetensors"], "state": "there"}]


def test_a_dry_run_says_and_records_nothing(run: Run, models: Path) -> None:
    ran = run("adopt", models, "--dry-run")
    assert ran.code == 0
    assert "orangemix.vae.pt is mine/house" in ran.err
    assert ran.err.splitlines()[-1] == "  nothing was recorded: --dry-run"
    listed = run("adopt", "--list")
    assert (listed.code, listed.out) == (0, "")
    assert "no folder was adopted" in listed.err
    assert run("adopt", models, "--json").json["results"][0]["changed"] is True


def test_quiet(run: Run, models: Path) -> None:
    ran = run("adopt", models, "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert run("adopt", "--list", "-q").out.startswith(f"{models}: 1 file\n")


def test_the_list_says_what_has_changed_since(run: Run, models: Path) -> None:
    path = models / "old" / "orangemix.vae.pt"
    run("adopt", models)
    line = "  old/orangemix.vae.pt is mine/house@safetensors, 4.19 kB"
    assert run("adopt", "--list").out.splitlines() == [f"{models}: 1 file", line]
    path.write_bytes(DATA[:-1])
    assert run("adopt", "--list").out.splitlines()[1] == f"{line}, changed since"
    path.unlink()
    assert run("adopt", "--list").out.splitlines()[1] == f"{line}, gone since"


def test_the_list_of_what_has_left_the_catalog(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("adopt", models)
    monkeypatch.delenv("VAEHUB_CATALOG")
    assert "is no longer in the catalog, 4.19 kB" in run("adopt", "--list").out


def test_to_forget(run: Run, models: Path) -> None:
    run("adopt", models)
    before = snapshot(models)
    ran = run("adopt", "--forget", models)
    assert (ran.code, ran.err) == (0, f"{models}: forgotten; nothing in it was changed\n")
    assert snapshot(models) == before
    again = run("adopt", "--forget", models, "--json")
    assert again.code == 4
    assert [one["code"] for one in again.json["problems"]] == ["name"]
    run("adopt", models)
    ran = run("adopt", "--forget", "/nowhere", models, "--json")
    assert (ran.code, ran.json["ok"]) == (4, False)
    assert ran.json["results"] == [{"folder": str(models), "forgotten": True}]


def test_one_bad_folder_does_not_stop_the_others(run: Run, models: Path) -> None:
    ran = run("adopt", models / "gone", models, models / "notes.txt")
    assert ran.code == 7
    assert "orangemix.vae.pt is mine/house" in ran.err
    assert f"there is no folder {models / 'gone'}" in ran.err
    assert "is a file, not a folder" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no folder was named"),
        (["--forget"], "no folder was named"),
        (["--dry-run"], "no folder was named"),
        (["--list", "x"], "--list takes no folder"),
        (["--list", "--forget"], "do not go together"),
        (["--forget", "--dry-run", "x"], "do not go together"),
    ],
    ids=" ".join,
)
def test_usage(run: Run, catalog: Path, arguments: list[str], said: str) -> None:
    ran = run("adopt", *arguments)
    assert ran.code == 2
    assert said in ran.err


def test_an_install_takes_what_was_adopted(
    run: Run, world: LoopbackWorld, models: Path, target: Path
) -> None:
    path = models / "old" / "orangemix.vae.pt"
    run("adopt", models)
    plan = run("install", "house", "--to", target, "--dry-run").err.splitlines()
    assert plan[2:] == [
        "    4.19 kB, would be placed without a download: not there yet; "
        f"the same bytes are at {path}",
        f"    from the adopted {path}",
    ]
    (result,) = run("install", "house", "--to", target, "--dry-run", "--json").json["results"]
    (file,) = result["files"]
    assert (file["action"], file["status"]) == ("place", "planned")
    assert file["candidates"] == [f"adopted {path}"]
    ran = run("install", "house", "--to", target)
    assert ran.code == 0
    assert f"    4.19 kB from the adopted {path}, verified, " in ran.err
    assert "a hard link to the store" in ran.err or "disk space" in ran.err
    assert world.requests == []
    assert path.stat().st_nlink == 1


def test_json_says_where_the_bytes_came_from(
    run: Run, world: LoopbackWorld, models: Path, target: Path
) -> None:
    run("adopt", models)
    (result,) = run("install", "house", "--to", target, "--json").json["results"]
    assert result["files"][0]["source"] == f"adopted {models / 'old' / 'orangemix.vae.pt'}"
    assert result["files"][0]["failed_sources"] == []


def test_a_neighbour_is_named(run: Run, world: LoopbackWorld, target: Path) -> None:
    (target / "orangemix.vae.pt").write_bytes(DATA)
    ran = run("install", "house", "--to", target)
    assert f"from its neighbour {target / 'orangemix.vae.pt'}, verified" in ran.err
    assert world.requests == []


def test_what_lies_elsewhere_is_named(run: Run, world: LoopbackWorld, target: Path) -> None:
    assert run("install", "house", "--to", target / "a").code == 0
    assert run("store", "gc").code == 0
    (store,) = run("store", "path", "--json").json["results"]
    if store["size"]:  # the blob is a hard link to the installed file, and stays
        from shutil import rmtree

        rmtree(store["path"])
    world.requests.clear()
    ran = run("install", "house", "--to", target / "b")
    path = target / "a" / "house.safetensors"
    assert f"from the installed {path}, verified, " in ran.err
    assert world.requests == []


def test_why_a_file_was_passed_by_is_for_those_who_ask(
    run: Run, world: LoopbackWorld, models: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blob has the right name and size, and other bytes."""
    assert len(OTHER) == len(DATA)
    blob = models / "hub" / "models--acme--vaes" / "blobs" / SHA256
    blob.parent.mkdir(parents=True)
    blob.write_bytes(OTHER)
    monkeypatch.setenv("HF_HUB_CACHE", str(models / "hub"))
    ran = run("install", "house", "--to", target / "a", "-v")
    assert ran.code == 0
    said = f"vaehub: hub-cache {blob}: not taken: its bytes have changed"
    assert said in ran.err
    assert "GET http://127.0.0.1" in ran.err
    assert "from huggingface acme/vaes" in ran.err
    assert blob.read_bytes() == OTHER
    run("uninstall", "house", "--to", target / "a")
    run("store", "gc")
    ran = run("install", "house", "--to", target / "a")
    assert ran.code == 0
    assert "not taken" not in ran.err


def test_every_origin_has_its_words() -> None:
    from typing import get_args

    from vaehub.nearby import Origin

    assert set(NEARBY) == set(get_args(Origin))
