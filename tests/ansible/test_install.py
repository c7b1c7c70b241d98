"""The role installs vaehub into a virtual environment of its own, from wheels alone."""

from __future__ import annotations

import shutil
import sys
import tarfile
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.ansible import wheels
from tests.ansible.conftest import Mirrored, vae_tree
from tests.ansible.control import Control, Played, interpreter, needs_ansible
from tests.trees import snapshot

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_ansible

REMARK = "the same version, and other contents"


class Story(NamedTuple):
    """A host without vaehub, provisioned again and again."""

    host: Path
    mirrored: Mirrored
    rehearsed: Played
    after_rehearsal: dict[str, bytes | str]
    first: Played
    again: Played
    other: Played
    smoked: Played


@pytest.fixture(scope="module")
def story(control: Control, mirrored: Mirrored, tmp_path_factory: pytest.TempPathFactory) -> Story:
    base = tmp_path_factory.mktemp("install")
    host = base / "host"
    for name in ("comfy", "custom_nodes", "models/vae"):
        (host / "ComfyUI" / name).mkdir(parents=True)
    for name in ("main.py", "nodes.py", "folder_paths.py"):
        (host / "ComfyUI" / name).touch()
    other = wheels.build(base / "other", remark=REMARK)
    package = wheels.build(base / "wheels")
    assert package.name == other.name
    shutil.rmtree(base / "wheels" / "source")
    wheels.pack_dependencies(base / "wheels")
    (control.folder / "vaehub").mkdir()  # no package, though it has the name of one
    with tarfile.open(base / "wheels.tar", "w") as archive:
        archive.add(base / "wheels", arcname=".")
    variables = {
        "ansible_python_interpreter": interpreter(),
        "ansible_pipelining": True,
        "vaehub_home": str(host / "vaehub"),
        "vaehub_python": sys.executable,
        "vaehub_pip_args": ["--no-compile"],
        "vaehub_wheelhouse": str(base / "wheels.tar"),
        "vaehub_lock": str(mirrored.models.lock),
        "vaehub_to": [f"comfy={host / 'ComfyUI'}"],
        "vaehub_mirrors": [mirrored.address],
        "vaehub_store": str(host / "store"),
    }
    said = control.write("install.json", variables)

    def play(package: str | Path, *arguments: str) -> Played:
        return control.play(
            "vaehub.vaehub.fleet",
            *("-i", "localhost,", "-c", "local"),
            *("-e", f"@{said}", "-e", f"vaehub_package={package}", *arguments),
        )

    manifest = mirrored.models.folder / "vaehub.yaml"
    rehearsed = play("vaehub", "--check")
    after_rehearsal = snapshot(host)
    return Story(
        *(host, mirrored, rehearsed, after_rehearsal),
        *(play("vaehub"), play("vaehub"), play(other)),
        play(other, "-e", "vaehub_smoke=always", "-e", f"vaehub_manifest={manifest}"),
    )


def test_check_mode_says_that_vaehub_would_be_installed(story: Story) -> None:
    assert story.rehearsed.code == 0, story.rehearsed.output
    assert "would be installed into" in story.rehearsed.output
    assert story.rehearsed.recap("localhost")["changed"] > 0
    assert not [name for name in story.after_rehearsal if not name.startswith("ComfyUI")]


def test_the_first_run_installs_and_syncs(story: Story) -> None:
    assert story.first.code == 0, story.first.output
    assert vae_tree(story.host / "ComfyUI/models/vae") == story.mirrored.models.tree()
    assert "2 files are as the lock says; 2 of them are new, 0 were removed" in story.first.output


def test_the_second_run_changes_nothing(story: Story) -> None:
    assert story.again.code == 0, story.again.output
    assert story.again.recap("localhost")["changed"] == 0
    assert "2 files are as the lock says; 0 of them are new" in story.again.output


def test_a_wheel_of_the_same_version_with_other_contents_replaces_it(story: Story) -> None:
    assert story.other.code == 0, story.other.output
    assert story.other.recap("localhost")["changed"] > 0
    (module,) = (story.host / "vaehub/venv/lib").glob("python*/site-packages/vaehub/__init__.py")
    assert REMARK in module.read_text(encoding="utf-8")


def test_a_smoke_test_that_fails_fails_the_host(story: Story) -> None:
    """Of files that no UI could decode with; the manifest that came along is that of the lock."""
    assert story.smoked.code != 0
    assert story.smoked.recap("localhost")["failed"] == 1
    assert '"rc": 8' in story.smoked.output
    assert (story.host / "vaehub" / "vaehub.yaml").is_file()
