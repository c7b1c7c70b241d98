"""``vaehub add`` and ``vaehub remove``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.test_completing import offered

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

NEXT = "next: `vaehub lock` says which bytes that means, and `vaehub sync` installs them\n"
WRITTEN = """\
# boxes
schema: 1
vaes:
  - locked   # behind terms
targets: {comfy: {ui: comfyui}}
"""


@pytest.fixture
def box(tmp_path: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "box"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def manifest(box: Path) -> Path:
    path = box / "vaehub.yaml"
    path.write_text(WRITTEN, encoding="utf-8")
    return path


def test_the_first_one_makes_the_manifest(run: Run, box: Path) -> None:
    ran = run("add", "house", "kl-f8-anime2")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "made vaehub.yaml\nadded house to vaehub.yaml\nadded kl-f8-anime2 to vaehub.yaml\n" + NEXT
    )
    text = (box / "vaehub.yaml").read_text(encoding="utf-8")
    assert text == "schema: 1\nvaes:\n  - house\n  - kl-f8-anime2\n"
    assert run("lock").code == 0


def test_add_and_remove_give_the_same_file_back(run: Run, manifest: Path) -> None:
    ran = run("add", "house", "--target", "comfy")
    assert ran.err == "added house (for comfy) to vaehub.yaml\n" + NEXT
    text = WRITTEN.replace("targets: {", "  - name: house\n    targets: [comfy]\ntargets: {")
    assert manifest.read_text(encoding="utf-8") == text
    ran = run("remove", "home")  # an alias
    assert (ran.code, ran.err) == (0, "took house (for comfy) out of vaehub.yaml\n" + NEXT)
    assert manifest.read_text(encoding="utf-8") == WRITTEN


def test_what_is_there_already_is_no_failure(run: Run, manifest: Path) -> None:
    ran = run("add", "mine/locked")
    assert (ran.code, ran.err) == (0, "locked is in vaehub.yaml already\n")
    assert manifest.read_text(encoding="utf-8") == WRITTEN
    (found,) = run("add", "locked", "--json").json["results"]
    assert found == {
        "manifest": "vaehub.yaml",
        "name": "locked",
        "targets": [],
        "status": "present",
        "changed": False,
        "entry": "mine/locked",
        "variant": "safetensors",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "house", "hous"), 4, "did you mean house"),
        (("add", "house", "--target", "x"), 2, "has no target 'x'; it has comfy"),
        (("remove", "locked", "house"), 4, "house is not in vaehub.yaml"),
        (("remove", "locke"), 4, "did you mean locked?"),
        (("add",), 2, ""),
        (("remove",), 2, ""),
    ],
)
def test_where_one_is_wrong_nothing_is_written(
    run: Run, manifest: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = run(*arguments)
    assert ran.code == code
    assert said in ran.err
    assert manifest.read_text(encoding="utf-8") == WRITTEN


def test_another_manifest(run: Run, manifest: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    assert run("add", "house", "--manifest", other).code == 0
    assert other.read_text(encoding="utf-8") == "schema: 1\nvaes:\n  - house\n"
    assert run("remove", "house", "--manifest", other).code == 0
    assert other.read_text(encoding="utf-8") == "schema: 1\nvaes: []\n"
    assert manifest.read_text(encoding="utf-8") == WRITTEN


def test_a_shell_offers_what_the_manifest_has(run: Run, manifest: Path) -> None:
    run("add", "house")
    assert offered("remove ") == ["locked", "house"]
    assert offered("add house --target ") == ["comfy"]
    assert "house" in offered("add ho")
    manifest.write_text("vaes: [", encoding="utf-8")
    assert offered("remove ") == offered("add x --target ") == []
