from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.samples import foreign, good, write
from vaehub.catalog import Catalogs, load_catalogs
from vaehub.catalog.parse import parse
from vaehub.errors import CatalogError, EntryAmbiguous, EntryNotFound, NamingError, VariantNotFound
from vaehub.settings import CatalogFile, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def make_settings(tmp_path: Path, *files: CatalogFile) -> Settings:
    return Settings(
        store=tmp_path / "store",
        state=tmp_path / "state",
        cache=tmp_path / "cache",
        catalogs=files,
    )


@pytest.fixture
def layer(tmp_path: Path) -> Callable[..., CatalogFile]:
    """Write a catalog file and give what the settings say of it."""

    def make(
        data: dict[str, Any], file_name: str = "mine.yaml", name: str | None = None
    ) -> CatalogFile:
        path = tmp_path / file_name
        path.write_text(write(data), encoding="utf-8")
        return CatalogFile(path=path, name=name)

    return make


def both() -> Catalogs:
    """Hold the sample as the curated catalog and a user's with one id in common."""
    other = foreign()
    other["entries"]["third-vae"] = other["entries"].pop("second-vae")
    return Catalogs(
        (
            parse(good(), origin="registry.yaml", sha256="0"),
            parse(other, origin="mine.yaml", sha256="1"),
        )
    )


def curated() -> Catalogs:
    return Catalogs(both().catalogs[:1])


@pytest.mark.parametrize(
    ("name", "entry", "variant"),
    [
        ("first-vae", "first-vae", "safetensors"),
        ("First-VAE", "first-vae", "safetensors"),
        (" one ", "first-vae", "safetensors"),
        ("first-vae@ckpt", "first-vae", "ckpt"),
        ("ONE@CKPT", "first-vae", "ckpt"),
        ("vaehub/first-vae", "first-vae", "safetensors"),
        ("vaehub/one@ckpt", "first-vae", "ckpt"),
        ("first.ckpt", "first-vae", "ckpt"),
        ("Odd Name.safetensors", "first-vae", "safetensors"),
        ("second.safetensors", "second-vae", "safetensors"),
    ],
)
def test_resolves(name: str, entry: str, variant: str) -> None:
    found, form = curated().resolve(name)
    assert (found.id, form.name) == (entry, variant)


def test_names_the_full_names_where_two_catalogs_share_one() -> None:
    with pytest.raises(EntryAmbiguous) as caught:
        both().resolve("first-vae")
    assert "vaehub/first-vae, mine/first-vae" in caught.value.message
    assert both().resolve("mine/first-vae")[0].catalog == "mine"
    assert both().resolve("vaehub/first")[0].catalog == "vaehub"
    assert both().resolve("third-vae")[0].catalog == "mine"


def test_a_foreign_alias_does_not_take_over_a_curated_id() -> None:
    data = foreign()
    entry = data["entries"]["first-vae"]
    data["entries"] = {"another": {**entry, "aliases": ["second-vae"]}}
    layers = Catalogs((*curated().catalogs, parse(data, origin="mine.yaml", sha256="1")))
    with pytest.raises(EntryAmbiguous, match="vaehub/second-vae, mine/another"):
        layers.resolve("second-vae")


def test_a_file_name_of_two_variants_is_ambiguous() -> None:
    with pytest.raises(EntryAmbiguous) as caught:
        both().resolve("first.ckpt")
    assert "vaehub/first-vae@ckpt, mine/first-vae@ckpt" in caught.value.message


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("frist-vae", "did you mean first-vae?"),
        ("vaehub/frist-vae", "did you mean vaehub/first-vae"),
        ("acme/first-vae", "no catalog is called 'acme'; there is vaehub"),
        ("xyzzy", "no VAE is called 'xyzzy'"),
        ("", "no VAE is called ''"),
    ],
)
def test_says_what_might_have_been_meant(name: str, words: str) -> None:
    with pytest.raises(EntryNotFound) as caught:
        curated().resolve(name)
    assert words in caught.value.message
    assert caught.value.hint


def test_names_the_variants_there_are() -> None:
    with pytest.raises(VariantNotFound, match="it has safetensors, ckpt"):
        curated().resolve("one@v9")


@given(st.text(max_size=20) | st.text("first-vae/@one.ckpt", max_size=12))
def test_any_name_resolves_or_is_a_name_error(name: str) -> None:
    try:
        entry, variant = both().resolve(name)
    except NamingError:
        return
    assert variant in entry.variants


def test_gives_curated_entries_first() -> None:
    names = [entry.full_name for entry in both().entries()]
    assert names == ["vaehub/first-vae", "vaehub/second-vae", "mine/first-vae", "mine/third-vae"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("first", ["first-vae"]),
        ("VAE", ["first-vae", "second-vae"]),
        ("通用", ["first-vae"]),
        ("sdxl", ["second-vae"]),
        ("second tiny", ["second-vae"]),
        ("first tiny", []),
        ("a" * 10, ["first-vae"]),
        ("0123abcd", ["first-vae"]),
        ("aaaa", []),
        ("", []),
        ("  ", []),
    ],
)
def test_searches_all_words_in_names_texts_and_digests(text: str, found: list[str]) -> None:
    assert [entry.id for entry in curated().search(text)] == found


def test_search_puts_the_closest_name_first() -> None:
    data = good()
    data["entries"]["a-vae"] = {
        **data["entries"]["second-vae"],
        "title": "Goes with the second",
    }
    layers = Catalogs((parse(data, origin="", sha256=""),))
    assert [entry.id for entry in layers.search("second")] == ["second-vae", "a-vae"]


def test_filters_by_family_and_tag() -> None:
    assert [entry.id for entry in curated().filter(family="SDXL")] == ["second-vae"]
    assert [entry.id for entry in curated().filter(tag="General")] == ["first-vae"]
    assert curated().filter(family="sd1", tag="tiny") == []
    assert len(curated().filter()) == 2


def test_gives_the_names_of_the_files_of_a_slot() -> None:
    assert curated().file_names("vae") == {"first.safetensors", "first.ckpt", "second.safetensors"}
    assert curated().file_names("vae-approx") == set()
    data = good()
    data["entries"]["second-vae"]["slot"] = "vae-approx"
    data["entries"]["first-vae"]["variants"]["ckpt"]["artifacts"][0]["name"] = "First.ckpt"
    layers = Catalogs((parse(data, origin="", sha256=""),))
    assert layers.file_names("vae") == {"first.safetensors", "first.ckpt"}
    assert layers.file_names("vae-approx") == {"second.safetensors"}


def test_loads_the_curated_catalog_and_the_users(
    tmp_path: Path, layer: Callable[..., CatalogFile]
) -> None:
    settings = make_settings(
        tmp_path,
        layer(foreign()),
        layer(foreign("b"), "b.yaml"),
        layer(foreign("c"), "c.yaml", "d"),
    )
    catalogs = load_catalogs(settings)
    assert [catalog.name for catalog in catalogs.catalogs] == ["vaehub", "mine", "b", "d"]
    assert catalogs.resolve("d/first-vae")[0].full_name == "d/first-vae"
    assert catalogs.problems == ()


def test_a_file_named_twice_counts_once(tmp_path: Path, layer: Callable[..., CatalogFile]) -> None:
    file = layer(foreign())
    catalogs = load_catalogs(make_settings(tmp_path, file, file))
    assert [catalog.name for catalog in catalogs.catalogs] == ["vaehub", "mine"]


def test_no_other_catalog_may_have_the_curated_name(
    tmp_path: Path, layer: Callable[..., CatalogFile]
) -> None:
    for file in (layer(good()), layer(foreign(), "b.yaml", name="vaehub")):
        with pytest.raises(CatalogError, match="only the curated catalog"):
            load_catalogs(make_settings(tmp_path, file))
    catalogs = load_catalogs(make_settings(tmp_path, layer(good(), name="fork")))
    assert catalogs.catalogs[1].name == "fork"


def test_a_name_from_the_configuration_must_be_one_that_can_be_typed(
    tmp_path: Path, layer: Callable[..., CatalogFile]
) -> None:
    with pytest.raises(CatalogError, match="'My/VAEs' is no name for a catalog"):
        load_catalogs(make_settings(tmp_path, layer(foreign(), name="My/VAEs")))


def test_two_catalogs_of_one_name_are_an_error(
    tmp_path: Path, layer: Callable[..., CatalogFile]
) -> None:
    settings = make_settings(tmp_path, layer(foreign()), layer(foreign(), "other.yaml"))
    with pytest.raises(CatalogError, match=r"mine\.yaml and .*other\.yaml"):
        load_catalogs(settings)


def test_a_missing_catalog_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        load_catalogs(make_settings(tmp_path, CatalogFile(path=tmp_path / "none.yaml")))
    assert "VAEHUB_CATALOG" in (caught.value.hint or "")


def test_a_wrong_catalog_is_an_error_with_file_and_line(
    tmp_path: Path, layer: Callable[..., CatalogFile]
) -> None:
    data = foreign()
    data["entries"]["second-vae"]["aliases"] = ["first", "one"]
    file = layer(data)
    with pytest.raises(CatalogError) as caught:
        load_catalogs(make_settings(tmp_path, file))
    assert caught.value.message.startswith(f"{file.path}:")
    assert caught.value.message.endswith("(and 1 more)")
    assert len(caught.value.problems) == 2


def test_what_is_unknown_in_a_foreign_catalog_is_told_and_left_out(
    tmp_path: Path, layer: Callable[..., CatalogFile]
) -> None:
    data = foreign()
    second = data["entries"]["second-vae"]["variants"]["safetensors"]["artifacts"][0]
    second["sources"].append({"torrent": {"magnet": "x"}})
    data["entries"]["first-vae"]["rating"] = 5
    settings = make_settings(tmp_path, layer(data))
    for _ in range(2):  # the second time from the cache
        catalogs = load_catalogs(settings)
        assert [problem.code for problem in catalogs.problems] == ["unknown-field", "unknown-host"]
        assert all(str(problem.where).startswith(f"{tmp_path}") for problem in catalogs.problems)
        _, variant = catalogs.resolve("mine/second-vae")
        assert [source.host for source in variant.artifacts[0].sources] == ["huggingface"]
