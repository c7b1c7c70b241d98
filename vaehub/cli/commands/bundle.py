"""``vaehub bundle``: a lock and all its files in one tar, for a box without a network."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, Any, Literal, TextIO

from vaehub.cli import rows, terminal, words
from vaehub.cli.call import Call, as_command
from vaehub.cli.commands import install as install_command
from vaehub.cli.commands import sync
from vaehub.cli.declared import Group, argument, option
from vaehub.cli.output import Block, Result
from vaehub.cli.provisioned import lock_option
from vaehub.cli.tables import Column, Styled, Table
from vaehub.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.model import Artifact
    from vaehub.provision.bundles.creating import Created
    from vaehub.provision.bundles.importing import Came, Imported
    from vaehub.provision.lock import Lock
    from vaehub.provision.syncing import Brought
    from vaehub.provisioning import SyncResult

_PIPE = "-"
_COLUMNS = (
    Column("vae", style="bold", least=12),
    Column("file", rank=2, least=16),
    Column("size", right=True, rank=1),
    Column("license", rank=3),
    Column("state"),
)

_license_option = option(
    "--accept-license",
    name="accept_licenses",
    metavar="ID",
    many=True,
    completes="license",
    help="Accept this license, beyond those of the policy; may be given several times.",
)


@as_command(
    "bundle create",
    examples=[
        ("vaehub bundle create -o vae.tar", "of ./vaehub.lock"),
        ("vaehub bundle create -o fleet.tar --lock fleet/vaehub.lock", "of another lock"),
        ("ssh build vaehub bundle create -o - > vae.tar", "through a pipe"),
    ],
)
@option(
    "-o",
    "--output",
    metavar="FILE",
    completes="file",
    help="The bundle, which never overwrites another file; - for stdout.",
)
@lock_option
@_license_option
def create(
    call: Call, *, output: str | None, lock: str | None, accept_licenses: tuple[str, ...]
) -> Result:
    """Write a lock and all its files into one tar.

    What the store and this machine do not have is downloaded first. Every file is hashed while it
    is written, and the same lock gives the same bytes, wherever and whenever the bundle is made. It
    holds no token, no path of this machine, and no address but those of the lock.
    """
    from vaehub import provisioning

    if output is None:
        raise UsageError(
            "nobody says where the bundle goes", hint="for example: vaehub bundle create -o vae.tar"
        )
    if output == _PIPE and call.as_json:
        raise UsageError("-o - and --json both want stdout", hint="name a file with -o")
    with call.progress() as listener:
        created = provisioning.create_bundle(
            _stream(sys.stdout, "wb") if output == _PIPE else output,
            lock,
            accept_licenses=accept_licenses,
            ask=install_command.ask if call.can_ask else None,
            settings=call.settings,
            listener=listener,
        )
    return Result(
        "bundle create",
        results=(
            {
                "path": str(created.path) if created.path is not None else None,
                "status": created.status,
                "changed": created.status == "created",
                "sha256": created.sha256,
                "size": created.size,
                "lock": created.lock.digest(),
                "files": [_file_json(artifact) for artifact in created.lock.artifacts()],
            },
        ),
        text=lambda: _created_text(created),
        is_report=True,
    )


@as_command(
    "bundle install",
    examples=[
        ("vaehub bundle install vae.tar --to /opt/ComfyUI", "checked, and with no network"),
        ("vaehub bundle install vae.tar --dry-run", "what is in it, and what would be done"),
        ("vaehub bundle install vae.tar --lock vaehub.lock", "only if it is of this very lock"),
        ("ssh build cat vae.tar | vaehub bundle install - --to webui=/srv/webui", "from a pipe"),
    ],
)
@argument("bundle", metavar="FILE", completes="file")
@option(
    "--to",
    metavar="[NAME=]PATH",
    many=True,
    completes="target",
    help="A target: NAME=PATH for one of the lock's, or any UI's root or folder; may be given "
    "several times. Without it, the one that install would take.",
)
@option(
    "--lock",
    metavar="PATH",
    completes="file",
    help="Take the bundle of this lock, and no other one.",
)
@option(
    "--sha256",
    metavar="HEX",
    completes="sha256",
    help="What the whole file must be; all of it is read then, also what is here already.",
)
@option("--dry-run", help="Say what is in it and what would be done, and do nothing.")
@option("--no-remove", help="Leave what vaehub placed there and the lock does not name.")
@option("--no-smoke", help="Leave out the smoke tests that the policy asks for.")
@_license_option
def install(
    call: Call,
    *,
    bundle: str,
    to: tuple[str, ...],
    lock: str | None,
    sha256: str | None,
    dry_run: bool,
    no_remove: bool,
    no_smoke: bool,
    accept_licenses: tuple[str, ...],
) -> Result:
    """Make targets equal to the lock in a bundle, with no network at all.

    The files go into the store first, each only when its sha256 is right; what is there already is
    passed over, and an interrupted run is gone on with. Nothing else is taken out of the tar, and
    nothing in it says where anything is written. Then it goes on as sync does.
    """
    from vaehub import provisioning

    with call.progress() as listener:
        imported = provisioning.import_bundle(
            _stream(sys.stdin, "rb") if bundle == _PIPE else bundle,
            lock=lock,
            sha256=sha256,
            dry_run=dry_run,
            settings=call.settings,
            listener=listener,
        )
        synced = provisioning.sync(
            None,
            imported.lock,
            to=to,
            frozen=True,
            offline=True,
            dry_run=dry_run,
            remove=not no_remove,
            smoke=not no_smoke,
            accept_licenses=accept_licenses,
            ask=install_command.ask if call.can_ask else None,
            settings=call.settings._replace(offline=True, mirrors=()),
            listener=listener,
        )
    told = sync.told("bundle install", _with_files_here(synced, imported))
    return told._replace(
        results=(
            _imported_json(bundle, imported),
            *({"kind": "vae", **one} for one in told.results),
        ),
        text=lambda: (*_imported_text(bundle, imported, dry_run=dry_run), *told.text()),
    )


command = Group(
    "bundle",
    "Carry a lock and its files to a box without a network.",
    {"create": create, "install": install},
)


def _stream(stream: TextIO | None, mode: Literal["rb", "wb"]) -> IO[bytes]:
    """Give the bytes behind a standard stream."""
    if stream is None or terminal.is_terminal(stream):
        raise UsageError(
            "a bundle is no text for a terminal", hint="use a pipe, or name a file in place of -"
        )
    return os.fdopen(stream.fileno(), mode, buffering=0, closefd=False)


def _with_files_here(result: SyncResult, imported: Imported) -> SyncResult:
    """Give the plan as it is once the files are in the store, where a dry run has left them out."""
    here = {file.sha256 for file in imported.files if file.status == "planned"}

    def from_store(one: Brought) -> Brought:
        if isinstance(one.outcome, Exception):
            return one
        steps = tuple(
            step._replace(action="place", candidates=())
            if step.action == "fetch" and artifact.sha256 in here
            else step
            for artifact, step in zip(one.outcome.variant.artifacts, one.outcome.steps, strict=True)
        )
        return one._replace(outcome=one.outcome._replace(steps=steps))

    brought = tuple(map(from_store, result.synced.brought))
    return result._replace(synced=result.synced._replace(brought=brought))


def _file_json(artifact: Artifact) -> dict[str, Any]:
    return {"name": artifact.name, "size": artifact.size, "sha256": artifact.sha256}


def _imported_json(bundle: str, imported: Imported) -> dict[str, Any]:
    return {
        "kind": "bundle",
        "path": bundle if bundle != _PIPE else None,
        "sha256": imported.sha256,
        "size": imported.size,
        "lock": imported.lock.digest(),
        "read": imported.read,
        "changed": any(file.status == "imported" for file in imported.files),
        "files": [file._asdict() for file in imported.files],
    }


def _created_text(created: Created) -> Iterator[Block]:
    name = str(created.path) if created.path is not None else "the bundle"
    verb = "made" if created.status == "created" else "was there already, and is this very bundle"
    yield (Styled(name, "bold"), f" {verb}")
    count = words.count(len(list(created.lock.artifacts())), "file")
    vaes = words.count(len({vae.name for vae in created.lock.vaes}), "VAE")
    yield f"  {words.size(created.size)}: {count} of {vaes}"
    yield f"  sha256 {created.sha256}"
    yield f"  licenses: {', '.join(_licenses(created.lock))}"


def _licenses(lock: Lock) -> list[str]:
    return sorted({rows.license_words(vae.entry.license.id) for vae in lock.vaes})


def _imported_text(bundle: str, imported: Imported, *, dry_run: bool) -> Iterator[Block]:
    name = bundle if bundle != _PIPE else "the bundle"
    states = {file.sha256: file for file in imported.files}
    if dry_run:
        yield (Styled(name, "bold"), f" holds {words.size(imported.size)}")
        yield Table(_COLUMNS, tuple(_contents(imported.lock, states)))
        return
    came = [file for file in imported.files if file.status == "imported"]
    count = words.count(len(imported.files), "file")
    if not came:
        yield f"{name}: {count}, all of which the store had already"
        return
    here = len(imported.files) - len(came)
    had = f"; the store had {here} already" if here else ""
    size = words.size(sum(file.size for file in came))
    yield f"{name}: {count}, {len(came)} of which were verified and taken in, {size}{had}"


def _contents(lock: Lock, states: dict[str, Came]) -> Iterator[tuple[str, ...]]:
    said = {"present": "in the store already", "planned": "would be taken in"}
    for vae in lock.vaes:
        for artifact in vae.variant.artifacts:
            file = states[str(artifact.sha256)]
            yield (
                vae.name,
                artifact.name,
                words.size(file.size),
                rows.license_words(vae.entry.license.id),
                said[file.status],
            )
