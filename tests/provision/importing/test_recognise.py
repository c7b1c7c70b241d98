from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.provision.importing import samples
from tests.provision.importing.samples import BARN, COMMIT, GARDEN, HOUSE
from vaehub.catalog import Catalogs
from vaehub.provision.importing.mentions import Digest, Mention
from vaehub.provision.importing.recognise import Recogniser, Verdict

if TYPE_CHECKING:
    from pathlib import Path

HUB = f"https://huggingface.co/acme/vae/resolve/{COMMIT}"
VERSION = "https://civitai.com/api/download/models/20"
STRANGE = "f" * 64
SAFE, CKPT = "vaehub/house@safetensors", "vaehub/house@ckpt"
BARN_NAME = "vaehub/barn@safetensors"


def sha256(data: bytes) -> Digest:
    return Digest("sha256", hashlib.sha256(data).hexdigest())


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    return Recogniser(samples.catalogs(tmp_path_factory.mktemp("catalogs")))


@pytest.fixture
def with_foreign(tmp_path: Path) -> Recogniser:
    return Recogniser(samples.catalogs(tmp_path, foreign=True))


def mention(file: str, *, urls: tuple[str, ...] = (), digests: tuple[Digest, ...] = ()) -> Mention:
    return Mention(file, ("here",), urls, digests)


def said(verdict: Verdict) -> tuple[str | None, str | None]:
    return verdict.pick and verdict.pick.name, verdict.by


def candidates(verdict: Verdict) -> list[str]:
    assert verdict.pick is None
    assert verdict.why
    return [pick.name for pick in verdict.candidates]


@pytest.mark.parametrize(
    ("one", "name", "by"),
    [
        (mention("x.pt", digests=(sha256(GARDEN),)), CKPT, "sha256"),
        (mention("x.pt", digests=(Digest(None, sha256(GARDEN).digits),)), CKPT, "sha256"),
        (mention("x.pt", urls=(f"{HUB}/house.ckpt",)), CKPT, "address"),
        (mention("x.pt", urls=(f"{HUB}/house.ckpt".replace(COMMIT, "main"),)), CKPT, "address"),
        (mention("x.pt", urls=(VERSION,)), BARN_NAME, "address"),
        (mention("house.safetensors"), SAFE, "name"),
        (mention("HOUSE.SafeTensors"), SAFE, "name"),
        (mention("old house.vae.pt"), CKPT, "name"),
        (mention("house"), SAFE, "name"),
    ],
)  # fmt: skip
def test_each_way_of_reading_leads_to_one(
    recogniser: Recogniser, one: Mention, name: str, by: str
) -> None:
    assert said(recogniser.judge(one)) == (name, by)


def test_ways_that_agree_are_told_by_the_surest(recogniser: Recogniser) -> None:
    url = f"{HUB}/house.ckpt"
    one = mention("old house.vae.pt", urls=(url,), digests=(sha256(GARDEN),))

    assert said(recogniser.judge(one)) == (CKPT, "sha256")
    assert said(recogniser.judge(one._replace(digests=()))) == (CKPT, "address")


def test_a_name_that_two_entries_share_is_not_taken(recogniser: Recogniser) -> None:
    found = recogniser.judge(mention("shared.safetensors"))

    assert candidates(found) == [BARN_NAME, CKPT]


def test_another_way_tells_which_of_two_a_shared_name_means(recogniser: Recogniser) -> None:
    for more in (
        {"urls": ("https://civitai.com/models/10?modelVersionId=20",)},
        {"digests": (sha256(BARN),)},
    ):
        found = recogniser.judge(mention("shared.safetensors", **more))
        assert said(found)[0] == BARN_NAME


@pytest.mark.parametrize(
    "one",
    [
        mention("house.safetensors", urls=(VERSION,)),
        mention("house.safetensors", digests=(sha256(BARN),)),
        mention("x.pt", urls=(f"{HUB}/house.safetensors",), digests=(sha256(BARN),)),
        mention("house.safetensors", digests=(sha256(HOUSE), sha256(BARN))),
    ],
)
def test_ways_that_disagree_are_told_and_not_taken(recogniser: Recogniser, one: Mention) -> None:
    found = recogniser.judge(one)

    assert candidates(found) == [BARN_NAME, SAFE]
    assert "disagrees" in found.why


def test_a_strange_sha256_speaks_against_a_name(recogniser: Recogniser) -> None:
    found = recogniser.judge(mention("house.safetensors", digests=(Digest("sha256", STRANGE),)))

    assert candidates(found) == [SAFE]
    assert STRANGE[:12] in found.why


def test_what_nothing_leads_to_is_unknown(recogniser: Recogniser) -> None:
    for one in (
        mention("own.safetensors"),
        mention("own.safetensors", urls=("https://example.org/own.safetensors", "nonsense")),
        mention("own.safetensors", digests=(Digest("sha256", STRANGE),)),
    ):
        assert candidates(recogniser.judge(one)) == []


@pytest.mark.parametrize(
    "digest",
    [
        Digest("autov1", "0123abcd"),
        Digest("blake3", "b" * 64),
        Digest(None, "b" * 64),
        Digest("autov2", sha256(GARDEN).digits[:10]),
        Digest("sha256", sha256(GARDEN).digits[:10]),
    ],
)
def test_other_hashes_are_hints_and_no_proof(recogniser: Recogniser, digest: Digest) -> None:
    assert candidates(recogniser.judge(mention("x.pt", digests=(digest,)))) == [CKPT]
    # With a name that leads to the same they say nothing new, and with another they contradict.
    agrees = recogniser.judge(mention("old house.vae.pt", digests=(digest,)))
    assert said(agrees) == (CKPT, "name")
    contradicts = recogniser.judge(mention("barn.safetensors", digests=(digest,)))
    assert candidates(contradicts) == [BARN_NAME, CKPT]


def test_a_name_that_anybody_gives_says_nothing(recogniser: Recogniser) -> None:
    assert candidates(recogniser.judge(mention("diffusion_pytorch_model.safetensors"))) == []


def test_a_file_that_nobody_pins_is_recognised_by_its_name(recogniser: Recogniser) -> None:
    name = "vaehub/cellar@safetensors"

    assert said(recogniser.judge(mention("cellar.safetensors"))) == (name, "name")
    stated = mention("cellar.safetensors", digests=(Digest("sha256", STRANGE),))
    assert candidates(recogniser.judge(stated)) == [name]


def test_another_file_of_one_version_is_another_file(recogniser: Recogniser) -> None:
    url = f"{VERSION}?fileId="

    assert said(recogniser.judge(mention("x.pt", urls=(f"{url}30",)))) == (BARN_NAME, "address")
    assert candidates(recogniser.judge(mention("x.pt", urls=(f"{url}31",)))) == []


def test_a_version_without_a_file_means_each_of_its_files(tmp_path: Path) -> None:
    entry = samples.entries()["house"]
    safe, ckpt = (entry["variants"][name]["artifacts"][0] for name in ("safetensors", "ckpt"))
    safe["sources"] = [{"civitai": {"model": 10, "version": 20, "file": 30}}]
    ckpt["sources"] = [{"civitai": {"model": 10, "version": 20}}]
    recogniser = Recogniser(Catalogs((samples.load(tmp_path, "vaehub", {"house": entry}),)))

    # Both, and so the default; not the one alone of which nobody says which file it is.
    assert said(recogniser.judge(mention("x.pt", urls=(VERSION,)))) == (SAFE, "address")


def test_the_revision_tells_two_files_at_one_place_apart(tmp_path: Path) -> None:
    entry = samples.entries()["house"]
    entry["variants"]["ckpt"]["artifacts"][0]["sources"] = [
        samples.hub("house.safetensors", revision="f" * 40)
    ]
    made = samples.load(tmp_path, "vaehub", {"house": entry})
    recogniser = Recogniser(Catalogs((made,)))
    url = "https://huggingface.co/acme/vae/resolve/{}/house.safetensors"

    exact = recogniser.judge(mention("x.pt", urls=(url.format("f" * 40),)))
    assert said(exact) == (CKPT, "address")
    main = recogniser.judge(mention("x.pt", urls=(url.format("main"),)))
    assert said(main) == (SAFE, "address")  # variants of one entry: the default goes first


def test_of_variants_of_one_entry_the_one_that_is_called_so_goes_first(tmp_path: Path) -> None:
    entry = samples.entries()["house"]
    entry["variants"]["safetensors"]["artifacts"][0]["known_as"] = ["house.ckpt"]
    made = samples.load(tmp_path, "vaehub", {"house": entry})
    recogniser = Recogniser(Catalogs((made,)))

    assert said(recogniser.judge(mention("house.ckpt"))) == (CKPT, "name")


def test_the_same_bytes_in_two_catalogs_are_the_first_ones(with_foreign: Recogniser) -> None:
    found = with_foreign.judge(mention("x.pt", digests=(sha256(HOUSE),)))
    assert said(found) == (SAFE, "sha256")

    pick = with_foreign.of_bytes(sha256(HOUSE).digits)
    assert pick is not None
    assert pick.name == SAFE
    # A name that says which of them, is believed.
    named = with_foreign.judge(mention("cottage.safetensors", digests=(sha256(HOUSE),)))
    assert said(named) == ("acme/cottage@safetensors", "sha256")


def test_a_pair_is_the_variant_with_both_halves(recogniser: Recogniser) -> None:
    found = recogniser.judge(Mention("taesd", ("here",), pair=True))

    assert said(found) == ("vaehub/taesd@safetensors", "name")


def test_a_pair_that_no_variant_has_is_not_taken(tmp_path: Path) -> None:
    entry = samples.entries()["taesd"]
    del entry["variants"]["safetensors"]["artifacts"][0]
    recogniser = Recogniser(Catalogs((samples.load(tmp_path, "vaehub", {"taesd": entry}),)))

    assert candidates(recogniser.judge(Mention("taesd", ("here",), pair=True))) == [
        "vaehub/taesd@safetensors"
    ]
    assert candidates(recogniser.judge(Mention("taef1", ("here",), pair=True))) == []


def test_bytes_that_nobody_knows_may_be_like_something(recogniser: Recogniser) -> None:
    alike = recogniser.alike("house.safetensors", (Digest("autov1", "0123abcd"),))

    assert [pick.name for pick in alike] == [SAFE, CKPT]
    assert recogniser.of_bytes(STRANGE) is None
    assert recogniser.alike("vae.safetensors") == ()
