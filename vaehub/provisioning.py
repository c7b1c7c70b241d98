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
    from collections.abc import Collection, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.licenses import Ask
    from vaehub.model import Artifact, Source
    from vaehub.provision.lock import Lock
    from vaehub.provision.manifest import Manifest, Policy
    from vaehub.provision.mirroring import MirrorResult
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


def mirror(
    folder: str | Path,
    locks: Sequence[str | Path] = (),
    *,
    prune: bool = False,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    listener: Listener | None = None,
) -> MirrorResult:
    """Write all that locks name into a static tree for a web server; again changes nothing.

    Args:
        folder: Where to; made where it is missing.
        locks: The locks; ``./vaehub.lock`` where there is none.
        prune: Remove what vaehub put there and none of these locks names.
        accept_licenses: License ids that the caller accepts, beyond those of the policies.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The settings; the user's own by default.
        listener: Told of progress; silent by default.

    Returns:
        What became of each file; an error of one stops none of the others, and is in there.

    Raises:
        LockError: a lock cannot be read.
        UsageError: two locks want the same name in the mirror, or one a name that it cannot have.
        TargetError: the folder cannot be used, or something that vaehub did not put there is in
            the way.
    """
    from vaehub.provision import mirroring
    from vaehub.transfer.listener import SILENT

    settings = settings or settings_module.load()
    paths = [files(lock=path).lock for path in locks] or [files().lock]
    given = [
        mirroring.Given(path, lock_module.read(path, cache=settings.cache))
        for path in dict.fromkeys(paths)
    ]
    return mirroring.mirror(
        Path(folder).expanduser(),
        given,
        prune=prune,
        accepted_licenses=accept_licenses,
        ask=ask,
        settings=settings,
        listener=listener or SILENT,
    )
