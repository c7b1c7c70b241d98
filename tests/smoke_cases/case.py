"""What a labelled case is, and how what was said of it is held against what is true.

Knows no weights and no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.model import Entry, License, SmokeFacts, Variant
from vaehub.smoke.report import CONDEMNED
from vaehub.smoke.testing import Options, Subject, test

if TYPE_CHECKING:
    from vaehub.smoke.decoding import Measured
    from vaehub.smoke.golden import Golden
    from vaehub.smoke.report import Decoded, SmokeReport, Verdict

Files = tuple[tuple[Path, str], ...]
Make = Callable[[Path], Files]
"""Writes a case into a folder; gives each file with the name that it is to go by."""
Truth = Literal[
    "sound",
    "one half, on purpose",
    "too large for fp16",
    "damaged",
    "wrong factors",
    "another family's",
    "never trained",
    "not a VAE",
]
Outcome = Literal["right", "miss", "false alarm", "told otherwise", "cannot be told"]
RIGHT: dict[Truth, frozenset[Verdict]] = {
    "sound": frozenset({"works"}),
    "one half, on purpose": frozenset({"works"}),
    "too large for fp16": frozenset({"not-in-fp16"}),
    "damaged": frozenset({"damaged"}),
    "wrong factors": frozenset({"washed-out"}),
    "another family's": frozenset({"wrong-family"}),
    "never trained": frozenset({"damaged"}),
    "not a VAE": frozenset({"not-a-vae"}),
}
"""The verdicts that are right of each truth, unless a case says otherwise."""
HARMLESS: frozenset[Truth] = frozenset({"sound", "one half, on purpose", "too large for fp16"})


@dataclass(frozen=True)
class Case:
    """One VAE, or what passes for one, and what is true of it."""

    name: str
    source: str
    """Where its weights are from: ``shipped``, ``taef2``, ``built``, ``random``, ``none``."""
    what: str
    """What was done to it, in words that cases of one kind share."""
    truth: Truth
    make: Make
    entry: Entry | None = None
    """What it is passed off as."""
    codes: frozenset[str] = frozenset()
    """Of the reasons that must be among those said."""
    cannot_be_told: str = ""
    """Why this file alone, without its sha256, does not show what is true; then any verdict that
    does not accuse it of something else will do."""
    verdicts: frozenset[Verdict] = frozenset()
    """The right ones, where they are others than :data:`RIGHT` says."""
    dtypes: tuple[str, ...] = ("fp32",)
    is_large: bool = False
    """Whether it takes seconds and hundreds of megabytes."""
    lacking: str = ""
    """What is missing on this machine to make it; empty where nothing is."""


class Told(NamedTuple):
    """What was said of a case, and what that comes to."""

    case: Case
    report: SmokeReport
    outcome: Outcome
    golden: Golden | None = None
    """What it decoded to in fp32."""

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all reasons."""
        return frozenset(code for code, _ in reasons(self.report))

    @property
    def reference(self) -> Decoded | None:
        """What was decoded in fp32."""
        return next((one for one in self.report.decoded if one.dtype == "fp32"), None)


def reasons(report: SmokeReport) -> list[tuple[str, str]]:
    """Give code and message of everything that was said."""
    decoded = (reason for one in report.decoded for reason in one.reasons)
    return [(reason.code, reason.message) for reason in (*report.reasons, *decoded)]


def tell(case: Case, folder: Path) -> Told:
    """Make a case in an empty folder, and test it on the CPU."""
    files = case.make(folder)
    subject = Subject(name=files[0][1], files=files, entry=case.entry)
    goldens: list[Golden] = []

    def show(_: Subject, seen: Measured) -> None:
        from vaehub.smoke.golden import golden_of

        if seen.dtype == "fp32":
            goldens.append(golden_of(seen))

    report = test(subject, Options(device="cpu", dtypes=case.dtypes, show=show))
    golden = goldens[0] if goldens else None
    return Told(case, report, outcome(case, report), golden)


def outcome(case: Case, report: SmokeReport) -> Outcome:
    """Hold what was said against what is true."""
    said = {code for code, _ in reasons(report)}
    right = case.verdicts or RIGHT[case.truth]
    if report.verdict in right and case.codes <= said:
        return "right"
    if case.truth in HARMLESS and report.verdict in CONDEMNED:
        return "false alarm"
    if case.cannot_be_told and report.verdict not in CONDEMNED:
        return "cannot be told"
    if report.verdict not in CONDEMNED:
        return "miss"
    return "told otherwise"


def entry(
    name: str,
    family: str,
    *,
    architecture: str = "autoencoder-kl",
    channels: int = 4,
    factor: float | None = None,
    shift: float | None = None,
) -> Entry:
    """Give an entry of a catalog that no file stands behind."""
    facts = SmokeFacts(
        architecture=architecture,
        latent_channels=channels,
        downscale=8,
        scaling_factor=factor,
        shift_factor=shift,
    )
    variant = Variant(name="default", artifacts=())
    return Entry(
        id=name,
        catalog="cases",
        title=name,
        family=family,
        license=License("Apache-2.0"),
        variants=(variant,),
        smoke=facts,
    )
