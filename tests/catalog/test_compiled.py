from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.catalog.samples import artifact, foreign, write
from vaehub.catalog import bundled_path
from vaehub.catalog.compiled import FORMAT, load_file, pack
from vaehub.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.model import Catalog


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(write(foreign()), encoding="utf-8")
    return path


def load(path: Path, cache: Path) -> Catalog:
    catalog, problems = load_file(path, cache=cache, foreign=True)
    assert problems == ()
    return catalog


def cached_files(cache: Path) -> list[Path]:
    return sorted((cache / "catalogs").iterdir())


def test_the_cache_gives_what_the_file_gives(mine: Path, tmp_path: Path) -> None:
    first = load(mine, tmp_path / "cache")
    (file,) = cached_files(tmp_path / "cache")
    stamp = file.stat().st_mtime_ns
    assert load(mine, tmp_path / "cache") == first
    assert file.stat().st_mtime_ns == stamp
    assert first.entries["first-vae"].default.artifacts[0].size == 1000


def test_a_changed_file_is_read_again(mine: Path, tmp_path: Path) -> None:
    load(mine, tmp_path / "cache")
    data = foreign()
    artifact(data)["size"] = 2000
    mine.write_text(write(data), encoding="utf-8")
    assert load(mine, tmp_path / "cache").entries["first-vae"].default.size == 2000


def test_a_wrong_file_is_never_cached(mine: Path, tmp_path: Path) -> None:
    mine.write_text("schema: 1\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(CatalogError, match="lacks"):
            load(mine, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_catalog_checked_as_foreign_is_not_taken_for_curated(mine: Path, tmp_path: Path) -> None:
    data = foreign()
    data["entries"]["first-vae"]["rating"] = 5
    mine.write_text(write(data), encoding="utf-8")
    load_file(mine, cache=tmp_path / "cache", foreign=True)
    with pytest.raises(CatalogError, match="unknown field"):
        load_file(mine, cache=tmp_path / "cache", foreign=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(position=st.integers(0, 5000), flip=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_cache_is_ignored(
    mine: Path, tmp_path: Path, position: int, flip: int, cut: bool
) -> None:
    expected = load(mine, tmp_path / "cache")
    (file,) = cached_files(tmp_path / "cache")
    content = bytearray(file.read_bytes())
    position %= len(content)
    content[position] ^= flip
    file.write_bytes(content[:position] if cut else content)
    assert load(mine, tmp_path / "cache") == expected


def test_a_cache_that_cannot_be_written_costs_nothing_else(mine: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("in the way", encoding="utf-8")
    assert load(mine, blocked).name == "mine"
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert load(mine, locked).name == "mine"
    assert blocked.read_text(encoding="utf-8") == "in the way"


def test_who_only_looks_reads_the_cache_and_writes_none(mine: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    catalog, problems = load_file(mine, cache=cache, foreign=True, keep=False)
    assert not cache.exists()
    assert (load(mine, cache), ()) == (catalog, problems)
    assert len(cached_files(cache)) == 1
    mine.unlink()
    mine.write_text(write(foreign()), encoding="utf-8")
    assert load_file(mine, cache=cache, foreign=True, keep=False)[0] == catalog


def test_the_cache_does_not_grow_for_ever(mine: Path, tmp_path: Path) -> None:
    for size in range(1, 31):
        data = foreign()
        artifact(data)["size"] = size
        mine.write_text(write(data), encoding="utf-8")
        load(mine, tmp_path / "cache")
    files = cached_files(tmp_path / "cache")
    assert len(files) == 20
    assert not [file for file in files if file.name.startswith(".new-")]


def test_the_compiled_form_says_which_format_it_has() -> None:
    compiled = json.loads(pack(foreign(), sha256="0"))
    assert compiled["format"] == FORMAT
    assert compiled["data"] == foreign()


def test_in_a_checkout_the_registry_at_the_top_is_the_curated_one() -> None:
    assert bundled_path().name == "registry.yaml"
    assert (bundled_path().parent / "pyproject.toml").is_file()


def test_a_second_start_imports_neither_yaml_nor_jsonschema(tmp_path: Path) -> None:
    """The first process fills the cache; the second must do with it."""
    code = (
        "import sys; from pathlib import Path\n"
        "from vaehub.catalog import load_catalogs\n"
        "from vaehub.settings import Settings\n"
        f"here = Path({str(tmp_path)!r})\n"
        "catalogs = load_catalogs(Settings(store=here, state=here, cache=here))\n"
        "catalogs.resolve('anything')\n"
        "print(sorted({'yaml', 'jsonschema', 'requests', 'rich'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(bundled_path().parent)}
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            cwd=tmp_path,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert outputs[1] == "[]"
    assert "yaml" in outputs[0]
