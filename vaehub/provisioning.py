"""The Python face of provisioning: manifest, lock and what acts on them.

Each function reads the user's settings and catalogs unless they are given, does one thing, and
returns plain frozen objects or raises a :class:`vaehub.errors.VaehubError`. Prints nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaehub import settings as settings_module
from vaehub.provision import lock as lock_module
from vaehub.provision import manifest as manifest_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.catalog import Catalogs
    from vaehub.model import Artifact, Source
    from vaehub.provision.audited import AuditResult
    from vaehub.provision.lock import Lock
    from vaehub.provision.manifest import Manifest, Policy
    from vaehub.provision.places import Placed
    from vaehub.settings import Settings
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


def audit(
    manifest: str | Path | None = None,
    path: str | Path | None = None,
    *,
    to: Sequence[str] = (),
    quick: bool = False,
    allow_foreign: bool = False,
    settings: Settings | None = None,
    cwd: Path | None = None,
) -> AuditResult:
    """Hold targets against a lock, and the lock against its manifest; places and removes nothing.

    A blob of the store is hashed at its next use where a file that came from it is damaged.

    Args:
        manifest: The manifest; ``./vaehub.yaml`` by default, which need not be there.
        path: The lock; ``vaehub.lock`` beside the manifest by default.
        to: The targets, as for :func:`vaehub.provision.places.find_places`.
        quick: Believe files whose size, mtime and inode are as their receipts have it.
        allow_foreign: Models that vaehub did not place are no problem, whatever the policy says.
        settings: The settings; the user's own by default.
        cwd: What the targets' paths are relative to; the working directory by default.

    Raises:
        ManifestError: the manifest is wrong, or is not where it was said to be.
        LockError: the lock is not there, or is none.
        UsageError, TargetNotUsable: a target cannot be found.
        Drift: the lock has no answer for that kind of UI.
    """
    from vaehub.provision import auditing, locking
    from vaehub.provision.audited import Located
    from vaehub.provision.places import find_places
    from vaehub.store import Store

    settings = settings or settings_module.load()
    cwd = cwd or Path.cwd()
    where = files(manifest, path)
    asked = _manifest_of(where, must_be_there=manifest is not None)
    locked = lock_module.read(where.lock, cache=settings.cache)
    places = find_places(locked, to, manifest=asked, settings=settings, cwd=cwd)
    found = auditing.audit(
        locked,
        places,
        neighbours=_neighbours(locked, places, asked, settings=settings, cwd=cwd),
        deep=not quick,
        allow_foreign=allow_foreign or locked.policy.foreign == "allow",
    )
    for file in found.files:
        if file.state == "changed" and file.receipt is not None:
            # The file may be a hard link to its blob, which must not be placed again unread.
            Store(settings.store).doubt(file.receipt.sha256)
    if asked is None:
        return found
    differs = tuple(
        Located(one._replace(where=one.where or str(where.lock), hint="vaehub lock"))
        for one in locking.disagreements(asked, locked)
    )
    return found._replace(others=(*differs, *found.others))


def _manifest_of(where: Files, *, must_be_there: bool) -> Manifest | None:
    """Read the manifest, unless there is only a lock."""
    if not must_be_there and not where.manifest.exists():
        return None
    return manifest_module.read(where.manifest)


def _neighbours(
    locked: Lock,
    places: Sequence[Placed],
    manifest: Manifest | None,
    *,
    settings: Settings,
    cwd: Path,
) -> list[Placed]:
    """Find the other targets of a manifest, as far as anybody says where they are."""
    from vaehub.errors import VaehubError
    from vaehub.provision.places import find_places

    known = {place.name for place in places}
    found = []
    for name in manifest.targets if manifest is not None else ():
        if name not in known and name in locked.targets:
            try:
                found += find_places(locked, [name], manifest=manifest, settings=settings, cwd=cwd)
            except VaehubError:
                continue
    return found
