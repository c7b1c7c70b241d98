"""``vaehub explain``: which VAE made a picture, and what its pixels look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.cli.call import Call, as_command
from vaehub.cli.declared import argument
from vaehub.cli.output import Block, Failure, Result, failed
from vaehub.cli.tables import Fact, Styled
from vaehub.errors import VaehubError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.insight.explaining import Explained
    from vaehub.insight.recognising import Recognised


@as_command(
    "explain",
    examples=[
        ("vaehub explain 00042-1234567.png", "which VAE made it, and is it washed out?"),
        ("vaehub explain *.png *.webp", "several, whatever UI made each"),
        ("vaehub explain black.png --json | jq '.results[].advice'", "what to do, for a script"),
    ],
)
@argument("images", metavar="IMAGE...", many=True, completes="file")
def command(call: Call, *, images: tuple[str, ...]) -> Result:
    """Say which VAE made a picture, and why it is black or grey.

    Reads what AUTOMATIC1111, Forge, reForge, SD.Next, ComfyUI, SwarmUI, InvokeAI and Fooocus write
    into PNG, JPEG and WebP, and finds the VAE in the catalogs. Then it looks at the pixels: black,
    of one colour, washed out, garbled. Where nothing is written into the picture, they are all
    there is, and tell what it looks like, but never a name. Exit code 0 whatever was found; 6: it
    is no picture.
    """
    from vaehub import api

    done: list[Explained] = []
    failures: list[Failure] = []
    for image in dict.fromkeys(images):
        try:
            done.append(api.explain(image, catalogs=call.catalogs))
        except VaehubError as error:
            failures.append(Failure(error))
    said: dict[str, Any] = {
        "results": tuple(one.as_json() for one in done),
        "problems": tuple(problem for one in done for problem in one.problems),
        "text": lambda: (line for one in done for line in text(one)),
    }
    return failed("explain", failures, **said) if failures else Result("explain", **said)


def text(found: Explained) -> Iterator[Block]:
    """Tell what was found in lines."""
    yield (Styled(str(found.picture.path), "bold"), f"  {found.picture.kind}")
    yield Fact("made by", found.said.ui if found.said is not None else _NOBODY)
    if found.said is not None and found.said.checkpoint is not None:
        yield Fact("checkpoint", found.said.checkpoint)
    yield from (Fact("VAE", line) for line in _vae(found))
    if found.judged is not None:
        style = "green" if found.judged.verdict == "nothing-odd" else "yellow"
        yield Fact("pixels", found.judged.because, style)
    else:
        yield Fact("pixels", f"not looked at, because {found.not_judged}")
    label = "what to do"
    for step in found.advice:
        yield Fact(label, step.text)
        if step.command is not None:
            yield Fact("", step.command)
        label = ""
    yield ""


_NOBODY = "nothing is written into it that vaehub reads"


def _vae(found: Explained) -> Iterator[str]:
    if found.said is None:
        return
    if not found.recognised:
        yield {
            "checkpoint": "none of its own: that of the checkpoint",
            "named": "none of the modules that it names is a VAE that the catalogs know",
            "unsaid": "not written down",
        }[found.said.whose]
    for one in found.recognised:
        yield _named(one)


def _named(one: Recognised) -> str:
    parts = [one.named.name or "", f"hash {one.named.hash}" if one.named.hash else ""]
    what = ", ".join(part for part in parts if part)
    if one.chosen is not None:
        return f"{what}: {one.chosen.label}, by its {one.by}"
    if one.entry is not None:
        return f"{what}: {one.entry.id}, and one of several files of it"
    if one.candidates:
        return f"{what}: one of several VAEs"
    return f"{what}: not in the catalogs"
