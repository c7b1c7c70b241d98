"""``vaehub mirror``: write a static tree of all that a lock names, for any web server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli import words
from vaehub.cli.call import Call, as_command
from vaehub.cli.commands import install
from vaehub.cli.declared import argument, option
from vaehub.cli.output import Block, Failure, Result, failed
from vaehub.cli.redaction import redact
from vaehub.cli.tables import Styled
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.errors import VaehubError
    from vaehub.provision.mirror_bringing import Mirrored
    from vaehub.provision.mirroring import MirrorResult

_METHODS = {
    "hardlink": "a hard link to the store",
    "reflink": "sharing its disk space with the store",
    "copy": "a copy of the store's",
}


@as_command(
    "mirror",
    examples=[
        ("vaehub mirror /srv/vaes", "all that ./vaehub.lock names, for a web server"),
        ("vaehub mirror /srv/vaes --lock comfy.lock --lock webui.lock", "two locks in one tree"),
        ("vaehub mirror /srv/vaes --prune", "and remove what an earlier lock brought"),
        ("VAEHUB_MIRRORS=https://mirror.example/vaes vaehub sync", "elsewhere, install from it"),
    ],
)
@argument("folder", metavar="DIR", completes="folder")
@option(
    "--lock",
    name="locks",
    metavar="PATH",
    many=True,
    completes="file",
    help="The lock; may be given several times. Without it: ./vaehub.lock.",
)
@option("--prune", help="Remove what vaehub put there and no lock given now names.")
@option(
    "--accept-license",
    name="accept_licenses",
    metavar="ID",
    many=True,
    completes="license",
    help="Accept this license, which `vaehub info` names; may be given several times.",
)
def command(
    call: Call,
    *,
    folder: str,
    locks: tuple[str, ...],
    prune: bool,
    accept_licenses: tuple[str, ...],
) -> Result:
    """Write a static tree that any web server can serve to vaehub.

    The files lie by their sha256, hard links to the store where that is possible, beside an index
    and a copy of the lock. Every box that has the address in VAEHUB_MIRRORS, in its configuration
    or in the manifest's policy asks there first, and believes nothing but its own digests. Running
    it again changes nothing, and another lock adds to what is there.
    """
    from vaehub import provisioning

    with call.progress() as listener:
        made = provisioning.mirror(
            folder,
            locks,
            prune=prune,
            accept_licenses=accept_licenses,
            ask=install.ask if call.can_ask else None,
            settings=call.settings,
            listener=listener,
        )
    said: dict[str, Any] = {
        "results": tuple(_as_json(one, made) for one in made.files),
        "problems": (*_failed_sources(made), *made.problems),
        "text": lambda: _text(made),
        "is_report": True,
    }
    if made.failures:
        return failed("mirror", [_failure(name, error) for name, error in made.failures], **said)
    return Result("mirror", **said)


def _failure(name: str, error: VaehubError) -> Failure:
    """Say which file it is about, where the message does not begin with it."""
    return Failure(error, None if error.message.startswith(name) else name)


def _failed_sources(made: MirrorResult) -> Iterator[Problem]:
    """Tell of the sources that failed before another one served."""
    for one in made.files:
        for label, error in one.attempts:
            yield Problem(error.code, error.message, where=label, blocking=False, hint=error.hint)


def _as_json(one: Mirrored, made: MirrorResult) -> dict[str, Any]:
    listed = one.listed
    about = listed.as_json() if listed is not None else {}
    return {
        "folder": str(made.folder),
        "path": one.path,
        **{key: about.get(key) for key in ("name", "size", "sha256", "vaes", "licenses")},
        "status": one.status,
        "changed": one.status != "present",
        "source": one.source,
        "method": one.method,
        "failed_sources": [
            {"source": label, "code": error.code, "message": redact(error.message)}
            for label, error in one.attempts
        ],
    }


def _text(made: MirrorResult) -> Iterator[Block]:
    there = [one.listed for one in made.files if one.listed is not None]
    total = words.size(sum(listed.size for listed in there))
    state = "" if made.changed else ", as it was before"
    yield (
        Styled(str(made.folder), "bold"),
        f": a mirror of {words.count(len(there), 'file')}, {total}{state}",
    )
    for one in made.files:
        if one.status == "mirrored" and one.listed is not None:
            yield ("  ", Styled(one.listed.name, "green"), f", {words.size(one.listed.size)}")
            yield f"    {one.path}"
            came = install.where(one.source or "")
            yield f"    from {came}, verified, {_METHODS[one.method or 'copy']}"
        elif one.status == "removed":
            yield f"  removed {one.path}"
    if made.changed:
        yield "  to use it: serve that folder, and put its address into VAEHUB_MIRRORS"
