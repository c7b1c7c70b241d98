"""``vaehub convert``: turn a checkpoint into safetensors, executing nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaehub.cli import words
from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import argument, option
from vaehub.cli.output import Block, Result
from vaehub.cli.tables import Fact, Styled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.converting import Converted


@as_command(
    "convert",
    examples=[
        ("vaehub convert orangemix.vae.pt", "makes orangemix.vae.safetensors beside it"),
        ("vaehub convert old.ckpt -o ~/ComfyUI/models/vae", "into another folder"),
        ("vaehub convert vae.bin -o vae-ldm.safetensors --layout ldm", "for AUTOMATIC1111"),
        ("vaehub convert sdxl.vae.pt --dtype bf16", "half the size, and no overflow"),
    ],
)
@argument("file", metavar="FILE", completes="file")
@option("-o", "--output", metavar="OUT", completes="file", help="The result, or a folder for it.")
@option(
    "--layout",
    metavar="LAYOUT",
    completes="key layout",
    help="Rename an AutoencoderKL's tensors: ldm for AUTOMATIC1111 and its kin, or diffusers.",
)
@option(
    "--dtype",
    metavar="DTYPE",
    completes="dtype",
    help="Change the precision: fp16, bf16 or fp32.",
)
def command(
    call: Call,
    *,
    file: str,
    output: str | None,
    layout: str | None,
    dtype: str | None,
) -> Result:
    """Turn a checkpoint into safetensors, executing nothing.

    The checkpoint itself is never changed. What only a training needs is
    dropped: the loss, EMA copies, the optimizer. The same file gives the same bytes, so running the
    command again changes nothing; a file that is there already is never overwritten.
    """
    from vaehub import api

    done = api.convert(
        file,
        output=Path(output).expanduser() if output is not None else None,
        layout=layout,
        dtype=dtype,
        settings=call.settings,
        catalogs=call.catalogs,
    )
    return Result(
        "convert",
        results=(_as_json(done),),
        problems=done.problems,
        text=lambda: _text(done),
        is_report=True,
    )


def _as_json(done: Converted) -> dict[str, Any]:
    return {
        "path": str(done.path),
        "status": done.status,
        "size": done.size,
        "sha256": done.sha256,
        "architecture": done.contents.architecture,
        "layout": done.contents.layout,
        "tensors": len(done.contents.parts),
        "done": list(done.contents.done),
        "dropped": list(done.contents.dropped),
        "origin": {
            "path": str(done.origin),
            "kind": done.origin_kind,
            "size": done.origin_size,
            "sha256": done.origin_sha256,
            "known_as": done.known_as,
        },
    }


def _text(done: Converted) -> Iterator[Block]:
    verdict = "converted" if done.status == "converted" else "was converted already"
    yield (Styled(str(done.origin), "bold"), f" {verdict}")
    kinds = {"zip pickle": "a checkpoint (pickle)", "legacy pickle": "an old checkpoint (pickle)"}
    what = f"{kinds.get(done.origin_kind, 'safetensors')}, {words.size(done.origin_size)}"
    if done.contents.architecture is not None:
        what += f", {done.contents.architecture}"
    yield Fact("it was", what + (f", {done.known_as}" if done.known_as else ""))
    yield Fact("done", "\n".join(done.contents.done) or "the tensors were copied as they are")
    if done.contents.dropped:
        yield Fact("dropped", "\n".join(done.contents.dropped))
    count = words.count(len(done.contents.parts), "tensor")
    layout = f", layout {done.contents.layout}" if done.contents.layout else ""
    style = "green" if done.status == "converted" else ""
    yield ("  ", Styled(str(done.path), style))
    yield f"    {words.size(done.size)}, {count}{layout}"
    yield f"    sha256 {done.sha256}"
    if done.known_as:
        yield "    which no catalog lists: the sha256 there is that of the checkpoint"
