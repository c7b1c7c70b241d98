"""``vaehub smoke``: decode, and tell a sound VAE from a broken one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from vaehub.cli import report_files, words
from vaehub.cli.call import Call, as_command, to_option
from vaehub.cli.declared import argument, option
from vaehub.cli.output import Block, Result
from vaehub.cli.tables import Fact, Styled
from vaehub.errors import SmokeFailed, UsageError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vaehub.smoke.report import Decoded, SmokeReport, Verdict

_STYLES: dict[str, str] = {"works": "green", "not-in-fp16": "yellow", "untested": "yellow"}
_DTYPES = ("fp32", "bf16", "fp16")


@as_command(
    "smoke",
    examples=[
        ("vaehub smoke kl-f8-anime2", "what vaehub placed in the UI the current folder lies in"),
        ("vaehub smoke ~/Downloads/orangemix.vae.pt", "any file; nothing in it is executed"),
        ("vaehub smoke --all --to ~/ComfyUI --junit smoke.xml", "for CI: exit code 8 if one fails"),
        ("vaehub smoke sdxl-vae --dtype fp16 --device cuda:1", "one precision on one GPU"),
        ("vaehub smoke kl-f8-anime2 --images ./pictures", "and see what it decodes to"),
        ("vaehub smoke --self", "are torch and the GPU of this machine sound?"),
    ],
)
@argument(
    "names",
    metavar="[NAME or FILE]...",
    many=True,
    required=False,
    completes="name or file",
)
@to_option
@option("--all", name="everything", help="All that vaehub placed in the target.")
@option("--self", name="itself", help="The small autoencoder that ships with vaehub.")
@option(
    "--device",
    metavar="DEVICE",
    default="auto",
    completes="device",
    help="auto, all (every GPU), cpu, cuda, cuda:1, mps, xpu.",
)
@option(
    "--dtype",
    metavar="LIST",
    completes="dtypes",
    help="fp32, bf16, fp16, several with commas; by default all that the device is quick in.",
)
@option("--junit", metavar="FILE", completes="file", help="Write a report that CI systems read.")
@option(
    "--images",
    metavar="DIR",
    completes="folder",
    help="Write the decoded pictures and a contact sheet there.",
)
def command(
    call: Call,
    *,
    names: tuple[str, ...],
    to: str | None,
    everything: bool,
    itself: bool,
    device: str,
    dtype: str | None,
    junit: str | None,
    images: str | None,
) -> Result:
    """Decode with a VAE and say whether it works.

    Looks at names, shapes and weights, then decodes and encodes fixed latents and pictures in each
    precision, and says what is wrong and what to do about it in each UI. Exit code 8: one failed.
    """
    from vaehub import api

    asked = _dtypes(dtype)
    reports = api.smoke(
        names,
        to=to,
        everything=everything,
        itself=itself,
        device=device,
        dtypes=asked,
        images=Path(images) if images is not None else None,
        settings=call.settings,
        catalogs=call.catalogs,
    )
    if junit is not None:
        from vaehub.junit import MARK
        from vaehub.smoke.junit import junit as junit_of

        report_files.write(junit, junit_of(reports, asked=asked), option="--junit", mark=MARK)
    failed = [report for report in reports if report.has_failed(asked)]
    return Result(
        "smoke",
        results=tuple(report.as_json() for report in reports),
        problems=tuple(problem for report in reports for problem in problems(report, asked)),
        exit_code=SmokeFailed.exit_code if failed else 0,
        text=lambda: _texts(reports, images),
        is_report=True,
        problems_in_text=not call.quiet,
    )


def _dtypes(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    wanted = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [dtype for dtype in wanted if dtype not in _DTYPES]
    if unknown or not wanted:
        raise UsageError(
            f"--dtype {text!r}: there are {', '.join(_DTYPES)}",
            hint="several with commas: --dtype fp32,bf16",
        )
    return wanted


def problems(report: SmokeReport, asked: Sequence[str] = ()) -> Iterator[Problem]:
    """Give what was seen of one VAE as problems; they block where it failed in what was asked."""
    reasons = dict.fromkeys(report.reasons)
    reasons.update((reason, None) for one in report.decoded for reason in one.reasons)
    blocking = report.has_failed(asked)
    for reason in reasons:
        if reason.code == "as-fp32":
            continue  # fp32's own reason is among them
        yield Problem(
            f"smoke-{reason.code}",
            reason.message,
            where=report.name,
            blocking=blocking and reason.verdict not in {None, "untested"},
        )


def _texts(reports: Sequence[SmokeReport], images: str | None) -> Iterator[Block]:
    from vaehub.smoke.report import WORDS

    if not reports:
        yield "nothing that vaehub placed is there to be tested"
    for report in reports:
        yield from text(report)
        if len(reports) > 1:
            yield ""
    if len(reports) > 1:
        verdicts = [report.verdict for report in reports]
        counts = [
            f"{verdicts.count(verdict)} {said}"
            for verdict, said in WORDS.items()
            if verdict in verdicts
        ]
        yield f"{len(reports)} tested: {'; '.join(counts)}"
    if images is not None and any(report.decoded for report in reports):
        yield f"pictures are in {images}"


def text(report: SmokeReport) -> Iterator[Block]:
    """Give the report of one VAE for a person."""
    from vaehub.smoke.report import WORDS

    yield (Styled(report.name, "bold"),)
    yield Fact("verdict", WORDS[report.verdict], style=_style(report.verdict))
    for reason in report.reasons:
        yield Fact("", reason.message)
    if report.architecture is not None:
        told = [
            report.architecture,
            report.layout and f"{report.layout} keys",
            f"{report.latent_channels} latent channels",
            f"{report.downscale} x smaller",
            {"decoder": "decoder only", "encoder": "encoder only"}.get(report.half or ""),
        ]
        yield Fact("what it is", ", ".join(part for part in told if part))
    if report.families:
        yield Fact("shapes of", ", ".join(report.families))
    said: set[str] = set()
    for one in report.decoded:
        yield Fact(f"{one.device} {one.dtype}", _told(one), style=_style(one.verdict))
        for reason in one.reasons:
            if reason.message not in said:
                yield Fact("", reason.message)
            said.add(reason.message)
    for index, advice in enumerate(report.advice):
        ui = "" if advice.ui == "any" else f"{advice.ui}: "
        yield Fact("" if index else "what to do", f"{ui}{advice.what}")


def _told(one: Decoded) -> str:
    from vaehub.smoke.report import WORDS

    figures = one.figures
    told = []
    if "round_trip" in figures:
        told.append(f"round trip {figures['round_trip']:.0f} dB")
    if "agrees" in figures and math.isfinite(figures["agrees"]):
        told.append(f"agrees with fp32 to {figures['agrees']:.0f} dB")
    if one.seconds:
        told.append(f"{one.seconds:.1f} s" if one.seconds < 10 else words.duration(one.seconds))
    return "; ".join(part for part in (WORDS[one.verdict], ", ".join(told)) if part)


def _style(verdict: Verdict) -> str:
    return _STYLES.get(verdict, "red")
