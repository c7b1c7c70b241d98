"""Decisions without a disk: every branch of the plan, as tables."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from vaehub.errors import FileInTheWay, NotPinned, TargetRefuses, UsageError
from vaehub.model import Artifact, Entry, License, Source, Target, Variant
from vaehub.nearby import Nearby
from vaehub.plan import Destination, Plan, Step, choose_variant, make_plan, usable_sources

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vaehub.observe import Found

DIGEST = {"a.safetensors": "a" * 64, "b.safetensors": "b" * 64}
FOLDER = Path("/ui/models/VAE")
TARGET = Target("automatic1111", Path("/ui"))
FREE = Source("huggingface", {"repo": "acme/vae", "revision": "1", "path": "p"})
LOGIN = Source("civitai", {"model": 1, "version": 2}, login=True)
PLAIN = Source("http", {"url": "https://example.org/f"})


def artifact(
    name: str = "a.safetensors",
    *sources: Source,
    size: int | None = 10,
    pinned: bool = True,
) -> Artifact:
    return Artifact(
        name,
        sources or (FREE,),
        size,
        DIGEST.get(name, "c" * 64) if pinned else None,
        "single" if pinned else "host",
    )


def variant(name: str, *artifacts: Artifact) -> Variant:
    return Variant(name, artifacts or (artifact(),))


def entry(*variants: Variant) -> Entry:
    return Entry("tiny", "mine", "Tiny", "sd1", License("MIT"), variants)


# Which variant

FIRST = variant("first", artifact("a.ckpt"))
SECOND = variant("second", artifact("a.safetensors", LOGIN))
THIRD = variant("third", artifact("b.safetensors"))
THREE = entry(FIRST, SECOND, THIRD)


@pytest.mark.parametrize(
    ("takes", "wanted", "named", "chosen"),
    [
        ("first second third", FIRST, False, FIRST),
        ("first second third", SECOND, True, SECOND),
        ("second third", FIRST, False, THIRD),  # what needs no login goes before the order
        ("second", FIRST, False, SECOND),
        ("third", SECOND, False, THIRD),
        ("second third", SECOND, False, SECOND),
        ("second", FIRST, True, None),
        ("", FIRST, False, None),
        ("", THIRD, True, None),
    ],
)
def test_the_variant_that_the_target_takes(
    takes: str, wanted: Variant, named: bool, chosen: Variant | None
) -> None:
    def refusal(variant: Variant) -> str | None:
        return None if variant.name in takes.split() else f"it lists no {variant.name} files"

    if chosen is not None:
        assert choose_variant(THREE, wanted, named=named, refusal=refusal) is chosen
        return
    with pytest.raises(TargetRefuses) as caught:
        choose_variant(THREE, wanted, named=named, refusal=refusal)
    assert f"tiny@{wanted.name}" in caught.value.message
    assert f"it lists no {wanted.name} files" in caught.value.message
    hint = caught.value.hint or ""
    assert ("tiny@second" in hint) is ("second" in takes)
    assert ("--to" in hint) is (takes == "")


def test_among_equals_the_catalogs_order_decides() -> None:
    free = [variant(name, artifact(f"{name}.safetensors")) for name in ("one", "two", "three")]
    chosen = choose_variant(
        entry(*free),
        free[0],
        named=False,
        refusal=lambda variant: "no" if variant.name == "one" else None,
    )
    assert chosen is free[1]


# Which sources


@pytest.mark.parametrize(
    ("only", "kept"),
    [
        (None, (PLAIN, FREE, LOGIN)),
        ("huggingface", (FREE,)),
        ("civitai", (LOGIN,)),
    ],
)
def test_the_sources_on_one_host(only: str | None, kept: tuple[Source, ...]) -> None:
    assert usable_sources(artifact(), (PLAIN, FREE, LOGIN), only_host=only) == kept


def test_no_source_on_that_host() -> None:
    with pytest.raises(UsageError, match=r"a\.safetensors has no source on liblib") as caught:
        usable_sources(artifact(), (PLAIN, FREE, LOGIN), only_host="liblib")
    assert caught.value.hint == "it can be had from: civitai, http, huggingface"
    with pytest.raises(UsageError) as caught:
        usable_sources(artifact(), (), only_host="liblib")
    assert "no host at all" in (caught.value.hint or "")
    assert usable_sources(artifact(), (), only_host=None) == ()


# What to do


def plan(
    *states: Found,
    artifacts: tuple[Artifact, ...] = (),
    stored: Collection[str] = (),
    nearby: Mapping[str, tuple[Nearby, ...]] = MappingProxyType({}),
    require_pinned: bool = False,
) -> Plan:
    names = tuple(DIGEST)[: len(states)]
    chosen = variant("safetensors", *(artifacts or tuple(artifact(name) for name in names)))
    return make_plan(
        entry(chosen),
        chosen,
        TARGET,
        destinations={item.name: Destination(FOLDER / item.name) for item in chosen.artifacts},
        found={item.name: state for item, state in zip(chosen.artifacts, states, strict=True)},
        stored=stored,
        sources={item.name: (PLAIN, *item.sources) for item in chosen.artifacts},
        nearby=nearby,
        require_pinned=require_pinned,
    )


@pytest.mark.parametrize(
    ("state", "in_store", "action", "reason", "replaces"),
    [
        ("absent", False, "fetch", "not there yet", False),
        ("absent", True, "place", "not there yet; its bytes are in the store", False),
        ("outdated", False, "fetch", "a newer file of the catalog", True),
        ("outdated", True, "place", "a newer file of the catalog; its bytes are in", True),
        ("intact", False, "keep", "already installed", False),
        ("intact", True, "keep", "already installed", False),
        ("same-bytes", False, "keep", "already there, not placed by vaehub", False),
        ("same-bytes", True, "keep", "already there, not placed by vaehub", False),
    ],
)
def test_one_step(state: Found, in_store: bool, action: str, reason: str, replaces: bool) -> None:
    made = plan(state, stored=[DIGEST["a.safetensors"]] if in_store else ["f" * 64])
    (step,) = made.steps
    assert (step.action, step.replaces) == (action, replaces)
    assert step.reason.startswith(reason)
    assert step.destination == FOLDER / "a.safetensors"
    assert step.sources == ((PLAIN, FREE) if action == "fetch" else ())
    assert made.nothing_to_do is (action == "keep")


HERE = (Nearby(Path("/models/x.pt"), "adopted"), Nearby(Path("/other/y.pt"), "installed"))


@pytest.mark.parametrize(
    ("state", "in_store", "action", "reason"),
    [
        ("absent", False, "place", "not there yet; the same bytes are at /models/x.pt"),
        ("outdated", False, "place", "a newer file of the catalog; the same bytes are at /models"),
        ("absent", True, "place", "not there yet; its bytes are in the store"),
        ("intact", False, "keep", "already installed"),
        ("same-bytes", False, "keep", "already there, not placed by vaehub"),
    ],
)
def test_one_step_where_the_bytes_are_nearby(
    state: Found, in_store: bool, action: str, reason: str
) -> None:
    stored = [DIGEST["a.safetensors"]] if in_store else []
    made = plan(state, stored=stored, nearby={"a.safetensors": HERE})
    (step,) = made.steps
    assert step.action == action
    assert step.reason.startswith(reason)
    used = action == "place" and not in_store
    assert step.nearby == (HERE if used else ())
    assert step.sources == ((PLAIN, FREE) if used else ()), "they are asked where none will do"
    assert made.download_size == 0


@pytest.mark.parametrize("in_store", [False, True])
@pytest.mark.parametrize(
    ("state", "said", "hint"),
    [
        ("foreign", "is not a file that vaehub placed", "not touched"),
        ("changed", "its bytes have changed", "not touched"),
        ("taken", "was installed as something else, and mine/tiny@", "uninstall that"),
    ],
)
def test_what_is_not_ours_to_replace(state: Found, said: str, hint: str, in_store: bool) -> None:
    with pytest.raises(FileInTheWay) as caught:
        plan(state, stored=list(DIGEST.values()) if in_store else [])
    assert said in caught.value.message
    assert str(FOLDER / "a.safetensors") in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("states", [("absent", "foreign"), ("intact", "changed")])
def test_one_file_in_the_way_of_a_pair_stops_both(states: tuple[Found, Found]) -> None:
    with pytest.raises(FileInTheWay, match=r"b\.safetensors"):
        plan(*states)


def test_a_pair_is_decided_file_by_file() -> None:
    made = plan("intact", "absent")
    assert [step.action for step in made.steps] == ["keep", "fetch"]
    assert [step.artifact.name for step in made.steps] == list(DIGEST)
    assert not made.nothing_to_do


@pytest.mark.parametrize("stored", [[], list(DIGEST.values())])
def test_bytes_without_a_known_hash_are_never_in_the_store(stored: list[str]) -> None:
    made = plan("absent", artifacts=(artifact(pinned=False),), stored=stored)
    assert made.steps[0].action == "fetch"


def test_require_pinned() -> None:
    assert plan("absent", require_pinned=True).steps[0].action == "fetch"
    unknown = (artifact("a.safetensors"), artifact("b.safetensors", pinned=False))
    with pytest.raises(NotPinned, match="tiny@safetensors") as caught:
        plan("absent", "absent", artifacts=unknown, require_pinned=True)
    assert "--require-pinned" in (caught.value.hint or "")
    # The policy is about the catalog, so it holds for what is there as well.
    with pytest.raises(NotPinned):
        plan("intact", "intact", artifacts=unknown, require_pinned=True)


@pytest.mark.parametrize(
    ("states", "sizes", "total"),
    [
        (("absent", "absent"), (10, 32), 42),
        (("absent", "intact"), (10, 32), 10),
        (("intact", "intact"), (10, 32), 0),
        (("absent", "outdated"), (10, None), None),
        (("absent", "intact"), (10, None), 10),
    ],
)
def test_the_size_of_the_download(
    states: tuple[Found, Found], sizes: tuple[int | None, int | None], total: int | None
) -> None:
    pair = tuple(artifact(name, size=size) for name, size in zip(DIGEST, sizes, strict=True))
    assert plan(*states, artifacts=pair).download_size == total


def test_what_the_store_holds_is_not_downloaded() -> None:
    assert plan("absent", stored=[DIGEST["a.safetensors"]]).download_size == 0


def test_a_plan_needs_no_disk() -> None:
    assert not FOLDER.exists()
    step = plan("absent").steps[0]
    assert step == Step(
        artifact(), "fetch", FOLDER / "a.safetensors", "not there yet", sources=(PLAIN, FREE)
    )
