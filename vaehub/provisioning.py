"""The Python face of provisioning: manifest, lock and what acts on them.

Each function reads the user's settings and catalogs unless they are given, does one thing, and
returns plain frozen objects or raises a :class:`vaehub.errors.VaehubError`. Prints nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from vaehub import settings as settings_module
from vaehub.provision import lock as lock_module
from vaehub.provision import manifest as manifest_module

if TYPE_CHECKING:
    from collections.abc import Collection

    from vaehub.catalog import Catalogs
    from vaehub.licenses import Ask
    from vaehub.model import Artifact, Source
    from vaehub.provision.bundles.creating import Created
    from vaehub.provision.bundles.importing import Imported
    from vaehub.provision.lock import Lock
    from vaehub.provision.manifest import Manifest, Policy
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session


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


def files(manifest: str | Path | None = None, lock: str | Path | None = None) -> Files:
    """Say where manifest and lock lie: ``./vaehub.yaml``, and ``vaehub.lock`` beside it."""
    where = Path(manifest or manifest_module.FILE_NAME).expanduser()
    beside = where.parent / lock_module.FILE_NAME
    return Files(where, Path(lock).expanduser() if lock is not None else beside)


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
        SourceError, NotPinned: no host says what the catalog does not know.
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
    from vaehub import durable
    from vaehub.catalog import load_catalogs
    from vaehub.errors import LockError, TargetNotUsable
    from vaehub.provision import locking
    from vaehub.transfer.session import Session

    settings = settings or settings_module.load()
    catalogs = catalogs or load_catalogs(settings)
    with Session(settings) as session:

        def pin(artifact: Artifact) -> Artifact:
            return _pin(artifact, manifest.policy, session=session, settings=settings)

        made = locking.make(manifest, catalogs, pin=pin)
    try:
        before = lock_module.read(path)
    except LockError:
        before = None
    text = made.text().encode()
    try:
        changed = not path.is_file() or path.read_bytes() != text
        if changed and not check:
            durable.write(path, text)
    except OSError as error:
        raise TargetNotUsable(
            f"cannot write the lock {path}: {error.strerror or error}",
            hint="name another place with --lock",
        ) from error
    return LockResult(path, made, before, changed, written=changed and not check)


def _pin(artifact: Artifact, policy: Policy, *, session: Session, settings: Settings) -> Artifact:
    from vaehub import hosts
    from vaehub.provision import locking

    def ask(source: Source) -> Artifact | None:
        told = hosts.get(source.host).locate(source, artifact, session=session, settings=settings)
        if told.sha256 is None:
            return None
        size = told.size if told.size is not None else artifact.size
        return artifact._replace(sha256=told.sha256, size=size, evidence="host")

    return locking.pin_by_host(artifact, locking.allowed_sources(artifact, policy), ask)


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
