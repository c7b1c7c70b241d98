"""The Python face of provisioning: manifest, lock and what acts on them.

Each function reads the user's settings and catalogs unless they are given, does one thing, and
returns plain frozen objects or raises a :class:`vaehub.errors.VaehubError`. Prints nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from vaehub import settings as settings_module
from vaehub import values
from vaehub.provision import lock as lock_module
from vaehub.provision import lock_form
from vaehub.provision import manifest as manifest_module

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vaehub.catalog import Catalogs
    from vaehub.licenses import Ask
    from vaehub.model import Target
    from vaehub.provision.audited import AuditResult
    from vaehub.provision.bundles.creating import Created
    from vaehub.provision.bundles.importing import Imported
    from vaehub.provision.changes import Changes
    from vaehub.provision.importing.draft import Draft
    from vaehub.provision.importing.items import Gathered
    from vaehub.provision.lock import Lock
    from vaehub.provision.manifest import Manifest, Policy
    from vaehub.provision.mirroring import MirrorResult
    from vaehub.provision.places import Placed
    from vaehub.provision.syncing import Synced
    from vaehub.provision.wishes import Edit
    from vaehub.settings import Settings
    from vaehub.smoke.report import SmokeReport
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


class SyncResult(NamedTuple):
    """What a sync did."""

    lock: Lock
    relocked: LockResult | None
    """What became of the lock, where it had to be made anew first."""
    places: tuple[Placed, ...]
    synced: Synced
    reports: tuple[SmokeReport, ...] = ()
    """Of the smoke tests that the policy asks for."""
    dry_run: bool = False


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


def agreed(
    manifest: str | Path | None = None,
    lock: str | Path | Lock | None = None,
    *,
    frozen: bool = True,
    dry_run: bool = False,
    settings: Settings,
    catalogs: Catalogs | None = None,
) -> tuple[Manifest | None, Lock, LockResult | None]:
    """Give manifest and lock that agree with each other.

    Args:
        manifest: As for :func:`lock`. It need not be there if nobody names it.
        lock: The lock, or where it lies; as for :func:`lock`.
        frozen: Refuse rather than make a lock that is missing, or is not of this manifest.
        dry_run: Make it, and write nothing.
        settings: The user's settings.
        catalogs: The catalogs; the user's own by default.

    Returns:
        The manifest, None where there is none; the lock; and what became of it where it had to be
        made.

    Raises:
        ManifestError, LockError: one of them cannot be read.
        Drift: they disagree, and ``frozen``.
        VaehubError: as for :func:`lock`.
    """
    from vaehub.errors import Drift
    from vaehub.provision import locking

    is_lock = isinstance(lock, lock_module.Lock)
    where = files(manifest, None if is_lock else lock)  # type: ignore[arg-type]
    found = None
    if manifest is not None or (where.manifest.is_file() and not is_lock):
        found = manifest_module.read(where.manifest, cache=settings.cache)
    if is_lock or where.lock.exists() or found is None:
        known = lock if is_lock else lock_module.read(where.lock, cache=settings.cache)
        assert isinstance(known, lock_module.Lock)
        problems = locking.disagreements(found, known) if found is not None else []
        if not problems:
            return found, known, None
        if frozen:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise Drift(
                f"{where.lock} is not the lock of {where.manifest}: {problems[0].message}{more}",
                hint="run `vaehub lock`, and keep the result with the manifest",
            )
    elif frozen:
        raise Drift(
            f"there is no lock {where.lock} for {where.manifest}",
            hint="run `vaehub lock`, and keep the result with the manifest",
        )
    assert found is not None
    made = lock_of(found, where.lock, check=dry_run, settings=settings, catalogs=catalogs)
    return found, made.lock, made


def sync(
    manifest: str | Path | None = None,
    lock: str | Path | Lock | None = None,
    *,
    to: Sequence[str] = (),
    frozen: bool = False,
    offline: bool = False,
    dry_run: bool = False,
    bundles: Sequence[str | Path] = (),
    remove: bool = True,
    smoke: bool = True,
    accept_licenses: Collection[str] = (),
    ask: Ask | None = None,
    settings: Settings | None = None,
    catalogs: Catalogs | None = None,
    listener: Listener | None = None,
) -> SyncResult:
    """Make targets equal to a lock; running it again changes nothing.

    Args:
        manifest: As for :func:`lock`. It need not be there where there is a lock.
        lock: The lock, or where it lies; as for :func:`lock`.
        to: Which targets; see :func:`vaehub.provision.places.find_places`.
        frozen: Never make the lock, and refuse one that is not of this manifest.
        offline: Ask nobody but mirrors.
        dry_run: Change nothing, and say what would be done.
        bundles: Their files are taken into the store first; see :func:`import_bundle`.
        remove: Whether what vaehub placed there and the lock does not name goes.
        smoke: Whether what the policy says of smoke tests is done.
        accept_licenses: License ids that the caller accepts, beyond those of the policy.
        ask: Shows a license to a person; None where nobody can answer.
        settings: The settings; the user's own by default.
        catalogs: The catalogs, for making a lock and for smoke tests; the user's own by default.
        listener: Told of progress; silent by default.

    Returns:
        What became of each VAE; an error of one stops none of the others, and is in there.

    Raises:
        ManifestError, LockError: one of them cannot be read.
        Drift: manifest and lock disagree, and ``frozen``; or the lock has no answer for a target.
        UsageError: nobody says where a target is.
        TargetNotUsable: a path cannot be a target.
        VaehubError: as for :func:`lock`, where the lock has to be made; as for
            :func:`import_bundle`, where there are bundles.
    """
    from vaehub.provision import places, syncing
    from vaehub.transfer.listener import SILENT
    from vaehub.transfer.session import Session

    settings = settings or settings_module.load()
    found, locked, relocked = agreed(
        manifest, lock, frozen=frozen, dry_run=dry_run, settings=settings, catalogs=catalogs
    )
    settings = under(locked.policy, settings, offline=offline)
    there = places.find_places(locked, to, manifest=found, settings=settings, cwd=Path.cwd())
    for bundle in bundles:
        import_bundle(bundle, dry_run=dry_run, settings=settings, listener=listener)
    with Session(settings) as session:
        synced = syncing.sync(
            locked,
            there,
            remove=remove,
            dry_run=dry_run,
            accepted_licenses=accept_licenses,
            ask=ask,
            settings=settings,
            session=session,
            listener=listener or SILENT,
        )
    reports = _proved(synced, locked, settings, catalogs) if smoke and not dry_run else ()
    return SyncResult(locked, relocked, tuple(there), synced, tuple(reports), dry_run)


def under(policy: Policy, settings: Settings, *, offline: bool = False) -> Settings:
    """Give the settings that hold under a policy: its mirrors come after the user's own."""
    own = {mirror.base for mirror in settings.mirrors}
    more = (settings_module.Mirror(base) for base in policy.mirrors if base not in own)
    settings = settings._replace(mirrors=(*settings.mirrors, *more))
    if not (offline or settings.offline):
        return settings
    # A mirror at the side of a box that has no network is no network: the user named it.
    has_mirrors = bool(settings.mirrors)
    return settings._replace(offline=not has_mirrors, mirrors_only=has_mirrors)


def _proved(
    synced: Synced, lock: Lock, settings: Settings, catalogs: Catalogs | None
) -> Sequence[SmokeReport]:
    wanted = lock.policy.smoke
    if wanted is None:
        return ()
    from vaehub import api
    from vaehub.catalog import load_catalogs
    from vaehub.provision import proving
    from vaehub.provision.known import with_locked

    known = with_locked(lock, catalogs or load_catalogs(settings))

    def test(names: Sequence[str], target: Target) -> Sequence[SmokeReport]:
        return api.smoke(
            names,
            to=target,
            device=wanted.device,
            dtypes=wanted.dtypes,
            settings=settings,
            catalogs=known,
        )

    return proving.prove(synced.brought, wanted, test=test)


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
