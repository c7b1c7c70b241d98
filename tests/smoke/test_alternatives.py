"""What to install instead of a VAE that does not hold in fp16: of its family, and sound in it."""

from __future__ import annotations

import pytest

from vaehub.model import Entry, License, SmokeFacts, Variant
from vaehub.smoke.alternatives import with_alternatives
from vaehub.smoke.report import Advice, Decoded, SmokeReport, Verdict


def entry(id: str, family: str = "sdxl", *, fp16: str | None = "ok", slot: str = "vae") -> Entry:
    return Entry(
        id=id,
        catalog="vaehub",
        title=id,
        family=family,
        license=License("MIT"),
        variants=(Variant("safetensors", ()),),
        slot=slot,  # type: ignore[arg-type]
        smoke=SmokeFacts(fp16=fp16),  # type: ignore[arg-type]
    )


CATALOG = (
    entry("original", fp16="nan"),
    entry("fixed"),
    entry("other", "sd1"),
    entry("silent", fp16=None),
    entry("tiny", slot="vae-approx"),
)


def report(
    verdict: Verdict = "not-in-fp16", *, name: str | None = None, **speaks: float
) -> SmokeReport:
    figures = {f"speaks_{family}": value for family, value in speaks.items()}
    return SmokeReport(
        name="x",
        paths=(),
        sha256=(),
        entry=name,
        verdict=verdict,
        advice=(Advice("ComfyUI", "start with --bf16-vae"),),
        decoded=(Decoded("cpu", "fp32", verdict, figures=figures),),
    )


def test_one_of_the_same_family_that_holds() -> None:
    advice = with_alternatives(report(name="vaehub/original"), CATALOG).advice
    assert [one.ui for one in advice] == ["ComfyUI", "any"]
    assert advice[-1].what == "or take one that holds in fp16: `vaehub install fixed`"


def test_the_family_of_a_file_of_anybodys_is_what_it_decodes() -> None:
    assert "fixed" in with_alternatives(report(sdxl=0.8, sd1=0.1), CATALOG).advice[-1].what
    assert "other" in with_alternatives(report(sdxl=0.1, sd1=0.8), CATALOG).advice[-1].what
    assert len(with_alternatives(report(sdxl=0.3, sd1=0.1), CATALOG).advice) == 1


@pytest.mark.parametrize("verdict", ["works", "damaged", "untested"])
def test_none_where_fp16_is_not_the_matter(verdict: Verdict) -> None:
    same = report(verdict, name="vaehub/original")
    assert with_alternatives(same, CATALOG) == same


def test_none_where_the_catalog_has_none() -> None:
    assert len(with_alternatives(report(name="vaehub/fixed"), CATALOG).advice) == 1
