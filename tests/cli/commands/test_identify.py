"""``vaehub identify``: what it prints, for people and for scripts, and how it ends."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import DATA, OTHER
from tests.trees import snapshot
from tests.weights import autoencoders as ae
from vaehub.loopback import LoopbackWorld

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

SHA256 = hashlib.sha256(DATA).hexdigest()
ORANGEMIX = "f921fb3f29891d2a77a6571e56b8b5052420d2884129517a333c60b1b4816cdf"


@pytest.fixture
def models(tmp_path: Path, catalog: Path) -> Path:
    folder = tmp_path / "models"
    (folder / "old").mkdir(parents=True)
    (folder / "a.pt").write_bytes(DATA)
    (folder / "old" / "b.safetensors").write_bytes(DATA)
    ae.write(folder / "c.safetensors", ae.numbers(4))
    ae.write(folder / "d.safetensors", ae.cast(ae.numbers(4), "F16"))
    (folder / "notes.txt").write_text("hello", encoding="utf-8")
    return folder


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, catalog: Path) -> Iterator[LoopbackWorld]:
    with LoopbackWorld() as world:
        for name, value in world.environment(login=["civitai", "liblib"]).items():
            monkeypatch.setenv(name, value)
        yield world


def test_one_file_in_full(run: Run, models: Path) -> None:
    ran = run("identify", models / "a.pt", "-q")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"{models / 'a.pt'}, 4.19 kB",
        "  is           mine/house@safetensors",
        "  title        House VAE",
        "  family       test1",
        "  also called  house.safetensors",
        f"  sha256       {SHA256}",
        f"  autov2       {SHA256[:10]}, which is what A1111 shows",
    ]


def test_a_folder_is_a_table(run: Run, models: Path) -> None:
    before = snapshot(models)
    ran = run("identify", models, "-q")
    assert ran.code == 0
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[0] == "file size is by same as"
    assert lines[1] == "a.pt 4.19 kB mine/house@safetensors its bytes -"
    assert lines[-2:] == [
        "1 duplicate: 4.19 kB could be free; --dedupe links what can be",
        "1 other file passed by",
    ]
    assert any(line.startswith("old/b.safetensors") and line.endswith("a.pt") for line in lines)
    assert any("- d.safetensors is this one, rounded to fp16 -" in line for line in lines)
    assert any("- the weights of c.safetensors, rounded to fp16 -" in line for line in lines)
    assert snapshot(models) == before


def test_json(run: Run, models: Path) -> None:
    said = run("identify", models, "--json", "--hashes").json
    assert said["ok"]
    by_name = {result["path"].rpartition("/")[2]: result for result in said["results"]}
    known, exact, rounded = by_name["a.pt"], by_name["c.safetensors"], by_name["d.safetensors"]
    assert (known["status"], known["is"]) == ("known", ["mine/house@safetensors"])
    assert (known["told_by"], known["fingerprint"]) == (["catalog"], None)
    assert {"sha256", "autov2", "autov3", "crc32", "a1111"} <= set(known["hashes"])
    assert exact["status"] == "unknown"  # related to a file that is unknown as well
    assert exact["fingerprint"]["text"] == f"vf1:{exact['fingerprint']['weights']}"
    assert "sketch" not in exact["fingerprint"]["encoder"]
    (relation,) = rounded["relations"]
    assert (relation["kind"], relation["precision"]) == ("rounded", "fp16")
    assert (relation["path"], relation["named"]) == (exact["path"], False)
    assert 0 < relation["distance"] < 0.001


def test_a_quoted_digest(run: Run, catalog: Path) -> None:
    ran = run("identify", "--hash", ORANGEMIX[:10].upper())
    assert ran.code == 0
    assert "is anything-v4.0@pt, by its autov2" in ran.out
    assert "orangemix.vae.pt" in ran.out
    said = run("identify", "--hash", ORANGEMIX, "--json").json["results"][0]
    assert said["status"] == "known"
    assert said["matches"][0]["is"] == ["vaehub/anything-v4.0@pt"]
    assert "orangemix.vae.pt" in said["matches"][0]["known_as"]


def test_an_autov1_is_never_enough(run: Run, catalog: Path) -> None:
    ran = run("identify", "--hash", "223531C6")
    assert "does not settle it" in ran.out
    assert "  is " not in ran.out
    said = run("identify", "--hash", "F458B5C6", "--json").json["results"][0]
    assert (said["status"], said["matches"][0]["sure"]) == ("ambiguous", False)


def test_a_digest_that_nobody_knows(run: Run, catalog: Path) -> None:
    ran = run("identify", "--hash", "0" * 64)
    assert (ran.code, ran.out.strip()) == (0, "0" * 64 + ": unknown")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--yes", "x"],
        ["--undo", "x"],
        ["--hash", "xyz"],
        ["--hash", "a" * 10, "x"],
        ["--hash", "a" * 10, "--dedupe"],
    ],
)
def test_what_cannot_be_asked(run: Run, catalog: Path, words: list[str]) -> None:
    assert run("identify", *words).code == 2


def test_no_such_file(run: Run, models: Path) -> None:
    ran = run("identify", models / "none.pt", models / "a.pt")
    assert ran.code == 2
    assert f"there is no {models / 'none.pt'}" in ran.err
    assert "mine/house@safetensors" in ran.out


def test_no_model(run: Run, models: Path) -> None:
    page = models / "page.safetensors"
    page.write_text("<html>", encoding="utf-8")
    ran = run("identify", page)
    assert ran.code == 6
    assert "web page" in ran.err
    assert run("identify", models, "-q").code == 0


def test_without_blake3_it_says_so(run: Run, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "blake3", None)
    assert "pip install blake3" in run("identify", models / "a.pt", "--hashes").err
    assert "blake3" not in run("identify", models / "a.pt").err


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_dedupe_and_back(run: Run, models: Path) -> None:
    before = snapshot(models)
    ran = run("identify", models, "--dedupe")
    assert "nothing was changed: --yes does it" in ran.err
    assert (models / "a.pt").stat().st_nlink == 1
    said = run("identify", models, "--dedupe", "--yes", "--json").json
    (done,) = said["results"]
    assert (done["path"], done["status"]) == (str(models / "old" / "b.safetensors"), "linked")
    assert snapshot(models) == before
    if done["method"] == "hardlink":
        assert (models / "a.pt").stat().st_nlink == 2
        assert run("identify", "--undo", "--json").json["results"][0]["status"] == "undone"
    assert snapshot(models) == before
    run("identify", "--undo")
    assert "nothing is on record" in run("identify", "--undo").err


def test_nothing_that_could_share(run: Run, models: Path) -> None:
    ran = run("identify", models / "a.pt", "--dedupe", "--yes")
    assert ran.code == 0
    assert "no two files could share" in ran.err


# Online

CIVITAI: dict[str, str | int] = {"model": 22354, "version": 88156}
LIBLIB: dict[str, str | int] = {"model": "1" * 32, "version": "2" * 32}


def online(run: Run, path: Path) -> dict[str, Any]:
    said = run("identify", path, "--online", "--json").json
    assert said["ok"], said["problems"]
    result = said["results"][0]
    assert isinstance(result, dict)
    return result


def test_hosts_are_asked_by_sha256(run: Run, models: Path, world: LoopbackWorld) -> None:
    world.publish("civitai", CIVITAI, OTHER, name="other.safetensors")
    world.publish("civitai", CIVITAI, DATA, name="house.safetensors")
    world.publish("liblib", LIBLIB, DATA, name="house.safetensors")
    found = {one["host"]: one for one in online(run, models / "a.pt")["online"]}
    assert found["civitai"]["file"] == "house.safetensors"
    assert found["civitai"]["page"] == "https://civitai.com/models/22354?modelVersionId=88156"
    assert found["civitai"]["locator"]["version"] == 88156
    assert found["liblib"]["file"] == "house.safetensors"
    assert found["liblib"]["locator"]["version"] == "2" * 32
    assert world.leaks == []


def test_what_hosts_do_not_know(run: Run, models: Path, world: LoopbackWorld) -> None:
    world.publish("civitai", CIVITAI, OTHER, name="other.safetensors")
    result = online(run, models / "a.pt")
    assert (result["online"], result["unknown_to"]) == ([], ["civitai", "liblib"])
    ran = run("identify", models / "a.pt", "--online")
    assert "does not know these bytes" in ran.out


def test_offline_nothing_is_asked(
    run: Run, models: Path, world: LoopbackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAEHUB_OFFLINE", "1")
    ran = run("identify", models / "a.pt", "--online")
    assert ran.code == 5
    assert "mine/house@safetensors" in ran.out


def test_without_online_nothing_is_asked(run: Run, models: Path, world: LoopbackWorld) -> None:
    run("identify", models)
    assert world.requests == []


def test_a_quoted_digest_is_asked_for_too(run: Run, world: LoopbackWorld) -> None:
    world.publish("civitai", CIVITAI, OTHER + b"?", name="other.safetensors")
    digest = hashlib.sha256(OTHER + b"?").hexdigest()
    (result,) = run("identify", "--hash", digest, "--online", "--json").json["results"]
    assert (result["status"], result["unknown_to"]) == ("unknown", ["liblib"])
    assert result["online"][0]["file"] == "other.safetensors"
    assert "other.safetensors" in run("identify", "--hash", digest, "--online").out


def test_a_digest_that_is_no_whole_sha256_is_not_asked_for(run: Run, world: LoopbackWorld) -> None:
    ran = run("identify", "--hash", "0" * 10, "--online")
    assert ran.code == 0
    assert "whole sha256" in ran.err
    # What its beginning settles is asked for as a whole.
    (result,) = run("identify", "--hash", SHA256[:10], "--online", "--json").json["results"]
    assert result["unknown_to"] == ["civitai", "liblib"]
