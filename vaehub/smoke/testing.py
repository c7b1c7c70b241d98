"""Test one VAE: look at it, decode it in each precision on each device, judge, remember.

The order of things; each step is elsewhere. What can be said without torch is said first, and is
all that is said where torch is missing.
"""

from __future__ import annotations

import math
import time
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from vaehub.errors import CannotDecode, NotAModel, VaehubError
from vaehub.hashing import sha256_of
from vaehub.smoke import advice, records, structure
from vaehub.smoke.report import CONDEMNED, Decoded, Reason, SmokeReport, gravest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import torch

    from vaehub.model import Entry
    from vaehub.smoke.decoding import Measured, Pair
    from vaehub.smoke.factors import Factors
    from vaehub.smoke.findings import Finding
    from vaehub.smoke.golden import Golden
    from vaehub.smoke.scan import Statistics
    from vaehub.smoke.structure import Part
    from vaehub.weights.tensors import Tensors

    Show = Callable[["Subject", Measured], None]

NEEDED = ("torch",)
HINT = "pip install 'vaehub[smoke]' adds torch; the checks that need none have passed"


class Subject(NamedTuple):
    """What is to be tested."""

    name: str
    """As it was asked for."""
    files: tuple[tuple[Path, str], ...]
    """Each with the name whose suffix says what it should be; two where encoder and decoder are
    files of their own."""
    entry: Entry | None = None
    """What it should be, where that is known."""
    sha256: tuple[str, ...] = ()
    """Of each file, where somebody knows it already."""


class Options(NamedTuple):
    """How to test."""

    device: str = "auto"
    dtypes: tuple[str, ...] = ()
    """Empty: all that the device computes in within a reasonable time."""
    state: Path | None = None
    """Where verdicts and golden outputs are kept; None: nowhere."""
    show: Show | None = None
    """Is given what was decoded."""
    goldens: Mapping[str, object] = MappingProxyType({})
    """What it must decode to, by the size of the latents, where that is known from elsewhere."""


def missing() -> list[str]:
    """Name the packages that decoding needs and that are not here."""
    return [name for name in NEEDED if find_spec(name) is None]


def test(subject: Subject, options: Options) -> SmokeReport:
    """Test one VAE.

    Raises:
        UsageError: the device is not here.
        OSError: a file cannot be read.
    """
    began = time.monotonic()
    parts = tuple(
        structure.look(path, name=name, entry=subject.entry) for path, name in subject.files
    )
    report = _described(subject, parts)
    if not any(part.is_condemned for part in parts):
        report = _tested(report, subject, parts, options)
    verdicts = [reason.verdict for reason in report.reasons if reason.verdict is not None]
    verdict = gravest([*verdicts, *(one.verdict for one in report.decoded)])
    return report._replace(
        verdict=verdict,
        advice=advice.FOR[verdict],
        seconds=time.monotonic() - began,
    )


def _described(subject: Subject, parts: Sequence[Part]) -> SmokeReport:
    """Say what names and shapes say."""
    founds = [part.found for part in parts if part.found is not None]
    found = founds[0] if founds else None
    halves = {one.half for one in founds}
    report = SmokeReport(
        name=subject.name,
        paths=tuple(path for path, _ in subject.files),
        sha256=subject.sha256,
        entry=subject.entry.full_name if subject.entry is not None else None,
        verdict="works",
        reasons=tuple(_with_file(reason, part, parts) for part in parts for reason in part.reasons),
    )
    if found is None:
        return report
    return report._replace(
        architecture=found.architecture,
        layout=found.layout,
        families=found.families,
        latent_channels=found.latent_channels,
        downscale=found.downscale,
        half=halves.pop() if len(halves) == 1 else "both",
    )


def _with_file(reason: Reason, part: Part, parts: Sequence[Part]) -> Reason:
    if len(parts) == 1 or reason.message.startswith(part.name):
        return reason
    return reason._replace(message=f"{part.name}: {reason.message}")


def _tested(
    report: SmokeReport, subject: Subject, parts: tuple[Part, ...], options: Options
) -> SmokeReport:
    """Decode, and add what is seen."""
    lacking = missing()
    if lacking:
        reason = Reason("no-torch", f"{' and '.join(lacking)} is not installed; {HINT}", "untested")
        return report._replace(reasons=(*report.reasons, reason))
    from vaehub.smoke.scan import scan

    reasons = list(report.reasons)
    for part in parts:
        assert part.tensors is not None
        assert part.inside is not None
        names = [part.inside.original(name) for name in part.inside.shapes]
        try:
            seen = scan(part.tensors, names=names)
        except NotAModel as error:
            return report._replace(
                reasons=(*reasons, Reason("container", error.message, "damaged"))
            )
        reasons += [
            _with_file(
                Reason(
                    f"weights-{finding.code}",
                    finding.message,
                    "damaged" if finding.gravity == "damaged" else None,
                ),
                part,
                parts,
            )
            for finding in _findings(part.tensors, seen)
        ]
    report = report._replace(reasons=tuple(reasons))
    cannot = _undecodable(parts, subject.entry)
    if cannot is not None:
        return report._replace(reasons=(*reasons, Reason("undecodable", cannot, "untested")))
    return _decoded(report, subject, parts, options)


def _findings(tensors: Tensors, seen: Mapping[str, Statistics]) -> list[Finding]:
    from vaehub.smoke.findings import checksum_finding, findings

    wrong = checksum_finding(tensors)
    return [*([wrong] if wrong is not None else []), *findings(seen)]


def _undecodable(parts: Sequence[Part], entry: Entry | None) -> str | None:
    from vaehub.smoke.engine import undecodable

    for part in parts:
        found = part.found
        assert found is not None
        if found.half == "encoder":
            found = found._replace(half="both")  # to encode is enough to be tested
        reason = undecodable(found.architecture, layout=found.layout, found=found)
        if reason is not None:
            return reason
    return None


def _decoded(
    report: SmokeReport, subject: Subject, parts: tuple[Part, ...], options: Options
) -> SmokeReport:
    from vaehub.smoke import devices as devices_module
    from vaehub.smoke.decoding import agreement, pair_of
    from vaehub.smoke.golden import from_json, golden_of
    from vaehub.smoke.judge import judge

    sha256 = report.sha256 or tuple(sha256_of(path) for path, _ in subject.files)
    report = report._replace(sha256=sha256)
    pair = pair_of(parts)
    families = _families(subject.entry, parts)
    decoded: list[Decoded] = []
    goldens = {**_record(sha256, options), **options.goldens}
    for device in devices_module.devices(options.device):
        supported = devices_module.supported(device)
        wanted = options.dtypes or supported
        reference: Measured | None = None
        first: Decoded | None = None
        for dtype in _reference_first(wanted, supported):
            if dtype not in supported:
                decoded.append(_refused(device, dtype))
                continue
            seen = _measured(pair, device, dtype, families, subject.entry)
            if isinstance(seen, Decoded):
                decoded.append(seen)
                continue
            one = judge(
                seen,
                families=families,
                entry=subject.entry,
                reference=reference,
                agreement=agreement(seen, reference) if reference is not None else None,
            )
            if first is not None and first.verdict in CONDEMNED:
                one = one._replace(verdict=gravest([one.verdict, first.verdict]))
            if dtype == "fp32":
                reference = seen
                now, size = golden_of(seen), str(seen.cells)
                one = _held_against_golden(one, now, from_json(goldens.get(size)))
                first = one
                if one.verdict in {"works", "not-in-fp16"}:
                    goldens.setdefault(size, now.as_json())
            if dtype in wanted:
                decoded.append(one)
                if options.show is not None:
                    options.show(subject, seen)
    report = report._replace(decoded=tuple(decoded))
    if options.state is not None:
        verdicts = [reason.verdict for reason in report.reasons if reason.verdict is not None]
        verdict = gravest([*verdicts, *(one.verdict for one in decoded)])
        records.remember(options.state, report._replace(verdict=verdict), golden=goldens)
    return report


def _reference_first(wanted: Sequence[str], supported: Sequence[str]) -> list[str]:
    """Put fp32 first, which the others are held against, also where nobody asked for it."""
    rest = [dtype for dtype in wanted if dtype != "fp32"]
    is_needed = "fp32" in wanted or any(dtype in supported for dtype in rest)
    return ["fp32", *rest] if is_needed else rest


def _families(entry: Entry | None, parts: Sequence[Part]) -> tuple[str, ...]:
    """Say whose latents it may speak, the one that it should speak first."""
    supposed = (entry.family,) if entry is not None else ()
    by_shape = tuple(
        family for part in parts if part.found is not None for family in part.found.families
    )
    return tuple(dict.fromkeys((*supposed, *by_shape)))


def _told(entry: Entry | None, pair: Pair) -> Factors | None:
    """Give the factors that the catalog names, else those that the file itself does."""
    from vaehub.smoke.factors import Factors

    facts = entry.smoke if entry is not None else None
    if facts is not None and facts.scaling_factor is not None:
        return Factors(scaling_factor=facts.scaling_factor, shift_factor=facts.shift_factor)
    return factors_of_file(pair)


def factors_of_file(pair: Pair) -> Factors | None:
    """Give the factor that stands in the metadata of a file; None where none does."""
    from vaehub.smoke.factors import Factors

    half = pair.decoder or pair.encoder
    tensors = half.part.tensors if half is not None else None
    try:
        factor = float(tensors.metadata["scaling_factor"]) if tensors is not None else 0.0
    except (KeyError, ValueError):
        return None
    return Factors(scaling_factor=factor) if 0 < factor < math.inf else None


def _measured(
    pair: Pair,
    device: torch.device,
    dtype: str,
    families: tuple[str, ...],
    entry: Entry | None,
) -> Measured | Decoded:
    """Measure, with smaller pictures where memory runs out; a decode that fails is told as one."""
    import torch

    from vaehub.smoke.decoding import cells_for, measure

    half = pair.decoder or pair.encoder
    assert half is not None
    cells = cells_for(half.found, device)
    while True:
        try:
            return measure(
                pair,
                device=device,
                dtype=dtype,
                cells=cells,
                families=families,
                told=_told(entry, pair),
            )
        except torch.OutOfMemoryError:
            if device.type == "cuda":
                torch.cuda.empty_cache()
            if cells <= 4:
                return _failed(
                    device,
                    dtype,
                    "out-of-memory",
                    f"there is no room on {device} even for a picture of "
                    f"{cells * half.found.downscale} pixels; close what else uses it",
                    "untested",
                )
            cells = max(4, cells // 4 * 2)
        except CannotDecode as error:
            return _failed(device, dtype, "undecodable", error.message, "untested")
        except NotAModel as error:
            return _failed(device, dtype, "container", error.message, "damaged")
        except (KeyError, RuntimeError) as error:
            said = str(error).partition("\n")[0][:300]
            return _failed(
                device, dtype, "decode-failed", f"the decode ended with an error: {said}", "damaged"
            )


def _failed(device: torch.device, dtype: str, code: str, message: str, verdict: str) -> Decoded:
    from typing import cast

    from vaehub.smoke.report import Verdict

    said = cast("Verdict", verdict)
    return Decoded(str(device), dtype, said, (Reason(code, message, said),))


def _refused(device: torch.device, dtype: str) -> Decoded:
    why = (
        "in fp16 a CPU takes minutes for one picture; test it on a GPU, or see what fp32 says "
        "of the activations"
        if device.type == "cpu" and dtype == "fp16"
        else f"{device} does not compute in {dtype}"
    )
    return _failed(device, dtype, "unsupported", why, "untested")


def _held_against_golden(one: Decoded, now: Golden, known: Golden | None) -> Decoded:
    """Say so where the very same file once decoded to something else."""
    from vaehub.smoke.golden import SAME, difference

    differs = difference(now, known) if known is not None else None
    if differs is None:
        return one
    kind, decibels = differs
    one = one._replace(figures={**one.figures, "golden": decibels})
    if decibels >= SAME[one.dtype]:
        return one
    reason = Reason(
        "golden",
        f"the same file decoded to something else when it was found sound ({kind}, "
        f"{decibels:.0f} dB; the same would be over {SAME[one.dtype]:.0f}): the driver, this build "
        "of torch or the GPU computes wrongly",
        "damaged",
    )
    return one._replace(reasons=(*one.reasons, reason), verdict=gravest([one.verdict, "damaged"]))


def _record(sha256: Sequence[str], options: Options) -> Mapping[str, object]:
    """Give what sound runs of this file decoded to, by the size of the latents."""
    if options.state is None or not sha256:
        return {}
    known = records.recall(options.state, sha256[0])
    return known.golden if known is not None and isinstance(known.golden, dict) else {}


def broken(subject: Subject, error: VaehubError | OSError) -> SmokeReport:
    """Report a file that could not even be read."""
    message = error.message if isinstance(error, VaehubError) else str(error)
    return SmokeReport(
        name=subject.name,
        paths=tuple(path for path, _ in subject.files),
        sha256=(),
        entry=subject.entry.full_name if subject.entry is not None else None,
        verdict="untested",
        reasons=(Reason("unreadable", message, "untested"),),
    )
