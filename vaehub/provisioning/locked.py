"""Write down exactly which bytes a manifest means."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaehub import settings as settings_module
from vaehub.provision import lock as lock_module
from vaehub.provision import lock_form
from vaehub.provision import manifest as manifest_module
from vaehub.provisioning.where import files

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.provision.changes import Changes
    from vaehub.provision.lock import Lock
    from vaehub.provision.manifest import Manifest
    from vaehub.settings import Settings


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
        write(path, text)
    return LockResult(path, made, before, changed, written=changed and not check)


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


def write(path: Path, text: bytes) -> None:
    """Write a lock, through the link that it may be, with the permissions that it has.

    Raises:
        TargetNotUsable: it cannot be written.
    """
    from vaehub import durable
    from vaehub.errors import TargetNotUsable

    try:
        durable.rewrite(path, text)
    except OSError as error:
        raise TargetNotUsable(
            f"cannot write the lock {path}: {error.strerror or error}",
            hint="check the permissions of its folder, or name another place with --lock",
        ) from error
