"""``vaehub adopt``: recognise files that the user has already, and take installs from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli import words
from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import argument, option
from vaehub.cli.output import Block, Failure, Result, failed
from vaehub.cli.tables import Styled
from vaehub.errors import UsageError, VaehubError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vaehub.adopted import AdoptedFile, AdoptedFolder
    from vaehub.adopting import Adopted


@as_command(
    "adopt",
    examples=[
        ("vaehub adopt ~/old-webui/models", "what of it is in the catalog, under any name"),
        ("vaehub adopt /mnt/models --dry-run", "only say so, and record nothing"),
        ("vaehub adopt --list", "what was recognised so far, and where"),
        ("vaehub adopt --forget /mnt/models", "take nothing from there any more"),
    ],
)
@argument("folders", metavar="[FOLDER]...", many=True, required=False, completes="folder")
@option("--dry-run", help="Say what is recognised and record nothing.")
@option("--list", name="show", help="List what was recognised so far.")
@option("--forget", help="Forget these folders; nothing in them is changed.")
def command(
    call: Call, *, folders: tuple[str, ...], dry_run: bool, show: bool, forget: bool
) -> Result:
    """Use files that you have already, whatever their names.

    Looks through folders for files of the catalog, by their bytes and not by their names. Later
    installs take the bytes from there instead of downloading them. Nothing in the folders is
    changed, and no file there becomes vaehub's to remove.
    """
    if show + forget + dry_run > 1:
        raise UsageError("--list, --forget and --dry-run do not go together")
    if show:
        if folders:
            raise UsageError("--list takes no folder", hint="vaehub adopt --list")
        return _list(call)
    if not folders:
        raise UsageError(
            "no folder was named", hint="name folders that hold models: vaehub adopt ~/models"
        )
    return _forget(call, folders) if forget else _adopt(call, folders, dry_run=dry_run)


def _adopt(call: Call, folders: Sequence[str], *, dry_run: bool) -> Result:
    from vaehub import api

    with call.progress() as listener:
        outcomes = api.adopt(
            folders,
            dry_run=dry_run,
            settings=call.settings,
            catalogs=call.catalogs,
            listener=listener,
        )
    done = [outcome for outcome in outcomes if not isinstance(outcome, VaehubError)]
    failures = [Failure(outcome) for outcome in outcomes if isinstance(outcome, VaehubError)]
    said: dict[str, Any] = {
        "results": tuple(map(_as_json, done)),
        "problems": tuple(problem for one in done for problem in one.problems),
        "text": lambda: (line for one in done for line in _text(one)),
        "is_report": True,
    }
    return failed("adopt", failures, **said) if failures else Result("adopt", **said)


def _as_json(found: Adopted) -> dict[str, Any]:
    return {
        "folder": str(found.folder),
        "files": [{**_file_json(one.file), "entries": list(one.names)} for one in found.files],
        "looked_at": found.looked_at,
        "other_size": found.other_size,
        "other_bytes": found.other_bytes,
        "changed": found.changed,
        "dry_run": found.dry_run,
    }


def _file_json(file: AdoptedFile) -> dict[str, Any]:
    return {"path": str(file.path), "size": file.size, "sha256": file.sha256}


def _text(found: Adopted) -> Iterator[Block]:
    seen = words.count(found.looked_at, "file")
    yield (Styled(str(found.folder), "bold"), f": {len(found.files)} of {seen} recognised")
    for one in found.files:
        names = " and ".join(map(_short, one.names))
        yield f"  {_below(one.file, found.folder)} is {names}, {words.size(one.file.size)}"
    if found.other_size:
        yield f"  not read, since no file of the catalog has that size: {found.other_size}"
    if found.other_bytes:
        yield f"  read, and not in the catalog: {found.other_bytes}"
    if found.dry_run:
        yield "  nothing was recorded: --dry-run"
    elif found.files:
        known = "installs take these bytes from there; nothing in the folder was changed"
        yield f"  {'' if found.changed else 'as recorded before: '}{known}"


def _list(call: Call) -> Result:
    from vaehub import adopting, api

    known = api.adopted(settings=call.settings)
    names = adopting.known_names(call.catalogs)
    states = {file.path: _state(file) for one in known for file in one.files}
    nothing = Problem("nothing-listed", "no folder was adopted", blocking=False)
    return Result(
        "adopt",
        results=tuple(
            {
                "folder": str(one.folder),
                "at": one.at,
                "files": [
                    {
                        **_file_json(file),
                        "entries": list(names.get(file.sha256, ())),
                        "state": states[file.path],
                    }
                    for file in one.files
                ],
            }
            for one in known
        ),
        problems=() if known else (nothing,),
        text=lambda: (line for one in known for line in _known_text(one, names, states)),
    )


def _known_text(
    known: AdoptedFolder, names: Mapping[str, tuple[str, ...]], states: Mapping[Path, str]
) -> Iterator[Block]:
    yield (Styled(str(known.folder), "bold"), f": {words.count(len(known.files), 'file')}")
    for file in known.files:
        is_ = " and ".join(map(_short, names.get(file.sha256, ()))) or "no longer in the catalog"
        state = states[file.path]
        now = "" if state == "there" else f", {state} since"
        yield f"  {_below(file, known.folder)} is {is_}, {words.size(file.size)}{now}"


def _state(file: AdoptedFile) -> str:
    """Say what can be said of an adopted file without reading it."""
    try:
        size = file.path.stat().st_size
    except OSError:
        return "gone"
    return "there" if size == file.size else "changed"


def _forget(call: Call, folders: Sequence[str]) -> Result:
    from vaehub import api

    done: list[Path] = []
    failures = []
    for folder in folders:
        try:
            done.append(api.forget(folder, settings=call.settings))
        except VaehubError as error:
            failures.append(Failure(error))
    said: dict[str, Any] = {
        "results": tuple({"folder": str(folder), "forgotten": True} for folder in done),
        "text": lambda: [f"{folder}: forgotten; nothing in it was changed" for folder in done],
        "is_report": True,
    }
    return failed("adopt", failures, **said) if failures else Result("adopt", **said)


def _short(name: str) -> str:
    return name.removeprefix("vaehub/")


def _below(file: AdoptedFile, folder: Path) -> str:
    return str(file.path.relative_to(folder))
