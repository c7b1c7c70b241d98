"""``vaehub which``: is a VAE in a checkpoint, is it sound, whose is it, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import argument, option
from vaehub.cli.output import Failure, Result, failed
from vaehub.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


@as_command(
    "which",
    examples=[
        ("vaehub which anything-v4.safetensors", "does it need a VAE, and which?"),
        ("vaehub which old.ckpt other.safetensors", "several; nothing in them is executed"),
        ("vaehub which --all ~/webui/models/Stable-diffusion", "a table of all checkpoints"),
        ("vaehub which model.safetensors --json | jq '.results[].advice'", "what to do, as JSON"),
    ],
)
@argument("checkpoints", metavar="[CHECKPOINT]...", many=True, required=False, completes="file")
@option(
    "--all",
    name="folder",
    metavar="FOLDER",
    completes="folder",
    help="Every checkpoint in this folder and below it, in a table.",
)
def command(call: Call, *, checkpoints: tuple[str, ...], folder: str | None) -> Result:
    """Say of a checkpoint whether it needs a VAE, and which.

    Reads the header and the tensors of the VAE inside, and nothing of the diffusion model: what
    family the checkpoint is of, whether a VAE is in it, whether that is whole and sound, and whose
    it is. Then says what to do, in the words of the UI that the checkpoint lies in. Exit code 0
    whatever was found; 6: it is no model.
    """
    if folder is not None and checkpoints:
        raise UsageError("--all and checkpoints do not go together", hint="run it once for each")
    if folder is not None:
        return _weigh(call, _folder(folder))
    if not checkpoints:
        raise UsageError(
            "no checkpoint was named", hint="name files, or a folder of them with --all"
        )
    for each in checkpoints:
        if Path(each).expanduser().is_dir():
            raise UsageError(f"{each} is a folder", hint=f"vaehub which --all {each}")
    return _weigh(call, checkpoints)


def _folder(folder: str) -> tuple[str, ...]:
    if Path(folder).expanduser().is_file():
        raise UsageError(f"{folder} is a file, not a folder", hint=f"vaehub which {folder}")
    return (folder,)


def _weigh(call: Call, paths: Sequence[str]) -> Result:
    from vaehub import api
    from vaehub.cli import weighed

    with call.progress() as listener:
        report = api.which(paths, settings=call.settings, catalogs=call.catalogs, listener=listener)
    failures = [Failure(one.error, str(one.path)) for one in report.failed]
    said: dict[str, Any] = {
        "results": tuple(map(weighed.as_json, report.files)),
        "problems": report.problems if call.as_json else weighed.untold(report),
        "text": lambda: weighed.text(report),
    }
    return failed("which", failures, **said) if failures else Result("which", **said)
