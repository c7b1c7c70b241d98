from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.catalog.samples import artifact, foreign, good, write
from vaehub.catalog import check_file
from vaehub.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path


def test_gives_the_problems_of_the_yaml(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("schema: 1\nschema: 1\n", encoding="utf-8")
    (problem,) = check_file(path)
    assert problem.code == "yaml"
    assert problem.where == f"{path}:2"


def test_a_file_that_is_not_there_is_no_list_of_problems(tmp_path: Path) -> None:
    with pytest.raises(CatalogError):
        check_file(tmp_path / "c.yaml")


def test_gives_the_rules_a_chance_only_after_the_schema(tmp_path: Path) -> None:
    data = good()
    artifact(data)["size"] = -1
    artifact(data)["sources"] = 7
    path = tmp_path / "c.yaml"
    path.write_text(write(data), encoding="utf-8")
    assert {problem.code for problem in check_file(path)} == {"schema-type", "schema-value"}


def test_judges_a_catalog_by_the_name_it_has(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    data = foreign()
    data["entries"]["first-vae"]["colour"] = "blue"
    path.write_text(write(data), encoding="utf-8")
    assert [problem.blocking for problem in check_file(path)] == [False]
    data["catalog"]["name"] = "vaehub"
    path.write_text(write(data), encoding="utf-8")
    assert [problem.blocking for problem in check_file(path)] == [True]


def test_lines_stay_right_behind_an_unknown_host(tmp_path: Path) -> None:
    data = foreign()
    artifact(data)["sources"].insert(0, {"torrent": {}})
    artifact(data)["sources"][1]["huggingface"]["gated"] = True
    path = tmp_path / "c.yaml"
    path.write_text(write(data), encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    line = next(i for i, row in enumerate(text.splitlines(), 1) if '"huggingface"' in row)
    found = {problem.code: problem.where for problem in check_file(path)}
    assert found["gated-accept"] == f"{path}:{line}"
    assert "unknown-host" in found
