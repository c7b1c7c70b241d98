"""Carry a lock and its files to a box without a network."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.provision import lock as lock_module
from vaehub.provisioning.agreement import under
from vaehub.provisioning.where import files

if TYPE_CHECKING:
    from collections.abc import Collection

    from vaehub.licenses import Ask
    from vaehub.provision.bundles.creating import Created
    from vaehub.provision.bundles.importing import Imported
    from vaehub.provision.lock import Lock
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener


def create_bundle(
    output: str | Path | IO[bytes],
    lock: str | Path | Lock | None = None,
    *,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    listener: Listener | None = None,
) -> Created:
    """Write a lock and all its files into one tar; the same lock gives the same bytes.

    Args:
        output: The file, which is never overwritten, or an unbuffered stream.
        lock: The lock, or its file; ``./vaehub.lock`` by default.
        accept_licenses: License ids that the caller accepts.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The settings; the user's own by default.
        listener: Told of progress; silent by default.

    Raises:
        LockError: there is no lock, or it cannot be read.
        LicenseNotAccepted: a license asks for acceptance.
        SourceError, IntegrityError: a file of the lock cannot be had.
        FileInTheWay: another file has the name.
        TargetError: the bundle cannot be written.
    """
    from vaehub.provision.bundles import creating, writing
    from vaehub.transfer.listener import SILENT
    from vaehub.transfer.session import Session

    settings = settings or settings_module.load()
    if lock is None or isinstance(lock, (str, Path)):
        lock = lock_module.read(files(None, lock).lock, cache=settings.cache)
    settings = under(lock.policy, settings)
    with Session(settings) as session:
        return creating.create(
            writing.output_of(output) if isinstance(output, (str, Path)) else output,
            lock,
            accepted_licenses=accept_licenses,
            ask=ask,
            settings=settings,
            session=session,
            listener=listener or SILENT,
        )


def import_bundle(
    bundle: str | Path | IO[bytes],
    *,
    lock: str | Path | Lock | None = None,
    sha256: str | None = None,
    dry_run: bool = False,
    settings: Settings | None = None,
    listener: Listener | None = None,
) -> Imported:
    """Take the files of a bundle into the store; running it again goes on where it ended.

    Args:
        bundle: The file, or an unbuffered stream.
        lock: The only lock that it may have, or the file of that; None: any.
        sha256: What the whole bundle must be; None: it need not be hashed as a whole.
        dry_run: Only look at what is in it.
        settings: The settings; the user's own by default.
        listener: Told of progress; silent by default.

    Raises:
        UsageError: there is no such file, or ``sha256`` is none.
        LockError: ``lock`` cannot be read.
        IntegrityError: it is no bundle, a damaged one, or another one than it must be.
        TargetError: the store cannot be written.
    """
    from vaehub.errors import UsageError
    from vaehub.provision.bundles import importing, source
    from vaehub.store import Store
    from vaehub.transfer.listener import SILENT

    settings = settings or settings_module.load()
    if sha256 is not None:
        sha256 = sha256.strip().lower()
        if len(sha256) != 64 or sha256.strip("0123456789abcdef"):
            raise UsageError(f"{sha256[:80]!r} is no sha256: that has 64 hex digits")
    if isinstance(lock, (str, Path)):
        lock = lock_module.read(Path(lock).expanduser(), cache=settings.cache)
    with source.opened(bundle, hashing=sha256 is not None) as opened:
        return importing.take_in(
            opened,
            Store(settings.store),
            lock=lock,
            sha256=sha256,
            dry_run=dry_run,
            listener=listener or SILENT,
        )
