"""Which VAE is advised for a family."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vaehub.insight.counsel import usual
from vaehub.weights.checkpoints import TABLE

if TYPE_CHECKING:
    from vaehub.model import Entry


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Entry, ...]:
    from vaehub.catalog import bundled_path
    from vaehub.catalog.compiled import load_file

    cache = tmp_path_factory.mktemp("cache")
    catalog, _ = load_file(bundled_path(), cache=cache, foreign=False)
    return tuple(catalog.entries.values())


@pytest.mark.parametrize("family", sorted({row.families[0] for row in TABLE}))
def test_every_model_of_the_table_has_one(family: str, entries: tuple[Entry, ...]) -> None:
    entry = usual(family, entries)
    assert entry is not None
    assert (entry.family, entry.slot) == (family, "vae")
    assert not entry.default.needs_login
    assert entry.smoke is None or entry.smoke.fp16 != "nan"


@pytest.mark.parametrize(
    ("family", "id_"),
    [
        ("sd1", "vae-ft-mse-840000"),
        ("sdxl", "sdxl-vae-fp16-fix"),
        ("flux1", "flux1-ae"),
        ("flux2", "flux2-vae"),
    ],
)
def test_it_is_the_one_that_most_people_take(
    family: str, id_: str, entries: tuple[Entry, ...]
) -> None:
    entry = usual(family, entries)
    assert entry is not None
    assert entry.id == id_


def test_curated_ones_come_first_and_unknown_families_have_none(
    entries: tuple[Entry, ...],
) -> None:
    first = usual("sd1", entries)
    assert first is not None
    mine = first._replace(catalog="mine", id="a", suits=first.suits * 9)
    assert usual("sd1", (mine, *entries)) == first
    assert usual("sd1", (mine,)) == mine
    assert usual("nobody's", entries) is None
