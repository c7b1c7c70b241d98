"""``vaehub bundle``."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import ROOT, run_process
from tests.provision.bundles import making
from tests.provision.bundles.making import FILES, lock_of, sha256
from vaehub.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

TOTAL = sum(map(len, FILES.values()))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a lock."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "vaehub.lock").write_text(lock_of().text(), encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def store(home: Path) -> Store:
    """Have all files in the store."""
    found = Store(home / "store")
    for data in FILES.values():
        partial = found.partial(sha256(data))
        partial.write_bytes(data)
        found.adopt(partial, sha256(data))
    return found


@pytest.fixture
def bundle(store: Store, here: Path, tmp_path: Path) -> Path:
    """Make a bundle, on a machine that has nothing any more."""
    path = tmp_path / "vae.tar"
    path.write_bytes(making.bundle_bytes(lock_of(), FILES, tmp_path / "made"))
    shutil.rmtree(store.root)
    (here / "vaehub.lock").unlink()
    return path


def results(ran: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    first, *rest = ran.json["results"]
    return first, rest


def test_create_says_what_it_made(run: Run, store: Store, here: Path) -> None:
    ran = run("bundle", "create", "-o", "vae.tar", "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    made = (here / "vae.tar").read_bytes()
    ran = run("bundle", "create", "-o", "again.tar", "--lock", "vaehub.lock")
    assert ran.code == 0
    assert ran.err.splitlines()[-4:] == [
        "again.tar made",
        "  24.1 kB: 3 files of 3 VAEs",
        f"  sha256 {sha256(made)}",
        "  licenses: MIT",
    ]
    assert (here / "again.tar").read_bytes() == made


def test_create_says_it_to_scripts(run: Run, store: Store, here: Path) -> None:
    (said,) = run("bundle", "create", "-o", "vae.tar", "--json").json["results"]
    made = (here / "vae.tar").read_bytes()
    assert said == {
        "path": "vae.tar",
        "status": "created",
        "changed": True,
        "sha256": sha256(made),
        "size": len(made),
        "lock": lock_of().digest(),
        "files": [
            {"name": name, "size": len(data), "sha256": sha256(data)}
            for name, data in FILES.items()
        ],
    }
    (again,) = run("bundle", "create", "-o", "vae.tar", "--json").json["results"]
    assert again == {**said, "status": "present", "changed": False}
    ran = run("bundle", "create", "-o", "vae.tar")
    assert "vae.tar was there already, and is this very bundle" in ran.err


def test_create_overwrites_nothing(run: Run, store: Store, here: Path) -> None:
    (here / "vae.tar").write_text("mine")
    ran = run("bundle", "create", "-o", "vae.tar")
    assert ran.code == 7
    assert (here / "vae.tar").read_text() == "mine"


def test_create_needs_a_place_and_a_lock(run: Run, here: Path) -> None:
    ran = run("bundle", "create")
    assert ran.code == 2
    assert "vaehub bundle create -o vae.tar" in ran.err
    (here / "vaehub.lock").unlink()
    ran = run("bundle", "create", "-o", "vae.tar")
    assert ran.code == 2
    assert "there is no lock" in ran.err


def test_create_asks_for_licenses(run: Run, store: Store, here: Path) -> None:
    lock = lock_of(id="LicenseRef-Ask", accept=True)
    (here / "vaehub.lock").write_text(lock.text(), encoding="utf-8")
    ran = run("bundle", "create", "-o", "vae.tar")
    assert ran.code == 5
    assert "--accept-license LicenseRef-Ask" in ran.err
    assert run("bundle", "create", "-o", "vae.tar", "--accept-license", "LicenseRef-Ask").code == 0


def test_create_into_a_pipe(store: Store, here: Path) -> None:
    command = [sys.executable, "-m", "vaehub", "bundle", "create", "-o", "-"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True)
    assert [info.name for info, _ in making.members(ran.stdout)][:2] == [
        "vaehub-bundle.json",
        "vaehub.lock",
    ]
    assert f"sha256 {sha256(ran.stdout)}" in ran.stderr.decode()
    refused = run_process("bundle", "create", "-o", "-", "--json")
    assert (refused.returncode, json.loads(refused.stdout)["problems"][0]["code"]) == (2, "usage")


def test_a_reader_that_goes_away_is_no_bug(store: Store, here: Path) -> None:
    command = [sys.executable, "-m", "vaehub", "bundle", "create", "-o", "-"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) == 7
    assert "takes no more of it" in said


def test_install_makes_the_target_equal_to_the_lock(
    run: Run, bundle: Path, target: Path, store: Store
) -> None:
    ran = run("bundle", "install", bundle, "--to", target)
    assert ran.code == 0
    assert f"{bundle}: 3 files, 3 of which were verified and taken in, 12.4 kB" in ran.err
    for name, data in FILES.items():
        assert (target / name).read_bytes() == data
    ran = run("bundle", "install", bundle, "--to", target)
    assert ran.code == 0
    assert ran.err.splitlines() == [
        f"{bundle}: 3 files, all of which the store had already",
        f"{target} (folder) is as the lock says: 3 VAEs",
    ]


def test_install_opens_no_connection(
    run: Run, bundle: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was made")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert run("bundle", "install", bundle, "--to", target).code == 0
    assert (target / "one.safetensors").exists()


def test_install_tells_scripts(run: Run, bundle: Path, target: Path) -> None:
    said, vaes = results(run("bundle", "install", bundle, "--to", target, "--json"))
    assert (said["kind"], said["path"], said["changed"]) == ("bundle", str(bundle), True)
    assert (said["lock"], said["size"]) == (lock_of().digest(), bundle.stat().st_size)
    assert {file["status"] for file in said["files"]} == {"imported"}
    assert [(one["kind"], one["id"], one["status"]) for one in vaes] == [
        ("vae", f"vae-{at}", "installed") for at in range(3)
    ]
    said, vaes = results(run("bundle", "install", bundle, "--to", target, "--json"))
    assert {file["status"] for file in said["files"]} == {"present"}
    assert said["read"] < bundle.stat().st_size
    assert {one["status"] for one in vaes} == {"present"}
    assert not said["changed"]


def test_a_dry_run_says_what_is_in_it_and_what_would_be_done(
    run: Run, bundle: Path, target: Path, home: Path
) -> None:
    ran = run("bundle", "install", bundle, "--to", target, "--dry-run")
    assert ran.code == 0
    lines = [line.split() for line in ran.err.splitlines()]
    assert ["vae-1", "two.safetensors", "3.10", "kB", "MIT", "would", "be", "taken", "in"] in lines
    assert ["vae-1", "two.safetensors", "3.10", "kB", "would", "be", "placed"] in lines
    assert "fetched" not in ran.err
    said, vaes = results(run("bundle", "install", bundle, "--to", target, "--dry-run", "--json"))
    assert {file["status"] for file in said["files"]} == {"planned"}
    assert {one["status"] for one in vaes} == {"planned"}
    assert {file["action"] for one in vaes for file in one["files"]} == {"place"}
    assert list(target.iterdir()) == []
    assert not (home / "store" / "blobs").exists()


def test_only_the_bundle_of_this_lock_or_of_this_hash(
    run: Run, bundle: Path, target: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.lock"
    other.write_text(lock_of({"x.safetensors": b"x"}).text(), encoding="utf-8")
    ran = run("bundle", "install", bundle, "--to", target, "--lock", other)
    assert ran.code == 6
    assert "has another lock" in ran.err
    ran = run("bundle", "install", bundle, "--to", target, "--sha256", "0" * 64)
    assert ran.code == 6
    assert f"got {sha256(bundle.read_bytes())}" in ran.err
    assert list(target.iterdir()) == []
    other.write_text(lock_of().text(), encoding="utf-8")
    digest = sha256(bundle.read_bytes())
    ran = run("bundle", "install", bundle, "--to", target, "--lock", other, "--sha256", digest)
    assert ran.code == 0


def test_a_damaged_bundle_touches_no_target(run: Run, bundle: Path, target: Path) -> None:
    data = bundle.read_bytes()
    bundle.write_bytes(data[:-2000] + b"?" + data[-1999:])
    ran = run("bundle", "install", bundle, "--to", target, "--json")
    assert ran.code == 6
    assert ran.json["problems"][0]["code"] == "hash-mismatch"
    assert list(target.iterdir()) == []


def test_what_is_no_bundle(run: Run, target: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.tar"
    path.write_bytes(b"<html>" * 1000)
    ran = run("bundle", "install", path, "--to", target, "--json")
    assert (ran.code, ran.json["problems"][0]["code"]) == (6, "bundle-refused")
    assert run("bundle", "install", tmp_path / "none.tar", "--to", target).code == 2


def test_install_from_a_pipe(bundle: Path, target: Path) -> None:
    command = [sys.executable, "-m", "vaehub", "bundle", "install", "-", "--to", str(target)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, env=environment, input=bundle.read_bytes(), capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert (target / "one.safetensors").read_bytes() == FILES["one.safetensors"]


def test_install_removes_what_the_lock_does_not_name(
    run: Run, bundle: Path, target: Path, tmp_path: Path
) -> None:
    assert run("bundle", "install", bundle, "--to", target).code == 0
    fewer = {"one.safetensors": FILES["one.safetensors"]}
    smaller = tmp_path / "fewer.tar"
    smaller.write_bytes(making.bundle_bytes(lock_of(fewer), fewer, tmp_path / "fewer"))
    assert run("bundle", "install", smaller, "--to", target, "--no-remove").code == 0
    assert (target / "two.safetensors").exists()
    assert run("bundle", "install", smaller, "--to", target).code == 0
    assert {path.name for path in target.iterdir()} == {"one.safetensors", ".vaehub"}


def test_a_manifest_that_happens_to_lie_here_is_not_read(
    run: Run, bundle: Path, target: Path, here: Path
) -> None:
    (here / "vaehub.yaml").write_text("nonsense: [")
    assert run("bundle", "install", bundle, "--to", target).code == 0


def test_both_ask_for_a_license_that_wants_it(
    run: Run, target: Path, tmp_path: Path, home: Path
) -> None:
    lock = lock_of(id="LicenseRef-Ask", accept=True)
    made = making.Machine(tmp_path / "made")
    made.put(*FILES.values())
    made.create(tmp_path / "ask.tar", lock, accept_licenses=["LicenseRef-Ask"])
    shutil.rmtree(home / "xdg_state_home")  # where that is remembered
    ran = run("bundle", "install", tmp_path / "ask.tar", "--to", target)
    assert ran.code == 5
    assert [path.name for path in target.iterdir() if path.name != ".vaehub"] == []
    accepted = ("--accept-license", "LicenseRef-Ask")
    assert run("bundle", "install", tmp_path / "ask.tar", "--to", target, *accepted).code == 0
