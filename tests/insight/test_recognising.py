"""A name or a hash leads to the one file that it means, and otherwise to no decision."""

from __future__ import annotations

import pytest

from vaehub import api
from vaehub.insight.makers.said import Named, Said
from vaehub.insight.recognising import Recognised, recognise
from vaehub.model import Artifact, Entry, License, Variant

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


def variant(name: str, file: str, sha256: str | None, *known_as: str, autov3: str = "") -> Variant:
    hashes = {"autov3": autov3} if autov3 else {}
    return Variant(name, (Artifact(file, (), None, sha256, known_as=known_as, hashes=hashes),))


def entry(id_: str, *variants: Variant, aliases: tuple[str, ...] = ()) -> Entry:
    license_ = License("MIT")
    return Entry(id_, "vaehub", id_, "sd1", license_, variants, aliases=aliases)


ENTRIES = (
    entry(
        "mse",
        variant("safetensors", "mse-840000.safetensors", A, "fixed.vae.pt", autov3="123456789abc"),
        variant("ckpt", "mse-840000.ckpt", B, "VAE.pt"),
        aliases=("sd-vae-ft-mse",),
    ),
    entry("xl", variant("safetensors", "sdxl_vae.safetensors", C, "ae.sft")),
    entry("xl-fix", variant("safetensors", "xl_fix.safetensors", D, "sdxl_vae.safetensors")),
    entry(
        "clear",
        variant("v3", "Clear_V3.safetensors", "e" * 64),
        variant("v2", "Clear_V2.safetensors", "f" * 64),
        variant("v2-b", "Clear_V2-b.safetensors", "0" * 64, "Clear_V2.safetensors"),
        variant("unpinned", "clear-loose.safetensors", None),
    ),
)


def of(name: str | None, digits: str | None = None, **more: object) -> Recognised:
    named = Named(name, "VAE", digits)._replace(**more)  # type: ignore[arg-type]
    [found] = recognise(Said("A UI", None, (named,), "named"), ENTRIES)
    return found


def codes(found: Recognised) -> list[str]:
    return [problem.code for problem in found.problems]


@pytest.mark.parametrize(
    "name",
    [
        "mse-840000.safetensors",
        "MSE-840000.SAFETENSORS",
        "sub\\folder\\mse-840000.safetensors",
        "/home/me/models/VAE/mse-840000.safetensors",
        "fixed.vae.pt",
        "fixed.vae",
        "mse-840000",  # as Forge writes it; the .ckpt is the same VAE
        "sd-vae-ft-mse",
        "mse",
    ],
)
def test_a_name_of_any_kind_leads_to_its_file(name: str) -> None:
    found = of(name)
    assert found.chosen is not None
    assert found.chosen.label == "mse@safetensors"
    assert (found.by, found.sure, found.problems) == ("name", True, ())


def test_an_extension_tells_the_variant() -> None:
    found = of("mse-840000.ckpt")
    assert found.chosen is not None
    assert found.chosen.variant.name == "ckpt"


def test_a_name_that_nobody_has_is_unknown() -> None:
    found = of("mine.safetensors")
    assert (found.chosen, found.candidates, found.sure) == (None, (), False)
    assert codes(found) == ["vae-unknown"]


def test_a_name_that_several_vaes_have_decides_nothing() -> None:
    for name in ("sdxl_vae.safetensors", "sdxl_vae"):
        found = of(name)
        assert (found.chosen, found.entry, found.sure) == (None, None, False)
        assert [one.label for one in found.candidates] == ["xl@safetensors", "xl-fix@safetensors"]
        assert codes(found) == ["vae-name-ambiguous"]
        assert "xl@safetensors, xl-fix@safetensors" in found.problems[0].message


def test_a_hash_decides_among_the_files_of_one_name() -> None:
    found = of("sdxl_vae.safetensors", D[:10])
    assert found.chosen is not None
    assert found.chosen.label == "xl-fix@safetensors"
    assert (found.by, found.sure, found.problems) == ("name and hash", True, ())


def test_two_versions_of_one_name_in_one_entry_decide_the_entry_only() -> None:
    found = of("Clear_V2.safetensors")
    assert found.chosen is None
    assert found.entry is not None
    assert found.entry.id == "clear"
    assert codes(found) == ["vae-name-ambiguous"]


@pytest.mark.parametrize("name", ["VAE.pt", "vae", "ae.sft"])
def test_a_name_that_anybody_s_file_has_decides_nothing(name: str) -> None:
    found = of(name)
    assert found.candidates
    assert (found.chosen, found.sure) == (None, False)
    assert "many files" in found.problems[0].message


# Hashes


def test_name_and_hash_that_disagree_are_both_shown_and_the_name_counts() -> None:
    found = of("mse-840000.safetensors", C[:10], hash_may_lie=True)
    assert found.chosen is not None
    assert found.chosen.label == "mse@safetensors"
    assert [one.label for one in found.by_hash] == ["xl@safetensors"]
    assert (found.by, found.sure) == ("name", False)
    assert codes(found) == ["vae-hash-disagrees"]
    problem = found.problems[0]
    assert "mse@safetensors" in problem.message
    assert "xl@safetensors" in problem.message
    assert "newer VAE" in (problem.hint or "")


def test_a_hash_of_nobody_s_beside_a_known_name_is_told() -> None:
    found = of("mse-840000.safetensors", "9" * 10)
    assert codes(found) == ["vae-hash-disagrees"]
    assert "no file in the catalogs" in found.problems[0].message


def test_what_cannot_be_compared_does_not_disagree() -> None:
    found = of("clear-loose.safetensors", "9" * 10)
    assert (codes(found), found.sure) == ([], True)
    assert of("xl_fix.safetensors", "9" * 64, hash_kind="autov3").sure


def test_a_hash_alone_leads_to_its_file_and_is_not_certain() -> None:
    for name in (None, "renamed.safetensors"):
        found = of(name, A[:10], hash_may_lie=True)
        assert found.chosen is not None
        assert found.chosen.label == "mse@safetensors"
        assert (found.by, found.sure) == ("hash", False)
        assert codes(found) == ["vae-by-hash-alone"]
        assert "loaded before" in found.problems[0].message


def test_a_hash_in_full_is_certain() -> None:
    assert of("renamed", A).sure
    found = of("renamed", "123456789abc" + "0" * 52, hash_kind="autov3")
    assert found.chosen is not None
    assert (found.chosen.label, found.by, found.sure) == ("mse@safetensors", "hash", True)


def test_a_few_digits_are_no_hash() -> None:
    assert of(None, "aaaaaaa").candidates == ()


# Forge's modules


def modules(*names: str) -> list[str | None]:
    vaes = tuple(Named(name, f"Module {at}") for at, name in enumerate(names, 1))
    found = recognise(Said("Forge", "forge", vaes, "named", among_modules=True), ENTRIES)
    return [one.named.name for one in found]


def test_of_several_modules_the_vae_is_that_which_the_catalogs_know() -> None:
    assert modules("clip_l", "mse-840000", "t5xxl_fp8") == ["mse-840000"]


def test_of_modules_that_nobody_knows_one_may_be_called_a_vae() -> None:
    assert modules("clip_l", "my-vae-3", "t5xxl") == ["my-vae-3"]
    assert modules("clip_l", "t5xxl") == []


def test_where_several_may_have_decoded_it_none_is_certain() -> None:
    vaes = (Named("mse-840000", "node 1"), Named("xl_fix", "node 2"))
    found = recognise(Said("ComfyUI", "comfyui", vaes, "named"), ENTRIES)
    assert [one.chosen is not None for one in found] == [True, True]
    assert not any(one.sure for one in found)


def test_the_checkpoint_s_own_beside_a_named_one_makes_it_uncertain() -> None:
    vaes = (Named("mse-840000", "node 1"),)
    said = Said("ComfyUI", "comfyui", vaes, "named", may_be_another=True)
    assert not recognise(said, ENTRIES)[0].sure


# The curated catalog


def real() -> list[Entry]:
    return api.list_entries()


def test_no_file_of_the_catalog_is_taken_for_another_entry_s() -> None:
    entries = real()
    for one in entries:
        for artifact in (file for way in one.variants for file in way.artifacts):
            for name in (artifact.name, *artifact.known_as):
                for written in (name, name.rpartition(".")[0], f"sub\\{name}"):
                    said = Said("A UI", None, (Named(written, "VAE"),), "named")
                    [found] = recognise(said, entries)
                    assert one.id in {file.entry.id for file in found.candidates}, written
                    assert found.chosen is None or found.chosen.entry.id == one.id, written


def test_name_and_hash_together_lead_to_the_very_file() -> None:
    entries = real()
    for one in entries:
        for way in one.variants:
            for artifact in way.artifacts:
                if artifact.sha256 is None:
                    continue
                named = Named(artifact.name, "VAE", artifact.sha256[:10], hash_may_lie=True)
                [found] = recognise(Said("A UI", None, (named,), "named"), entries)
                assert found.chosen is not None, artifact.name
                assert found.chosen.artifact == artifact
                assert found.sure
