"""What a smoke test found: verdicts, reasons and figures, as plain data.

Knows the words, and which of them condemn. Needs no torch and does no I/O.
"""

# No postponed annotations: NamedTuple would compile each from its text, at each start.

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Verdict = Literal[
    "works", "not-in-fp16", "washed-out", "wrong-family", "damaged", "not-a-vae", "untested"
]
WORDS: Mapping[Verdict, str] = {
    "works": "works",
    "not-in-fp16": "works, but not in fp16",
    "washed-out": "washed out, or wrong factors",
    "wrong-family": "wrong family for this name",
    "damaged": "damaged",
    "not-a-vae": "not a VAE",
    "untested": "cannot be tested here",
}
CONDEMNED: frozenset[Verdict] = frozenset({"washed-out", "wrong-family", "damaged", "not-a-vae"})
_GRAVEST: tuple[Verdict, ...] = (
    *("not-a-vae", "damaged", "wrong-family", "washed-out"),
    *("untested", "not-in-fp16", "works"),
)


class Reason(NamedTuple):
    """One thing that was seen."""

    code: str
    """Stable: scripts match on it."""
    message: str
    verdict: Verdict | None = None
    """What it makes of the VAE; None: worth a word, and no more."""


class Advice(NamedTuple):
    """What to do about it in one UI."""

    ui: str
    what: str


class Decoded(NamedTuple):
    """One decode: a device and a precision."""

    device: str
    """``cpu``, ``cuda:0`` ..."""
    dtype: str
    """``fp32``, ``bf16``, ``fp16``."""
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    figures: Mapping[str, float] = MappingProxyType({})
    """What was measured, by name; docs/smoke.md says what each means."""
    seconds: float = 0.0
    peak_bytes: int | None = None
    """Of the device's memory where it has its own, else of the whole process."""

    @property
    def failed(self) -> bool:
        """Whether this VAE is of no use in this precision here."""
        return self.verdict in CONDEMNED or (self.verdict == "not-in-fp16" and self.dtype == "fp16")


class SmokeReport(NamedTuple):
    """What a smoke test of one VAE found."""

    name: str
    """As it was asked for."""
    paths: tuple[Path, ...]
    sha256: tuple[str, ...]
    """Of each file; empty where none was read."""
    entry: str | None
    """Full name of the catalog's entry, where it is known."""
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    advice: tuple[Advice, ...] = ()
    architecture: str | None = None
    layout: str | None = None
    families: tuple[str, ...] = ()
    """Whose VAEs have exactly these shapes."""
    latent_channels: int | None = None
    downscale: int | None = None
    half: str | None = None
    """``both``, ``decoder`` or ``encoder``."""
    decoded: tuple[Decoded, ...] = ()
    seconds: float = 0.0

    @property
    def condemned(self) -> bool:
        """Whether it failed."""
        return self.verdict in CONDEMNED

    def has_failed(self, asked: Collection[str] = ()) -> bool:
        """Tell whether it failed, or cannot do in a precision that was asked for by name."""
        return self.condemned or any(one.failed and one.dtype in asked for one in self.decoded)

    def as_json(self) -> dict[str, Any]:
        """Give the report as it stands in ``--json`` output."""
        return {
            "name": self.name,
            "entry": self.entry,
            "paths": [str(path) for path in self.paths],
            "sha256": list(self.sha256),
            "verdict": self.verdict,
            "ok": not self.condemned,
            "reasons": [reason_json(reason) for reason in self.reasons],
            "advice": [advice._asdict() for advice in self.advice],
            "architecture": self.architecture,
            "layout": self.layout,
            "families": list(self.families),
            "latent_channels": self.latent_channels,
            "downscale": self.downscale,
            "half": self.half,
            "decoded": [
                {
                    "device": one.device,
                    "dtype": one.dtype,
                    "verdict": one.verdict,
                    "reasons": [reason_json(reason) for reason in one.reasons],
                    "figures": {key: _finite(value) for key, value in one.figures.items()},
                    "seconds": round(one.seconds, 3),
                    "peak_bytes": one.peak_bytes,
                }
                for one in self.decoded
            ],
            "seconds": round(self.seconds, 3),
        }


def reason_json(reason: Reason) -> dict[str, Any]:
    """Give a reason as it stands in ``--json`` output."""
    return {"code": reason.code, "message": reason.message, "verdict": reason.verdict}


def gravest(verdicts: list[Verdict]) -> Verdict:
    """Say what several verdicts come to: the worst of them; ``works`` where there is none."""
    return min(verdicts, key=_GRAVEST.index, default="works")


def overall(reasons: Iterable[Reason], decoded: Iterable[Decoded]) -> Verdict:
    """Say what a test comes to; a precision that was not tried says nothing beside one that was."""
    verdicts = [one.verdict for one in decoded]
    tried = [verdict for verdict in verdicts if verdict != "untested"]
    said = [reason.verdict for reason in reasons if reason.verdict is not None]
    return gravest([*said, *(tried or verdicts)])


def _finite(value: float) -> float | None:
    """JSON has no word for infinite and for not a number."""
    return round(value, 6) if value - value == 0 else None
