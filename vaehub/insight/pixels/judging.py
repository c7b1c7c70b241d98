"""What a sample looks like, by bounds that are data.

``thresholds.json`` says for each verdict within which bounds its figures lie, and on what that was
measured. One picture never proves anything: fog is hazy too, and so the words are *looks like*.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.insight.pixels.sampling import Sample

Verdict = Literal["black", "one-colour", "latents", "washed-out", "garbled", "nothing-odd"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Judged(NamedTuple):
    """What a sample looks like, and by which figures."""

    verdict: Verdict
    because: str
    """In a clause, for a person."""
    figures: Mapping[str, float]


def judge(sample: Sample, *, lossless: bool = True) -> Judged:
    """Say what a sample looks like.

    Args:
        sample: Pixels of a picture; numpy is there, or there would be none.
        lossless: Whether the file keeps each pixel. JPEG draws a grid of its own, by which nothing
            can be told.
    """
    from vaehub.insight.pixels import figures

    found = figures.figures(sample)
    for rule in _rules():
        if rule.get("lossless") and not lossless:
            continue
        if all(_within(found[name], *bounds) for name, bounds in rule["within"].items()):
            return Judged(rule["verdict"], _because(rule["verdict"], found), found)
    return Judged("nothing-odd", _because("nothing-odd", found), found)


def _within(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


@lru_cache(maxsize=1)
def _rules() -> list[dict[str, Any]]:
    text = (files("vaehub.insight.pixels") / "thresholds.json").read_text(encoding="utf-8")
    rules = json.loads(text)["rules"]
    assert isinstance(rules, list)
    return rules


def _because(verdict: Verdict, found: Mapping[str, float]) -> str:
    black, white = f"{found['black']:.0%}", f"{found['white']:.0%}"
    match verdict:
        case "black":
            return "it is all black, as where a decoder overflowed in half precision"
        case "one-colour":
            return "it is of one colour, as where a decoder overflowed in half precision"
        case "latents":
            return "it looks like latents that no VAE decoded: blocks of 8 x 8 of one colour each"
        case "washed-out":
            return (
                f"it looks washed out: it goes from {black} to {white} of white only; "
                "so do fog and haze, and a missing or wrong VAE"
            )
        case "garbled":
            share = f"{found['clipped']:.0%}"
            return (
                f"it looks garbled: {share} of it is at the end of a channel, as where a "
                "decoder is given latents that are not its own, or far too strong"
            )
    return (
        f"nothing odd is seen: it goes from {black} to {white} of white; a VAE of the wrong kind "
        "may look like that too"
    )
