"""One run over targets and the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.doctor.uis import Ui, vae
from vaehub import api, settings
from vaehub.catalog import Catalogs
from vaehub.errors import Drift, TargetError

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.doctor.report import Diagnosis


def diagnose(*to: Path | str, environ: dict[str, str] | None = None) -> Diagnosis:
    own = settings.load({"VAEHUB_OFFLINE": "1", **(environ or {})})
    return api.doctor(to or None, settings=own, catalogs=Catalogs(()))


def codes(found: Diagnosis) -> list[str]:
    return [problem.code for problem in found.problems]


def test_several_targets_one_after_the_other(tmp_path: Path) -> None:
    one, two = Ui(tmp_path / "one"), Ui(tmp_path / "two", "comfyui")
    vae(one.folder() / "house.sft")
    vae(two.folder() / "house.sft")
    found = diagnose(one.root, two.root)
    assert [(one.target.layout, one.ok) for one in found.targets] == [
        ("automatic1111", False),
        ("comfyui", True),
    ]
    assert codes(found) == ["not-listed"]
    assert found.exit_code == Drift.exit_code
    assert diagnose(two.root).exit_code == 0


def test_a_target_that_is_none_stops_no_other(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    ui = Ui(tmp_path / "ui")
    vae(ui.folder() / "house.sft")
    found = diagnose(file, ui.root)
    assert codes(found) == ["target-not-usable", "not-listed"]
    assert (found.problems[0].where, bool(found.problems[0].hint)) == (str(file), True)
    assert len(found.targets) == 1
    assert found.exit_code == TargetError.exit_code


def test_without_a_word_it_is_where_an_install_would_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ui = Ui(tmp_path)
    monkeypatch.chdir(ui.folder())
    assert diagnose().targets[0].target == ui.target
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    found = diagnose()
    assert found.targets[0].target.root == empty / "models" / "VAE"
    assert codes(found) == []  # nobody named it


def test_without_a_word_it_is_also_all_that_have_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, one, two = (Ui(tmp_path / name) for name in ("here", "one", "two"))
    config = tmp_path / "config.toml"
    config.write_text(
        "".join(
            f'[targets.{name}]\npath = "{ui.root}"\n' for name, ui in (("one", one), ("two", two))
        )
    )
    environ = {"VAEHUB_CONFIG": str(config)}

    def roots(**more: str) -> list[Path]:
        return [each.target.root for each in diagnose(environ={**environ, **more}).targets]

    monkeypatch.chdir(here.root)
    assert roots() == [here.root, one.root, two.root]
    assert roots(VAEHUB_TO="two") == [two.root, one.root]
    monkeypatch.chdir(tmp_path)
    assert roots() == [one.root, two.root]


@pytest.mark.parametrize("said", ["to", "environment", "configuration"])
def test_a_folder_that_somebody_named_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    gone = tmp_path / "gone"
    if said == "to":
        found = diagnose(gone)
    elif said == "environment":
        found = diagnose(environ={"VAEHUB_TO": str(gone)})
    else:
        config = tmp_path / "config.toml"
        config.write_text(f'target = "{gone}"\n')
        found = diagnose(environ={"VAEHUB_CONFIG": str(config)})
    assert codes(found) == ["folder-missing"]
    assert found.exit_code == TargetError.exit_code
