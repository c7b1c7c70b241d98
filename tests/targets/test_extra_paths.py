"""The folders that a user of ComfyUI adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.targets.uis import COMFYUI, grow
from tests.trees import snapshot
from vaehub.model import Target
from vaehub.targets import layouts
from vaehub.targets.extra_paths import folders

OWN = Path("/ui/models/vae")


def read(text: str, folder: Path, key: str = "vae") -> list[str]:
    """Give what a YAML adds; paths relative to its folder where they lie in it."""
    file = folder / "extra_model_paths.yaml"
    file.write_text(text, encoding="utf-8")
    return [
        str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
        for path in folders(file, key, own=OWN)
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [str(OWN)]),
        ("a:\n  base_path: /data\n  vae: vae\n", [str(OWN), "/data/vae"]),
        ("a:\n  base_path: /data/\n  vae: ./vae/\n", [str(OWN), "/data/vae"]),
        ("a:\n  base_path: models\n  vae: vae\n", [str(OWN), "models/vae"]),
        ("a:\n  vae: vae\n", [str(OWN), "vae"]),
        ('a:\n  base_path: ""\n  vae: vae\n', [str(OWN), "vae"]),
        ("a:\n  base_path: /data/x\n  vae: ../vae\n", [str(OWN), "/data/vae"]),
        ("a:\n  base_path: /data\n  vae: /other/vae\n", [str(OWN), "/other/vae"]),
        ("a:\n  base_path: /d\n  vae: |\n    one\n\n    two\n", [str(OWN), "/d/one", "/d/two"]),
        ("a:\n  base_path: /d\n  vae: one\nb:\n  vae: /e\n", [str(OWN), "/d/one", "/e"]),
        ("a:\n  base_path: /d\n  is_default: true\n  vae: one\n", ["/d/one", str(OWN)]),
        ("a:\n  base_path: /d\n  is_default: false\n  vae: one\n", [str(OWN), "/d/one"]),
        (
            "a:\n  is_default: true\n  vae: /d\nb:\n  is_default: true\n  vae: /e\n",
            ["/e", "/d", str(OWN)],
        ),
        ("a:\n  vae: /d\nb:\n  is_default: true\n  vae: /d\n", ["/d", str(OWN)]),
        ("a:\n  is_default: true\n  vae: /d\nb:\n  vae: /d\n", ["/d", str(OWN)]),
        (f"a:\n  vae: {OWN}\n", [str(OWN)]),
        ("a:\n  base_path: /d\n  vae_approx: approx\n", [str(OWN)]),
        ("a:\n  base_path: /d\n  checkpoints: c\nb:\n", [str(OWN)]),
        ("# all of it is commented out\n", [str(OWN)]),
        ("a: {base_path: 7, vae: x}\nb: {vae: 7}\nc: [vae]\nd: vae\n", [str(OWN)]),
        ("a:\n  vae: [x, y]\n", [str(OWN)]),
        ("a: &anchor\n  vae: x\n", [str(OWN)]),
        ("a: [\n", [str(OWN)]),
        ('a:\n  vae: "x\\0y"\n', [str(OWN)]),
        ("- vae\n", [str(OWN)]),
    ],
)
def test_what_comfyui_reads(tmp_path: Path, text: str, found: list[str]) -> None:
    assert read(text, tmp_path) == found


def test_other_kinds_of_model(tmp_path: Path) -> None:
    text = "a:\n  base_path: /d\n  vae: v\n  vae_approx: w\n"
    assert read(text, tmp_path, "vae_approx") == [str(OWN), "/d/w"]


def test_home_and_variables(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELS", "/disk")
    text = "a:\n  base_path: ~/ui\n  vae: vae\nb:\n  base_path: $MODELS/x\n  vae: vae\n"
    assert read(text, tmp_path) == [str(OWN), f"{home}/ui/vae", "/disk/x/vae"]


def test_no_file_and_what_is_none(tmp_path: Path) -> None:
    assert folders(tmp_path / "none.yaml", "vae", own=OWN) == (OWN,)
    assert folders(tmp_path, "vae", own=OWN) == (OWN,)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe")
    assert folders(tmp_path / "bytes.yaml", "vae", own=OWN) == (OWN,)


@pytest.fixture
def comfyui(tmp_path: Path) -> Target:
    return Target("comfyui", grow(tmp_path / "ComfyUI", COMFYUI))


def extra(target: Target, text: str) -> None:
    (target.root / "extra_model_paths.yaml").write_text(text, encoding="utf-8")


def test_the_default_folder_is_installed_into_once_it_is_there(
    comfyui: Target, tmp_path: Path
) -> None:
    disk = tmp_path / "disk" / "vae"
    extra(comfyui, f"a:\n  base_path: {disk.parent}\n  is_default: true\n  vae: vae\n")
    layout = layouts()["comfyui"]
    own = comfyui.root / "models" / "vae"
    assert layout.folders(comfyui, "vae") == (disk, own)
    assert layout.folder(comfyui, "vae") == own, "a disk that is not mounted is not written to"
    disk.mkdir(parents=True)
    assert layout.folder(comfyui, "vae") == disk
    assert layout.folder(comfyui, "vae-approx") == comfyui.root / "models" / "vae_approx"


def test_a_further_folder_is_not_installed_into(comfyui: Target, tmp_path: Path) -> None:
    extra(comfyui, f"a:\n  vae: {tmp_path}\n")
    assert layouts()["comfyui"].folder(comfyui, "vae") == comfyui.root / "models" / "vae"


def test_a_name_in_another_folder_collides(comfyui: Target, tmp_path: Path) -> None:
    layout = layouts()["comfyui"]
    (tmp_path / "a.pt").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.pt").touch()
    extra(comfyui, f"a:\n  vae: {tmp_path}\n")
    assert layout.collision(comfyui, "vae", "a.pt") == tmp_path / "a.pt"
    assert layout.collision(comfyui, "vae", "b.pt") is None
    assert layout.collision(comfyui, "vae-approx", "a.pt") is None
    assert layout.listed_as(comfyui, "vae", tmp_path / "sub" / "b.pt") == str(Path("sub", "b.pt"))
    linked = comfyui.root / "models" / "vae"
    linked.rmdir()
    linked.symlink_to(tmp_path, target_is_directory=True)
    assert layout.collision(comfyui, "vae", "a.pt") is None, "it is the same file"


@pytest.mark.parametrize("default", ["true", "false"])
def test_a_folder_that_cannot_be_one(comfyui: Target, default: str) -> None:
    extra(comfyui, f"a:\n  is_default: {default}\n  vae: /{'x' * 5000}\n")
    layout = layouts()["comfyui"]
    assert layout.folder(comfyui, "vae") == comfyui.root / "models" / "vae"
    assert layout.collision(comfyui, "vae", "a.pt") is None


def test_a_name_in_another_folder_collides_before_the_first_is_made(
    comfyui: Target, tmp_path: Path
) -> None:
    (tmp_path / "a.pt").touch()
    extra(comfyui, f"a:\n  vae: {tmp_path}\n")
    (comfyui.root / "models" / "vae").rmdir()
    assert layouts()["comfyui"].collision(comfyui, "vae", "a.pt") == tmp_path / "a.pt"


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=20),
    st.sampled_from([".", "~", "x" * 5000]),
)
sections = st.dictionaries(
    st.sampled_from(["base_path", "is_default", "vae", "vae_approx", "x"]),
    st.one_of(scalars, st.lists(scalars, max_size=2)),
    max_size=4,
)


def into_a_tree(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    """Let a layout use a file, and see that nothing comes of it."""
    box = tmp_path_factory.mktemp("any")
    target = Target("comfyui", grow(box / "ui", COMFYUI))
    (target.root / "extra_model_paths.yaml").write_bytes(text)
    before = snapshot(box)
    layout = layouts()["comfyui"]
    own = target.root / "models" / "vae"
    assert own in layout.folders(target, "vae")
    folder = layout.folder(target, "vae")
    assert folder == own or folder.is_relative_to(target.root) or folder.is_dir()
    layout.collision(target, "vae", "a.pt")
    layout.listed_as(target, "vae", folder / "a.pt")
    assert snapshot(box) == before


@given(st.binary(max_size=200))
def test_no_bytes_make_it_crash(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    into_a_tree(tmp_path_factory, text)


@given(st.dictionaries(st.text(max_size=5), st.one_of(sections, scalars), max_size=4))
def test_no_sections_make_it_crash(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    import yaml

    into_a_tree(tmp_path_factory, yaml.safe_dump(document, allow_unicode=True).encode("utf-8"))
