"""The Python face of manifest and lock: files are made, kept, and never written over."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tests.provision import wanting
from tests.provision.wanting import BYTES, hub
from tests.trees import snapshot
from vaehub import provisioning, settings
from vaehub.errors import (
    EntryNotFound,
    LockError,
    ManifestError,
    NoSourceDelivered,
    TargetNotUsable,
    UsageError,
)
from vaehub.provision import lock as lock_module
from vaehub.settings import TOKEN_VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld
    from vaehub.provisioning import LockResult

POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions and links of POSIX")
MANIFEST = "schema: 1\nvaes:\n  - house  # ours\n  - old\n"


@pytest.fixture
def box(tmp_path: Path) -> Path:
    folder = tmp_path / "box"
    folder.mkdir()
    (folder / "vaehub.yaml").write_text(MANIFEST, encoding="utf-8")
    return folder


@pytest.fixture
def lock(box: Path, tmp_path: Path) -> Any:
    known = wanting.catalogs(tmp_path)

    def lock(**options: Any) -> LockResult:
        options.setdefault("settings", settings.load({}))
        return provisioning.lock(box / "vaehub.yaml", catalogs=known, **options)

    return lock


def test_where_the_files_are(tmp_path: Path, home: Path) -> None:
    assert [str(path) for path in provisioning.files()] == ["vaehub.yaml", "vaehub.lock"]
    found = provisioning.files(tmp_path / "a.yaml")
    assert found == (tmp_path / "a.yaml", tmp_path / "vaehub.lock")
    assert provisioning.files("~/x.yaml", "~/y.lock") == (home / "x.yaml", home / "y.lock")
    with pytest.raises(UsageError, match="nobody's home folder"):
        provisioning.files("~nobody-of-that-name/x")


def test_a_second_run_changes_nothing(lock: Any, box: Path) -> None:
    first = lock()
    assert (first.changed, first.written, first.before) == (True, True, None)
    path = box / "vaehub.lock"
    assert path.read_text(encoding="utf-8") == first.lock.text()
    assert lock_module.read(path) == first.lock
    before = path.stat()
    again = lock()
    assert (again.changed, again.written, again.before) == (False, False, first.lock)
    assert not again.changes().vaes
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def test_a_check_writes_nothing(lock: Any, box: Path) -> None:
    found = lock(check=True)
    assert (found.changed, found.written) == (True, False)
    assert not (box / "vaehub.lock").exists()


def test_line_ends_of_windows_are_no_change(lock: Any, box: Path) -> None:
    lock()
    path = box / "vaehub.lock"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert not lock().changed


def test_a_lock_with_conflict_marks_is_made_anew(lock: Any, box: Path) -> None:
    text = lock().lock.text()
    path = box / "vaehub.lock"
    path.write_text(text.replace('  "vaes"', '<<<<<<< mine\n  "vaes"'), encoding="utf-8")
    found = lock()
    assert (found.written, found.before) == (True, None)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "content", ["notes of mine\n", '{"schema": 2, "manifest": ""}', '{"schema": 1, "catalog": {}}']
)
def test_a_file_that_is_no_lock_of_ours_is_not_written_over(
    lock: Any, box: Path, content: str
) -> None:
    path = box / "notes"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(LockError, match="nothing was written"):
        lock(path=path)
    assert path.read_text(encoding="utf-8") == content


@POSIX
def test_a_link_is_followed_and_permissions_stay(lock: Any, box: Path) -> None:
    real = box / "real.lock"
    real.write_bytes(b"")
    real.chmod(0o640)
    (box / "vaehub.lock").symlink_to(real)
    assert lock().written
    assert (box / "vaehub.lock").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert lock_module.read(real).vaes


def test_a_full_disk_leaves_the_old_lock(
    lock: Any, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock()
    (box / "vaehub.yaml").write_text("schema: 1\nvaes: []\n", encoding="utf-8")
    before = snapshot(box)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TargetNotUsable, match=r"cannot write the lock .*No space left") as caught:
        lock()
    assert "--lock" in str(caught.value.hint)
    assert snapshot(box) == before


def test_nothing_of_the_machine_is_in_it(box: Path, tmp_path: Path, world: LoopbackWorld) -> None:
    """A token that is set for the run, the paths and the endpoints of this machine stay out."""
    known = wanting.catalogs(tmp_path)
    world.publish(
        "huggingface", hub("loose.safetensors")["huggingface"], BYTES["loose.safetensors"]
    )
    (box / "vaehub.yaml").write_text(
        f"schema: 1\nvaes: [house, loose, paper]\ntargets: {{a: {{ui: folder, path: {box}}}}}\n",
        encoding="utf-8",
    )
    said = settings.load(world.environment(login=TOKEN_VARIABLES))
    made = provisioning.lock(box / "vaehub.yaml", settings=said, catalogs=known)
    text = (box / "vaehub.lock").read_text(encoding="utf-8")
    for secret in (*world.tokens.values(), str(tmp_path), "127.0.0.1", "t0ken-of-somebody"):
        assert secret not in text, secret
    (loose,) = (vae for vae in made.lock.vaes if vae.name == "loose")
    digest = hashlib.sha256(BYTES["loose.safetensors"]).hexdigest()
    assert loose.artifacts[0].artifact.sha256 == digest


def test_what_a_host_said_stays_where_it_says_nothing_any_more(
    box: Path, tmp_path: Path, world: LoopbackWorld
) -> None:
    known = wanting.catalogs(tmp_path)
    locator = hub("loose.safetensors")["huggingface"]
    world.publish("huggingface", locator, BYTES["loose.safetensors"])
    (box / "vaehub.yaml").write_text("schema: 1\nvaes: [loose]\n", encoding="utf-8")

    def lock(**environ: str) -> LockResult:
        said = settings.load({**world.environment(), **environ})
        return provisioning.lock(box / "vaehub.yaml", settings=said, catalogs=known)

    first = lock()
    assert not lock(VAEHUB_OFFLINE="1").changed
    world.publish("huggingface", locator, b"other bytes")
    again = lock()
    assert again.changed
    (change,) = again.changes().vaes
    assert change.files[0].before == first.lock.vaes[0].artifacts[0].artifact.sha256
    assert change.files[0].after == hashlib.sha256(b"other bytes").hexdigest()
    (box / "vaehub.lock").unlink()
    with pytest.raises(NoSourceDelivered):
        lock(VAEHUB_OFFLINE="1")


# The manifest is edited


def test_add_and_remove(box: Path, tmp_path: Path) -> None:
    known = wanting.catalogs(tmp_path)
    path = box / "vaehub.yaml"
    done = provisioning.add(["odd", "House"], path, catalogs=known)
    assert [(wish.name, wish.status) for wish in done.wishes] == [
        ("odd", "added"),
        ("house", "present"),
    ]
    assert path.read_text(encoding="utf-8") == MANIFEST + "  - odd\n"
    done = provisioning.remove(["ODD"], path, catalogs=known)
    assert [(wish.name, wish.entry, wish.status) for wish in done.wishes] == [
        ("odd", "mine/odd", "removed")
    ]
    assert path.read_text(encoding="utf-8") == MANIFEST


def test_a_name_that_leads_nowhere_changes_nothing(box: Path, tmp_path: Path) -> None:
    known = wanting.catalogs(tmp_path)
    before = snapshot(box)
    with pytest.raises(EntryNotFound):
        provisioning.add(["odd", "nobody"], box / "vaehub.yaml", catalogs=known)
    with pytest.raises(EntryNotFound):
        provisioning.remove(["old", "odd"], box / "vaehub.yaml", catalogs=known)
    with pytest.raises(ManifestError, match="there is no manifest"):
        provisioning.remove(["old"], box / "other.yaml", catalogs=known)
    assert snapshot(box) == before
