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

from vaehub.errors import NotAModel, VaehubError
from vaehub.hashing import sha256_of
from vaehub.smoke import advice, records, structure
from vaehub.smoke.report import CONDEMNED, Decoded, Reason, SmokeReport, gravest, overall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from vaehub.model import Entry
    from vaehub.smoke.decoding import Measured, Pair
    from vaehub.smoke.factors import Factors
    from vaehub.smoke.findings import Finding
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
    changed: tuple[Path, ...] = ()
    """Those whose bytes are not what vaehub placed there."""


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
    """What it must decode to, where that is known from elsewhere; see :func:`golden.place`."""
    weights: Callable[[str], str | None] = lambda sha256: None
    """Gives the digest of a file's weights by its sha256, where its fingerprint is known."""


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
    parts = structure.together(
        [structure.look(path, name=name, entry=subject.entry) for path, name in subject.files]
    )
    report = _described(subject, parts)
    goldens = dict(options.goldens)
    if not any(part.is_condemned for part in parts):
        report = _tested(report, subject, parts, options, goldens)
    verdict = overall(report.reasons, report.decoded)
    report = report._replace(
        verdict=verdict,
        advice=advice.for_report(verdict, report),
        seconds=time.monotonic() - began,
    )
    # That it could not be tested now says nothing against what was seen before.
    if options.state is not None and verdict != "untested":
        records.remember(options.state, report, golden=goldens or None)
        weights = options.weights(report.sha256[0]) if report.sha256 and goldens else None
        if weights is not None:
            records.remember_golden(options.state, weights, goldens)
    return report


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
        reasons=(
            *(_changed(path) for path in subject.changed),
            *(_with_file(reason, part, parts) for part in parts for reason in part.reasons),
        ),
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


def _changed(path: Path) -> Reason:
    said = "its bytes are no longer those that vaehub placed there, whatever it decodes to"
    return Reason("changed", f"{path.name}: {said}", "damaged")


def _with_file(reason: Reason, part: Part, parts: Sequence[Part]) -> Reason:
    if len(parts) == 1 or reason.message.startswith(part.name):
        return reason
    return reason._replace(message=f"{part.name}: {reason.message}")


def _tested(
    report: SmokeReport,
    subject: Subject,
    parts: tuple[Part, ...],
    options: Options,
    goldens: dict[str, object],
) -> SmokeReport:
    """Decode, and add what is seen."""
    lacking = _lacking()
    if lacking is not None:
        reason = Reason("no-torch", lacking, "untested")
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
    cannot = _undecodable(parts)
    if cannot is not None:
        return report._replace(reasons=(*reasons, Reason("undecodable", cannot, "untested")))
    return _decoded(report, subject, parts, options, goldens)


def _lacking() -> str | None:
    """Say why nothing can be decoded here, where that is so."""
    lacking = missing()
    if lacking:
        return f"{' and '.join(lacking)} is not installed; {HINT}"
    try:
        import torch  # noqa: F401
    except (ImportError, OSError) as error:  # built for another machine, or half installed
        said = str(error).partition("\n")[0][:300]
        return f"torch is installed but does not start ({said}); the checks without it have passed"
    return None


def _findings(tensors: Tensors, seen: Mapping[str, Statistics]) -> list[Finding]:
    from vaehub.smoke.findings import checksum_finding, findings

    wrong = checksum_finding(tensors)
    return [*([wrong] if wrong is not None else []), *findings(seen)]


def _undecodable(parts: Sequence[Part]) -> str | None:
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
    report: SmokeReport,
    subject: Subject,
    parts: tuple[Part, ...],
    options: Options,
    goldens: dict[str, object],
) -> SmokeReport:
    from vaehub.smoke import devices as devices_module
    from vaehub.smoke import golden
    from vaehub.smoke.attempt import attempt, refused
    from vaehub.smoke.decoding import agreement, pair_of
    from vaehub.smoke.judge import judge

    sha256 = report.sha256 or tuple(sha256_of(path) for path, _ in subject.files)
    report = report._replace(sha256=sha256)
    pair = pair_of(parts)
    families, told = _families(subject.entry, parts), _told(subject.entry, pair)
    decoded: list[Decoded] = []
    goldens.update({**_record(sha256, options), **goldens})
    for device in devices_module.devices(options.device):
        supported = devices_module.supported(device)
        wanted = options.dtypes or supported
        reference: Measured | None = None
        first: Decoded | None = None
        for dtype in _reference_first(wanted, supported):
            if dtype not in supported:
                decoded.append(refused(device, dtype))
                continue
            seen, said = attempt(pair, device=device, dtype=dtype, families=families, told=told)
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
            one = one._replace(reasons=(*one.reasons, *said))
            if first is not None and first.verdict in CONDEMNED:
                one = _condemned_with(one, first, is_shown="fp32" in wanted)
            if dtype == "fp32":
                reference = seen
                place = golden.place(seen, families=families, told=told, beside=sha256[1:])
                known = golden.from_json(goldens.get(place))
                one = first = golden.held_against(one, golden.golden_of(seen), known)
                if known is None and overall(report.reasons, [one]) in {"works", "not-in-fp16"}:
                    goldens[place] = golden.golden_of(seen).as_json()
            if dtype in wanted:
                decoded.append(one)
                if options.show is not None:
                    options.show(subject, seen)
    return report._replace(decoded=tuple(decoded))


def _condemned_with(one: Decoded, first: Decoded, *, is_shown: bool) -> Decoded:
    """Let what fp32 has shown count for another precision too, and say it once."""
    same = Reason("as-fp32", "what fp32 shows is wrong here too", first.verdict)
    if is_shown and one.verdict == first.verdict:
        return one  # it says so itself
    return one._replace(
        verdict=gravest([one.verdict, first.verdict]),
        reasons=(*one.reasons, *((same,) if is_shown else first.reasons)),
    )


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


def _record(sha256: Sequence[str], options: Options) -> Mapping[str, object]:
    """Give what sound runs of this file, or of another with its weights, decoded to."""
    if options.state is None or not sha256:
        return {}
    weights = options.weights(sha256[0])
    shared = records.recall_golden(options.state, weights) if weights is not None else {}
    known = records.recall(options.state, sha256[0])
    own = known.golden if known is not None and isinstance(known.golden, dict) else {}
    return {**shared, **own}


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
