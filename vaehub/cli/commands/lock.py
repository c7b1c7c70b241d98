"""``vaehub lock``: write down exactly which bytes a manifest means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vaehub.cli import words
from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import option
from vaehub.cli.output import Block, Failure, Result, failed
from vaehub.cli.provisioned import lock_option, manifest_option
from vaehub.cli.tables import Styled
from vaehub.errors import Drift, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.provision.changes import Bytes, Change, Changes
    from vaehub.provision.lock import LockedVae
    from vaehub.provisioning import LockResult

_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
_SHOWN = 12
"""Digits of a sha256 that a person gets to see."""


@as_command(
    "lock",
    examples=[
        ("vaehub lock", "vaehub.lock, of what ./vaehub.yaml asks for"),
        ("vaehub lock --check", "in CI: exit code 9 if the lock would change"),
        ("vaehub lock --manifest boxes/vaehub.yaml", "another manifest, and the lock beside it"),
        ("vaehub lock --schema > manifest-1.json", "the manifest's schema, for your editor"),
    ],
)
@manifest_option
@lock_option
@option("--check", help="Write nothing; exit code 9 if the lock would change.")
@option("--schema", help="Print the JSON Schema of a manifest and do nothing else.")
def command(
    call: Call, *, manifest: str | None, lock: str | None, check: bool, schema: bool
) -> Result:
    """Write down exactly which bytes a manifest means.

    The lock names each file with its sha256, its size, all its sources, and the name that it gets
    in each kind of UI. The same manifest and catalogs give the same lock on every machine; a host
    is asked only for the sha256 of files that the catalog does not pin. What came, went and changed
    since the last time is said; running it again changes nothing.
    """
    if schema:
        if manifest or lock or check:
            raise UsageError("--schema goes with no other option", hint="vaehub lock --schema")
        return _schema()
    from vaehub import provisioning

    done = provisioning.lock(
        manifest, lock, check=check, settings=call.settings, catalogs=call.catalogs
    )
    changes = done.changes()
    said: dict[str, Any] = {
        "results": (_as_json(done, changes),),
        "text": lambda: _text(done, changes, check=check),
        "is_report": True,
    }
    if check and done.changed:
        return failed("lock", [Failure(_drift(done))], **said)
    return Result("lock", **said)


def _schema() -> Result:
    from vaehub.catalog import schema_text

    text = schema_text("manifest")
    return Result("lock", results=(json.loads(text),), text=lambda: [text.rstrip("\n")])


def _drift(done: LockResult) -> Drift:
    if done.before is None and not done.path.exists():
        message = f"there is no lock {done.path}"
    else:
        message = f"{done.path} is not what the manifest and the catalogs mean now"
    return Drift(message, hint="run `vaehub lock`, and commit what it writes")


def _as_json(done: LockResult, changes: Changes) -> dict[str, Any]:
    return {
        "lock": str(done.path),
        "manifest": done.lock.manifest,
        "changed": done.changed,
        "written": done.written,
        "catalogs": dict(done.lock.catalogs),
        "vaes": [_vae_json(vae) for vae in done.lock.vaes],
        "changes": [_change_json(change) for change in changes.vaes],
        "around": list(changes.around),
    }


def _vae_json(vae: LockedVae) -> dict[str, Any]:
    return {
        "name": vae.name,
        "entry": vae.entry.full_name,
        "variant": vae.variant.name,
        "layouts": list(vae.layouts),
        "targets": list(vae.targets),
        "artifacts": [
            {
                "name": locked.artifact.name,
                "size": locked.artifact.size,
                "sha256": locked.artifact.sha256,
                "evidence": locked.artifact.evidence,
            }
            for locked in vae.artifacts
        ],
    }


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "name": change.name,
        "entry": change.entry,
        "variant": change.variant,
        "files": [one._asdict() for one in change.files],
        "what": list(change.what),
    }


def _text(done: LockResult, changes: Changes, *, check: bool) -> Iterator[Block]:
    for change in changes.vaes:
        sign, style = _SIGNS[change.kind]
        name = f"{change.entry.removeprefix('vaehub/')}@{change.variant}"
        asked = "" if change.name in {name, change.entry.removeprefix("vaehub/")} else change.name
        also = f" ({asked})" if asked else ""
        yield (Styled(sign, style), " ", Styled(name, "bold"), also)
        for one in change.files:
            yield f"    {_bytes(one)}"
        for what in change.what:
            yield f"    changed: {what}"
    for what in changes.around:
        yield f"  {what}"
    count = words.count(len({vae.name for vae in done.lock.vaes}), "VAE")
    if not done.changed:
        yield f"{done.path} is up to date: {count}"
    elif check:
        yield f"{done.path} would change; nothing was written: --check"
    else:
        verb = "wrote" if done.before is None else "rewrote"
        yield f"{verb} {done.path}: {count}"


def _bytes(one: Bytes) -> str:
    if one.before is None:
        return f"{one.file}: sha256 {_short(one.after)}"
    if one.after is None:
        return f"{one.file}: was sha256 {_short(one.before)}"
    return f"{one.file}: sha256 {_short(one.before)} is {_short(one.after)} now"


def _short(sha256: str | None) -> str:
    return (sha256 or "")[:_SHOWN]
