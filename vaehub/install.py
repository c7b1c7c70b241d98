"""The straight line of an install, each stage one call.

load and resolve (:mod:`vaehub.catalog`) -> **plan** -> **locate and fetch** into the store ->
**verify** -> **place** -> **record**. Nothing before *place* writes outside our own store, save
where the target lies on another file system: then the bytes stream straight to a partial inside
``.vaehub`` beside their destination, and no second copy is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vaehub import hosts, intents, licenses, observe, receipts, targets
from vaehub.model import Receipt
from vaehub.place import place
from vaehub.plan import Plan, Step, choose_variant, make_plan, usable_sources
from vaehub.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection

    from vaehub.errors import VaehubError
    from vaehub.licenses import Ask
    from vaehub.model import Artifact, Entry, Target, Variant
    from vaehub.settings import Settings
    from vaehub.transfer.listener import Listener
    from vaehub.transfer.session import Session

Status = Literal["planned", "installed", "present"]


@dataclass(frozen=True, slots=True)
class Installed:
    """What was done, or would be done, for one artifact."""

    name: str
    destination: Path
    action: str
    """``fetch``, ``place`` or ``keep``, as planned."""
    status: Status
    reason: str
    size: int | None
    sha256: str | None
    source: str | None = None
    """Label of the source that served the bytes; ``store`` where they were here already."""
    method: str | None = None
    """``reflink``, ``hardlink``, ``copy`` or ``moved``."""
    attempts: tuple[tuple[str, VaehubError], ...] = ()
    """Sources that failed before one served."""


@dataclass(frozen=True, slots=True)
class InstallResult:
    """What an install did."""

    entry: Entry
    variant: Variant
    target: Target
    steps: tuple[Installed, ...]
    dry_run: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything was placed."""
        return any(step.status == "installed" for step in self.steps)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user said beyond name and target."""

    only_host: str | None = None
    dry_run: bool = False
    require_pinned: bool = False
    accepted_licenses: Collection[str] = ()
    ask: Ask | None = None


@dataclass(frozen=True, slots=True)
class _Fetched:
    """Verified bytes, waiting to be placed."""

    path: Path
    sha256: str
    size: int
    source: str
    keep: bool
    """They are the store's: placing must leave them there."""
    attempts: tuple[tuple[str, VaehubError], ...] = field(default=())


def install(
    entry: Entry,
    wanted: Variant,
    target: Target,
    *,
    named: bool,
    settings: Settings,
    session: Session,
    listener: Listener,
    options: Options,
) -> InstallResult:
    """Bring one variant to a target, or find that it is there.

    Args:
        entry: The entry.
        wanted: The variant that the name led to.
        target: Where to.
        named: Whether the user named the variant, so that no other one will do.
        settings: The user's settings.
        session: The HTTP session to use.
        listener: Told of progress.
        options: What the user said beyond that.

    Raises:
        UsageError, SourceError, IntegrityError, TargetError: as the classes say; the target is as
            it was.
    """
    store = Store(settings.store)
    layout = targets.layouts()[target.layout]
    variant = choose_variant(
        entry, wanted, named=named, refusal=lambda v: layout.refusal(v, entry.slot)
    )
    plan = _plan(entry, variant, target, store=store, settings=settings, options=options)
    if options.dry_run:
        return _result(plan, {}, {}, dry_run=True)
    if not plan.nothing_to_do:
        licenses.require(
            entry,
            state=settings.state,
            given=options.accepted_licenses,
            ask=options.ask,
        )
    folder = layout.folder(target, entry.slot)
    elsewhere = _device(store.root) != _device(folder)
    created: tuple[str, ...] | None = None
    try:
        if elsewhere and not plan.nothing_to_do:
            # The bytes go straight to the target's file system, so its folder must be there.
            created = _make_folder(folder, target)
        fetched = {
            step.artifact.name: _obtain(
                step, store, session, settings, listener, elsewhere=elsewhere
            )
            for step in plan.steps
            if step.action != "keep"
        }
        if created is None and not plan.nothing_to_do:
            created = _make_folder(folder, target)
        methods = _place_all(plan, fetched, store, created or ())
    except BaseException:
        if created is not None:
            # Folders made for nothing go again, as far as they are empty.
            receipts.remove(_receipt(plan, plan.steps[0], created))
        raise
    return _result(plan, fetched, methods, dry_run=False)


def _plan(
    entry: Entry,
    variant: Variant,
    target: Target,
    *,
    store: Store,
    settings: Settings,
    options: Options,
) -> Plan:
    layout = targets.layouts()[target.layout]
    folder = layout.folder(target, entry.slot)
    destinations = {artifact.name: folder / artifact.name for artifact in variant.artifacts}
    for artifact in variant.artifacts:
        intents.finish(store.root, destinations[artifact.name])
    return make_plan(
        entry,
        variant,
        target,
        destinations=destinations,
        found={
            artifact.name: observe.look(destinations[artifact.name], artifact)
            for artifact in variant.artifacts
        },
        stored={
            artifact.sha256
            for artifact in variant.artifacts
            if artifact.sha256 is not None and store.has(artifact.sha256, artifact.size)
        },
        sources={
            artifact.name: usable_sources(
                artifact, hosts.with_mirrors(artifact, settings), only_host=options.only_host
            )
            for artifact in variant.artifacts
        },
        require_pinned=options.require_pinned,
    )


def _make_folder(folder: Path, target: Target) -> tuple[str, ...]:
    known = [receipt for near in (folder, *_siblings(target)) for receipt in receipts.read(near)]
    return receipts.make_folder(folder, root=target.root, known=known)


def _siblings(target: Target) -> list[Path]:
    layout = targets.layouts()[target.layout]
    return [layout.folder(target, slot) for slot in layout.slots]


def _obtain(
    step: Step,
    store: Store,
    session: Session,
    settings: Settings,
    listener: Listener,
    *,
    elsewhere: bool,
) -> _Fetched:
    """Have an artifact's verified bytes on this machine, downloading at most once."""
    artifact = step.artifact
    with store.lock(_key(artifact), listener=listener):
        # Another process may have brought the bytes while we waited for the lock.
        if artifact.sha256 is not None and store.has(artifact.sha256, artifact.size):
            blob = store.blob(artifact.sha256)
            return _Fetched(blob, artifact.sha256, blob.stat().st_size, "store", keep=True)

        from vaehub.transfer.fetch import fetch

        if elsewhere:
            partial = receipts.folder_of(step.destination) / f"{_key(artifact)}.part"
            partial.parent.mkdir(exist_ok=True)
        else:
            partial = store.partial(_key(artifact))
        got = fetch(
            artifact, partial, step.sources, session=session, settings=settings, listener=listener
        )
        path = partial if elsewhere else store.adopt(partial, got.sha256)
        return _Fetched(
            path, got.sha256, got.size, got.source, keep=not elsewhere, attempts=got.attempts
        )


def _place_all(
    plan: Plan, fetched: dict[str, _Fetched], store: Store, created: tuple[str, ...]
) -> dict[str, str]:
    """Place every artifact or none, and write the receipts."""
    methods: dict[str, str] = {}
    placed: list[Receipt] = []
    try:
        for step in plan.steps:
            bytes_ = fetched.get(step.artifact.name)
            if bytes_ is None:
                continue
            receipt = replace(
                _receipt(plan, step, created),
                sha256=bytes_.sha256,
                size=bytes_.size,
                source=bytes_.source,
            )
            receipt = _place_one(receipt, bytes_, store, replaces=step.replaces)
            methods[step.artifact.name] = receipt.method
            if not step.replaces:
                placed.append(receipt)
    except BaseException:
        for receipt in placed:
            receipt.path.unlink(missing_ok=True)
            receipts.remove(receipt)
        raise
    return methods


def _place_one(receipt: Receipt, bytes_: _Fetched, store: Store, *, replaces: bool) -> Receipt:
    destination = receipt.path
    intents.note(store.root, receipt)
    try:
        if replaces:
            # Ours and unchanged: swapped in one rename, so that the UI always finds one of the two.
            staged = receipts.folder_of(destination) / f"{destination.name}.new.part"
            staged.unlink(missing_ok=True)
            method = place(bytes_.path, staged, keep_source=bytes_.keep)
            staged.replace(destination)
        else:
            method = place(bytes_.path, destination, keep_source=bytes_.keep)
        try:
            receipt = receipts.with_stat(replace(receipt, method=method), destination.stat())
            receipts.write(receipt)
        except BaseException:
            if not replaces:
                destination.unlink(missing_ok=True)  # without a receipt nobody could remove it
            raise
    finally:
        intents.forget(store.root, destination)
    return receipt


def _receipt(plan: Plan, step: Step, created: tuple[str, ...]) -> Receipt:
    """Draft the receipt of a step; bytes, method and stat are filled in as they are known."""
    return Receipt(
        path=step.destination,
        entry=plan.entry.full_name,
        variant=plan.variant.name,
        sha256=step.artifact.sha256 or "",
        size=step.artifact.size or 0,
        evidence=step.artifact.evidence,
        source="",
        method="",
        license=plan.entry.license.id,
        mtime_ns=0,
        inode=0,
        installed_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        created_folders=created,
        root=Path(os.path.relpath(plan.target.root, step.destination.parent)).as_posix(),
    )


def _result(
    plan: Plan, fetched: dict[str, _Fetched], methods: dict[str, str], *, dry_run: bool
) -> InstallResult:
    steps = []
    for step in plan.steps:
        bytes_ = fetched.get(step.artifact.name)
        status: Status = "present" if step.action == "keep" else "installed"
        steps.append(
            Installed(
                name=step.artifact.name,
                destination=step.destination,
                action=step.action,
                status="planned" if dry_run and step.action != "keep" else status,
                reason=step.reason,
                size=bytes_.size if bytes_ else step.artifact.size,
                sha256=bytes_.sha256 if bytes_ else step.artifact.sha256,
                source=bytes_.source if bytes_ else None,
                method=methods.get(step.artifact.name),
                attempts=bytes_.attempts if bytes_ else (),
            )
        )
    return InstallResult(plan.entry, plan.variant, plan.target, tuple(steps), dry_run=dry_run)


def _key(artifact: Artifact) -> str:
    """Name the lock and the partial: the digest of the bytes, else of where they come from."""
    if artifact.sha256 is not None:
        return artifact.sha256
    where = [[source.host, dict(source.locator)] for source in artifact.sources]
    return hashlib.sha256(json.dumps(where, sort_keys=True).encode()).hexdigest()


def _device(path: Path) -> int:
    """Give the device of a path, or of the nearest folder above it that exists."""
    while True:
        try:
            return path.stat().st_dev
        except FileNotFoundError:
            path = path.parent
