"""What is to be done is said in the words of the UI that made the picture."""

from __future__ import annotations

import pytest

from vaehub.insight.advising import Step, advise
from vaehub.insight.makers import Named, Said
from vaehub.insight.pixels.judging import Judged, Verdict
from vaehub.insight.recognising import recognise
from vaehub.model import Artifact, Entry, License, SmokeFacts, Variant
from vaehub.smoke.advice import IN_FP32
from vaehub.targets import layouts


def entry(id_: str, fp16: str, family: str = "sdxl") -> Entry:
    files = (Variant("safetensors", (Artifact(f"{id_}.safetensors", (), None, "a" * 64),)),)
    smoke = SmokeFacts(fp16=fp16)  # type: ignore[arg-type]
    return Entry(id_, "vaehub", id_, family, License("MIT"), files, smoke=smoke)


ENTRIES = (entry("xl", "nan"), entry("old", "ok", "sd1"), entry("xl-fix", "ok"))


def steps(said: Said | None, verdict: Verdict | None = None) -> tuple[Step, ...]:
    judged = Judged(verdict, "", {}) if verdict is not None else None
    recognised = recognise(said, ENTRIES) if said is not None else ()
    return advise(said, recognised, judged, layouts=layouts(), entries=ENTRIES)


def by(ui: str, layout: str, name: str | None = "xl.safetensors") -> Said:
    vaes = (Named(name, "VAE"),) if name is not None else ()
    return Said(ui, layout, vaes, "named" if vaes else "checkpoint", checkpoint="ckpt")


@pytest.mark.parametrize("id_", ["automatic1111", "forge", "sdnext", "comfyui", "fooocus"])
def test_the_vae_is_installed_and_chosen_where_the_layout_says(id_: str) -> None:
    layout = layouts()[id_]
    [step] = steps(by(layout.title, id_))
    assert step.command == "vaehub install xl"
    assert str(layout.select) in step.text


def test_invokeai_lists_no_folder_and_says_what_to_do_instead() -> None:
    [step] = steps(by("InvokeAI", "invokeai"))
    assert str(layouts()["invokeai"].instead) in step.text


@pytest.mark.parametrize("verdict", ["black", "one-colour"])
def test_flags_are_the_smoke_test_s_and_the_ui_s_own(verdict: Verdict) -> None:
    for advice in IN_FP32[:-1]:
        id_ = next(one.id for one in layouts().values() if one.title == advice.ui)
        first, second, _ = steps(by(advice.ui, id_), verdict)
        assert advice.what in first.text
        assert second.command == "vaehub install xl-fix"
    assert "--no-half-vae" in steps(by("reForge", "reforge"), verdict)[0].text
    assert "--fp32-vae" in steps(by("SwarmUI", "swarmui"), verdict)[0].text
    assert "32 bits" in steps(by("Fooocus", "fooocus"), verdict)[0].text


def test_without_a_ui_the_flags_of_all_are_said() -> None:
    found = steps(None, "black")
    assert len(found) == len(IN_FP32) - 1
    assert all(step.command is None for step in found)


def test_a_vae_that_holds_is_not_exchanged() -> None:
    commands = [step.command for step in steps(by("Forge", "forge", "old.safetensors"), "black")]
    assert commands == [None, "vaehub install old"]


@pytest.mark.parametrize("verdict", ["washed-out", "garbled", "latents"])
def test_what_is_wrong_leads_to_others_of_the_family(verdict: Verdict) -> None:
    first, second = steps(by("Forge", "forge"), verdict)
    assert first.command == "vaehub list --family sdxl"
    assert "damaged" in second.text
    [own] = steps(by("Forge", "forge", None), verdict)
    assert "checkpoint ckpt" in own.text
    [unknown] = steps(None, verdict)
    assert "family" in unknown.text


def test_where_nothing_is_odd_and_nobody_says_anything_nothing_is_advised() -> None:
    assert steps(None, "nothing-odd") == ()
    assert steps(by("Forge", "forge", None), "nothing-odd") == ()
