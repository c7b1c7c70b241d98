"""Build a wheel as an installer would, offline, and load the catalog from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from vaehub.catalog import bundled_path
from vaehub.catalog.read import read_file

if TYPE_CHECKING:
    from pathlib import Path

_LOAD = """
import sys
from pathlib import Path
from vaehub.catalog import bundled_path, load_catalogs
from vaehub.settings import Settings
here = Path(sys.argv[1])
catalogs = load_catalogs(Settings(store=here, state=here, cache=here / "cache"))
assert bundled_path().is_relative_to(here), bundled_path()
print(len(list(catalogs.entries())), catalogs.resolve("anything")[0].id)
print(sorted({"yaml", "jsonschema"} & set(sys.modules)), (here / "cache").exists())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from a copy of the checkout, so that nothing is written into it."""
    top = bundled_path().parent
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "hatch_build.py", "registry.yaml", "README.md", "LICENSE"):
        shutil.copy(top / name, source / name)
    (source / "docs").mkdir()
    shutil.copy(top / "docs" / "vaehub.1", source / "docs" / "vaehub.1")
    shutil.copytree(top / "vaehub", source / "vaehub", ignore=shutil.ignore_patterns("__pycache__"))
    before = sorted(source.rglob("*"))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(source / "dist")],
        cwd=source,
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    (built,) = (source / "dist").glob("*.whl")
    after = [path for path in sorted(source.rglob("*")) if "dist" not in path.parts[-2:]]
    assert [path for path in after if path != source / "dist"] == before
    return built


def test_holds_the_catalog_in_both_forms_and_nothing_of_ours_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {
        "vaehub/registry.yaml",
        "vaehub/registry.json",
        "vaehub/schema/registry-1.json",
        "vaehub/py.typed",
    } <= set(names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"vaehub"}
    assert zipfile.ZipFile(wheel).read("vaehub/registry.yaml") == bundled_path().read_bytes()


def test_brings_the_man_page_and_what_completes_in_shells(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"vaehub/cli/shells/vaehub.{shell}" for shell in ("bash", "zsh", "fish")} <= names
    (page,) = (name for name in names if name.endswith("data/share/man/man1/vaehub.1"))
    assert (
        zipfile.ZipFile(wheel).read(page)
        == (bundled_path().parent / "docs" / "vaehub.1").read_bytes()
    )


def test_loads_from_the_wheel_without_yaml(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    zipfile.ZipFile(wheel).extractall(site)
    # A file of that name which another package left there must not be taken for ours.
    (site / "registry.yaml").write_text("catalog: {name: vaehub}\n", encoding="utf-8")
    assert _run(site) == [_entries(), "[] False"]


def test_a_damaged_compiled_form_falls_back_to_the_yaml(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    zipfile.ZipFile(wheel).extractall(site)
    (site / "vaehub" / "registry.json").write_text('{"format": 1, "data"', encoding="utf-8")
    assert _run(site) == [_entries(), "['jsonschema', 'yaml'] True"]


def _entries() -> str:
    return f"{len(read_file(bundled_path()).data['entries'])} anything-v4.0"


def _run(site: Path) -> list[str]:
    finished = subprocess.run(
        [sys.executable, "-c", _LOAD, str(site)],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    )
    return finished.stdout.splitlines()
