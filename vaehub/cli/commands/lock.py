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
        ("vaehub lock --from-folder ~/ComfyUI", "ask for the VAEs that lie there, and lock them"),
        ("vaehub lock --from-workflow flux.json", "ask for those that a workflow needs"),
        ("vaehub lock --schema > manifest-1.json", "the manifest's schema, for your editor"),
    ],
)
@manifest_option
@lock_option
@option("--check", help="Write nothing; exit code 9 if the lock would change.")
@option(
    "--from-folder",
    name="folders",
    metavar="DIR",
    many=True,
    completes="folder",
    help="First put into the manifest what lies in this folder, recognised by its bytes; of a UI's "
    "root, what lies in its VAE folders, and the UI as a target.",
)
@option(
    "--from-workflow",
    name="workflows",
    metavar="FILE",
    many=True,
    completes="file",
    help="First put into the manifest what a ComfyUI workflow needs: a .json, or a .png that "
    "carries it.",
)
@option(
    "--from-settings",
    name="settings_files",
    metavar="FILE",
    many=True,
    completes="file",
    help="First put into the manifest what the config.json of AUTOMATIC1111, reForge, Forge or "
    "SD.Next names.",
)
@option(
    "--strict",
    help="With --from-...: write nothing where something is not recognised; exit code 4.",
)
@option("--schema", help="Print the JSON Schema of a manifest and do nothing else.")
def command(
    call: Call,
    *,
    manifest: str | None,
    lock: str | None,
    check: bool,
    folders: tuple[str, ...],
    workflows: tuple[str, ...],
    settings_files: tuple[str, ...],
    strict: bool,
    schema: bool,
) -> Result:
    """Write down exactly which bytes a manifest means.

    The lock names each file with its sha256, its size, all its sources, and the name that it gets
    in each kind of UI. The same manifest and catalogs give the same lock on every machine; a host
    is asked only for the sha256 of files that the catalog does not pin. What came, went and changed
    since the last time is said; running it again changes nothing.

    A manifest can be made of what is there already: a folder, workflows, the settings of a UI. What
    is not recognised for sure is listed, and not guessed.
    """
    said_from = bool(folders or workflows or settings_files)
    if schema:
        if manifest or lock or check or said_from or strict:
            raise UsageError("--schema goes with no other option", hint="vaehub lock --schema")
        return _schema()
    if said_from:
        return _import(
            call,
            check=check,
            strict=strict,
            manifest=manifest,
            path=lock,
            folders=folders,
            workflows=workflows,
            settings_files=settings_files,
        )
    if strict:
        raise UsageError(
            "--strict goes with --from-folder, --from-workflow or --from-settings alone",
            hint="vaehub lock --check is what fails where the lock would change",
        )
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


def _import(call: Call, *, check: bool, strict: bool, **named: Any) -> Result:
    from vaehub import provisioning
    from vaehub.cli import imported

    with call.progress() as listener:
        done = provisioning.import_from(
            **named,
            check=check,
            strict=strict,
            settings=call.settings,
            catalogs=call.catalogs,
            listener=listener,
        )
    made = done.lock
    changes = made.changes() if made is not None else None
    in_json = _as_json(made, changes) if made is not None and changes is not None else {}

    def text() -> Iterator[Block]:
        yield from imported.text(done, check=check)
        if made is not None and changes is not None:
            yield from _text(made, changes, check=check)

    failures = imported.failures(done, strict=strict)
    if check and made is not None and (done.draft or made.changed):
        failures.append(Failure(imported.drift(done) if done.draft else _drift(made)))
    said: dict[str, Any] = {
        "results": ({**imported.as_json(done), **in_json},),
        "problems": imported.problems(done, strict=strict),
        "text": text,
        "is_report": True,
    }
    return failed("lock", failures, **said) if failures else Result("lock", **said)


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
