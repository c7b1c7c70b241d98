"""The folders that a user of SwarmUI has set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.targets.standins import swarmui
from tests.targets.uis import SWARMUI, grow
from tests.trees import snapshot
from vaehub.model import Target
from vaehub.targets import layouts

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.targets import Layout


@pytest.fixture
def swarm(tmp_path: Path) -> Target:
    return Target("swarmui", grow(tmp_path / "SwarmUI", SWARMUI))


@pytest.fixture
def layout() -> Layout:
    return layouts()["swarmui"]


def settings(target: Target, text: str) -> None:
    (target.root / "Data" / "Settings.fds").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["Models/VAE"]),
        ("Paths:\n    SDVAEFolder: vae\n", ["Models/vae"]),
        ("Paths:\n\tSDVAEFolder: VAE;vae\n", ["Models/VAE", "Models/vae"]),
        ("Paths:\n\tModelRoot: Models;More\n", ["Models/VAE", "More/VAE"]),
        ("Paths:\n\tModelRoot: A;B\n\tSDVAEFolder: x;y\n", ["A/x", "A/y", "B/x", "B/y"]),
        ("Paths:\n\tModelRoot: A;B\n\tSDVAEFolder: /data/vae\n", ["/data/vae"]),
        ("Paths:\n\tModelRoot: /data/models\n", ["/data/models/VAE"]),
        ("#Paths: x\nPaths:\n\t#SDVAEFolder: x\n\tSDVAEFolder: y\n", ["Models/y"]),
        ("Other:\n\tSDVAEFolder: x\nPaths:\n\tSDLoraFolder: y\n", ["Models/VAE"]),
        ("Paths:\n\tSDVAEFolder: a\nOther:\n\tSDVAEFolder: b\n", ["Models/a"]),
        ("Paths:\n# a note: with a colon\n\tSDVAEFolder: x\n", ["Models/x"]),
        ("SDVAEFolder: x\n", ["Models/VAE"]),
        ("Paths:\n\tSDVAEFolder:\n", ["Models/VAE"]),
        ("Paths:\n\tSDVAEFolder: D:\\\\x\n", ["Models/VAE"]),
        ("Paths:\n\tSDVAEFolder: a\0b\n", ["Models/VAE"]),
        ("\ufeffPaths:\n\tSDVAEFolder: z\n", ["Models/z"]),
    ],
)
def test_what_swarmui_reads(swarm: Target, layout: Layout, text: str, found: list[str]) -> None:
    settings(swarm, text)
    folders = layout.folders(swarm, "vae")
    assert folders == tuple(swarm.root / name for name in found)


def test_it_is_what_the_stand_in_reads(swarm: Target, layout: Layout) -> None:
    settings(swarm, "Paths:\n    ModelRoot: Models;/data\n    SDVAEFolder: VAE;/abs;vae\n")
    theirs = dict.fromkeys(swarmui.folders(swarm.root))
    assert layout.folders(swarm, "vae") == tuple(theirs)


def test_the_first_folder_that_is_there_is_installed_into(
    swarm: Target, layout: Layout, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    settings(swarm, "Paths:\n\tSDVAEFolder: vae\n")
    assert layout.folder(swarm, "vae") == swarm.root / "Models" / "vae", "below the root it is made"
    settings(swarm, f"Paths:\n\tSDVAEFolder: {disk};VAE\n")
    own = swarm.root / "Models" / "VAE"
    assert layout.folder(swarm, "vae") == own
    disk.mkdir()
    assert layout.folder(swarm, "vae") == disk
    (own / "a.pt").touch()
    assert layout.collision(swarm, "vae", "a.pt") == own / "a.pt"
    assert layout.listed_as(swarm, "vae", disk / "a.safetensors") == "a"


def test_what_swarmui_does_not_list_has_no_name(
    swarm: Target, layout: Layout, tmp_path: Path
) -> None:
    settings(swarm, f"Paths:\n\tSDVAEFolder: {tmp_path / 'unmounted'}\n")
    folder = layout.folder(swarm, "vae")
    assert folder == swarm.root / "Models" / "VAE"
    assert layout.listed_as(swarm, "vae", folder / "a.safetensors") is None


@given(st.binary(max_size=100), st.text(max_size=30), st.text(max_size=30))
def test_no_settings_make_it_crash(
    tmp_path_factory: pytest.TempPathFactory, bytes_: bytes, base: str, name: str
) -> None:
    box = tmp_path_factory.mktemp("any")
    target = Target("swarmui", grow(box / "ui", SWARMUI))
    text = f"Paths:\n\tModelRoot: {base}\n\tSDVAEFolder: {name}\n".encode("utf-8", "surrogatepass")
    (target.root / "Data" / "Settings.fds").write_bytes(text + bytes_)
    before = snapshot(box)
    layout = layouts()["swarmui"]
    folder = layout.folder(target, "vae")
    assert folder.is_relative_to(target.root) or folder.is_dir()
    layout.collision(target, "vae", "a.pt")
    layout.listed_as(target, "vae", folder / "a.pt")
    assert snapshot(box) == before
