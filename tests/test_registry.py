"""The curated catalog itself."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import pytest

from vaehub.catalog import Catalogs, bundled_path, check_file, format_text, load_catalogs
from vaehub.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

FOUNDING = (
    "vae-ft-mse-840000",
    "vae-ft-ema-560000",
    "clearvae",
    "kl-f8-anime2",
    "anything-v4.0",
)


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory: pytest.TempPathFactory) -> Catalogs:
    here: Path = tmp_path_factory.mktemp("catalogs")
    return load_catalogs(Settings(store=here, state=here, cache=here))


def test_has_no_blocking_problem() -> None:
    blocking = [problem for problem in check_file(bundled_path()) if problem.blocking]
    assert blocking == []


def test_is_in_canonical_form() -> None:
    text = bundled_path().read_text(encoding="utf-8")
    change = difflib.unified_diff(text.splitlines(), format_text(text).splitlines(), lineterm="")
    assert "\n".join(change) == ""


def test_begins_with_the_line_that_editors_read() -> None:
    text = bundled_path().read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=vaehub/schema/registry-1.json\n")
    schema = bundled_path().parent / "vaehub" / "schema" / "registry-1.json"
    assert schema.is_file()


def test_has_at_least_55_entries_with_a_known_file_each(catalogs: Catalogs) -> None:
    entries = list(catalogs.entries())
    assert len(entries) >= 55
    pinned = [
        entry
        for entry in entries
        if any(artifact.sha256 for form in entry.variants for artifact in form.artifacts)
    ]
    assert len(pinned) >= 55


@pytest.mark.parametrize("id", FOUNDING)
def test_a_founding_entry_is_pinned_and_has_two_sources(catalogs: Catalogs, id: str) -> None:
    entry, variant = catalogs.resolve(id)
    assert entry.id == id
    assert variant.pinned
    for artifact in variant.artifacts:
        assert len(artifact.sources) >= 2
        assert artifact.size
    assert entry.summary["en"]
    assert entry.summary["zh"]
    assert any("\u4e00" <= character <= "\u9fff" for character in entry.summary["zh"])


@pytest.mark.parametrize("alias", ["anything", "orangemix", "animevae", "AnimeVAE"])
def test_one_file_goes_by_many_names(catalogs: Catalogs, alias: str) -> None:
    assert catalogs.resolve(alias)[0].id == "anything-v4.0"


def test_clearvae_means_version_2_3(catalogs: Catalogs) -> None:
    assert catalogs.resolve("clearvae")[1].name == "v2.3"
    assert len(catalogs.resolve("clearvae")[0].variants) > 1


def test_a_default_needs_no_login_where_some_variant_needs_none(catalogs: Catalogs) -> None:
    for entry in catalogs.entries():
        if any(not variant.needs_login for variant in entry.variants):
            assert not entry.default.needs_login, entry.id


def test_every_full_name_and_alias_resolves_to_its_entry(catalogs: Catalogs) -> None:
    for entry in catalogs.entries():
        for name in (entry.full_name, entry.id, *entry.aliases):
            assert catalogs.resolve(name) == (entry, entry.default)


def test_civitai_and_liblib_always_want_a_login(catalogs: Catalogs) -> None:
    for entry in catalogs.entries():
        for variant in entry.variants:
            for artifact in variant.artifacts:
                for source in artifact.sources:
                    if source.host in {"civitai", "liblib"}:
                        assert source.login, artifact.name
