"""The Python face of provisioning: manifest, lock and what acts on them.

Each function reads the user's settings and catalogs unless they are given, does one thing, and
returns plain frozen objects or raises a :class:`vaehub.errors.VaehubError`. Prints nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import settings as settings_module
from vaehub import values
from vaehub.provision import lock as lock_module
from vaehub.provision import lock_form
from vaehub.provision import manifest as manifest_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.catalog import Catalogs
    from vaehub.provision.changes import Changes
    from vaehub.provision.importing.draft import Draft
    from vaehub.provision.importing.items import Gathered
    from vaehub.provision.lock import Lock
    from vaehub.provision.manifest import Manifest
    from vaehub.provision.wishes import Edit
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


class Files(NamedTuple):
    """Where a manifest and its lock lie."""

    manifest: Path
    lock: Path


class LockResult(NamedTuple):
    """What became of a lock."""

    path: Path
    lock: Lock
    before: Lock | None
    """What was locked until then; None where there was none that can be read."""
    changed: bool
    """Whether the file had to be, or would have to be, written."""
    written: bool

    def changes(self) -> Changes:
        """Say what came, went and changed."""
        from vaehub.provision import changes

        return changes.between(self.before, self.lock)


class ImportResult(NamedTuple):
    """What became of an import."""

    path: Path
    """The manifest."""
    gathered: Gathered
    """What was found, file by file."""
    draft: Draft
    """What is new for the manifest."""
    created: bool
    """There was no manifest before."""
    lock: LockResult | None
    """None: nothing is to be locked, since nothing was recognised, or not all that had to be."""
    written: bool
    """Whether the manifest was written."""


def files(manifest: str | Path | None = None, lock: str | Path | None = None) -> Files:
    """Say where manifest and lock lie: ``./vaehub.yaml``, and ``vaehub.lock`` beside it.

    Raises:
        UsageError: a path begins with the home folder of nobody.
    """
    where = values.path(str(manifest or ""), "--manifest") or Path(manifest_module.FILE_NAME)
    beside = where.parent / lock_module.FILE_NAME
    return Files(where, values.path(str(lock or ""), "--lock") or beside)


def add(
    names: Sequence[str],
    manifest: str | Path | None = None,
    *,
    targets: Sequence[str] = (),
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> Edit:
    """Put VAEs into a manifest, and leave all else in it as it stands.

    Args:
        names: What ``vaehub install`` takes.
        manifest: The manifest; ``./vaehub.yaml`` by default, and made where there is none.
        targets: The targets of the manifest that they are for; none stands for all.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.

    Raises:
        NamingError: a name leads nowhere.
        UsageError: the manifest has no such target, or has the VAE for other targets already.
        ManifestError: the manifest is wrong, or written in a way that does not let this be changed.
        TargetNotUsable: it cannot be written.
    """
    from vaehub.catalog import load_catalogs
    from vaehub.provision import wishes

    settings = settings or settings_module.load()
    return wishes.add(
        files(manifest).manifest,
        names,
        targets=targets,
        catalogs=catalogs or load_catalogs(settings),
        state=settings.state,
    )


def remove(
    names: Sequence[str],
    manifest: str | Path | None = None,
    *,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> Edit:
    """Take VAEs out of a manifest, and leave all else in it as it stands; see :func:`add`.

    Raises:
        EntryNotFound, EntryAmbiguous: a name is not in the manifest, or may mean several in it.
        ManifestError: there is none, it is wrong, or it does not let this be changed.
        TargetNotUsable: it cannot be written.
    """
    from vaehub.catalog import load_catalogs
    from vaehub.provision import wishes

    settings = settings or settings_module.load()
    return wishes.remove(
        files(manifest).manifest,
        names,
        catalogs=catalogs or load_catalogs(settings),
        state=settings.state,
    )


def lock(
    manifest: str | Path | None = None,
    path: str | Path | None = None,
    *,
    check: bool = False,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> LockResult:
    """Write down exactly which bytes a manifest means; running it again changes nothing.

    Args:
        manifest: The manifest; ``./vaehub.yaml`` by default.
        path: The lock; ``vaehub.lock`` beside the manifest by default.
        check: Write nothing.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.

    Raises:
        ManifestError: the manifest is wrong, or its policy forbids what it asks for.
        NamingError: a name in it leads nowhere.
        TargetRefuses: a UI takes no variant of what is wanted there.
        NoSourceDelivered, NotPinned: no host says what the catalog does not know.
        LockError: a file that is no lock of ours is in its place.
        TargetNotUsable: the lock cannot be written.
    """
    where = files(manifest, path)
    return lock_of(
        manifest_module.read(where.manifest),
        where.lock,
        check=check,
        settings=settings,
        catalogs=catalogs,
    )


def lock_of(
    manifest: Manifest,
    path: Path,
    *,
    check: bool = False,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
) -> LockResult:
    """Lock a manifest that was read; see :func:`lock`."""
    from vaehub.catalog import load_catalogs
    from vaehub.provision import locking, pinning
    from vaehub.transfer.session import Session

    settings = settings or settings_module.load()
    catalogs = catalogs or load_catalogs(settings)
    content, before = _standing(path, cache=settings.cache)
    with Session(settings) as session:
        pin = pinning.with_hosts(manifest.policy, before, session=session, settings=settings)
        made = locking.make(manifest, catalogs, pin=pin)
    text = made.text().encode()
    # What nobody could read back is not written; and the next one to read it need not look again.
    lock_module.parse(text, origin=str(path), cache=settings.cache)
    # Git may have given it the line ends of Windows.
    changed = content is None or content.replace(b"\r\n", b"\n") != text
    if changed and not check:
        _write(path, text)
    return LockResult(path, made, before, changed, written=changed and not check)


def import_from(
    *,
    folders: Sequence[str | Path] = (),
    workflows: Sequence[str | Path] = (),
    settings_files: Sequence[str | Path] = (),
    manifest: str | Path | None = None,
    path: str | Path | None = None,
    check: bool = False,
    strict: bool = False,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> ImportResult:
    """Make a manifest of what is there already, or add to one, and lock it.

    What cannot be recognised for sure is told in the result and goes nowhere. Manifest and lock are
    both written, or neither.

    Args:
        folders: Folders with VAEs, or roots of UIs.
        workflows: ComfyUI's, as JSON or in a PNG.
        settings_files: ``config.json`` of AUTOMATIC1111, reForge, Forge or SD.Next.
        manifest: The manifest; ``./vaehub.yaml`` by default.
        path: The lock; ``vaehub.lock`` beside the manifest by default.
        check: Write nothing.
        strict: Write nothing, and make no lock, where something was not recognised.
        settings: The settings; the user's own by default.
        catalogs: The catalogs; the user's own by default.
        listener: Told how far hashing is; silent by default.

    Raises:
        UsageError: a file cannot be read, or is not what it should be.
        TargetNotUsable: a folder cannot be looked into, or manifest or lock cannot be written.
        ManifestError: the manifest there is wrong, or does not let this be put in alone.
        TargetRefuses, NoSourceDelivered, NotPinned, LockError: as for :func:`lock`.
    """
    from vaehub import locks
    from vaehub.catalog import load_catalogs
    from vaehub.errors import TargetRefuses
    from vaehub.provision import wishes
    from vaehub.provision.importing import draft, gather, insert
    from vaehub.transfer.listener import SILENT

    settings = settings or settings_module.load()
    catalogs = catalogs or load_catalogs(settings)
    where, cwd = files(manifest, path), Path.cwd()
    before = manifest_module.read_bytes(where.manifest)
    there = wishes.standing(before, path=where.manifest)
    named = (tuple(map(str, each)) for each in (folders, workflows, settings_files))
    found = gather.gather(
        gather.Sources(*named), catalogs, settings=settings, cwd=cwd, listener=listener or SILENT
    )
    new = draft.draft(found, catalogs, before=there, beside=where.manifest.parent, cwd=cwd)
    done = ImportResult(where.manifest, found, new, before is None, lock=None, written=False)
    left = found.unsure or found.unknown or new.refused
    if (strict and left) or not (new.lines or there.vaes):
        return done
    text = insert.insert(before, new, path=where.manifest)
    asked = manifest_module.parse(text, path=where.manifest)
    try:
        made = lock_of(asked, where.lock, check=True, settings=settings, catalogs=catalogs)
    except TargetRefuses as error:
        if not new.targets:
            raise
        hint = "give it targets in the manifest first, or import the UI's VAE folder, not its root"
        raise TargetRefuses(f"{error.message}; nothing was written", hint=hint) from None
    if check:
        return done._replace(lock=made)
    if text != before:
        with locks.held(settings.state / "manifest.lock"):
            wishes.replace(before, text, path=where.manifest)
    if made.changed:
        _write(where.lock, made.lock.text().encode())
    return done._replace(lock=made._replace(written=made.changed), written=text != before)


def _standing(path: Path, *, cache: Path) -> tuple[bytes | None, Lock | None]:
    """Give what stands in a lock's place: its bytes, and what they say where they are sound.

    Raises:
        LockError: it is no lock of ours, and so not ours to write over.
    """
    from vaehub.errors import LockError

    try:
        content = lock_module.read_bytes(path)
    except FileNotFoundError:
        return None, None
    try:
        return content, lock_module.parse(content, origin=str(path), cache=cache)
    except LockError as error:
        if lock_form.may_be_replaced(content):
            return content, None
        raise LockError(f"{error.message}; nothing was written", hint=error.hint) from None


def _write(path: Path, text: bytes) -> None:
    from vaehub import durable
    from vaehub.errors import TargetNotUsable

    try:
        durable.rewrite(path, text)
    except OSError as error:
        raise TargetNotUsable(
            f"cannot write the lock {path}: {error.strerror or error}",
            hint="check the permissions of its folder, or name another place with --lock",
        ) from error
