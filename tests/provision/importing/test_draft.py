from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.provision.importing import samples
from tests.provision.importing.desk import Desk
from tests.provision.importing.samples import BARN, GARDEN, HALF, HOUSE
from tests.targets import uis
from vaehub.provision import manifest
from vaehub.provision.importing.draft import Draft, draft

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.provision.manifest import Manifest


def before(desk: Desk, text: str) -> Manifest:
    return manifest.parse(text.encode(), path=desk.here / "vaehub.yaml")


def drafted(
    desk: Desk,
    *,
    folders: tuple[str, ...] = (),
    workflows: tuple[str, ...] = (),
    there: str | None = None,
    beside: Path | None = None,
) -> Draft:
    return draft(
        desk.gather(folders=folders, workflows=workflows),
        desk.catalogs,
        before=before(desk, there) if there is not None else None,
        beside=beside or desk.here,
        cwd=desk.here,
    )


def test_each_line_says_what_where_and_from_where(desk: Desk) -> None:
    desk.file("heap/a.safetensors", HOUSE)
    desk.file("heap/b.ckpt", GARDEN)
    desk.file("heap/c.safetensors", BARN)
    desk.file("heap/d.safetensors", BARN)
    made = drafted(desk, folders=("heap",))

    assert made.text() == (
        "schema: 1\n"
        "\n"
        "vaes:\n"
        "  - barn  # from heap/c.safetensors, and 1 more\n"
        "  - house  # from heap/a.safetensors\n"
        "  - house@ckpt  # from heap/b.ckpt\n"
    )
    read = before(desk, made.text())
    assert [wanted.name for wanted in read.vaes] == ["barn", "house", "house@ckpt"]


def test_a_ui_becomes_a_target(desk: Desk) -> None:
    desk.ui("my UI", uis.COMFYUI)
    desk.file("my UI/models/vae/a.safetensors", HOUSE)
    made = drafted(desk, folders=("my UI",))

    assert made.text() == (
        "schema: 1\n"
        "\n"
        "vaes:\n"
        "  - house  # from my UI/models/vae/a.safetensors\n"
        "\n"
        "targets:\n"
        "  comfyui:\n"
        "    ui: comfyui\n"
        "    path: my UI\n"
    )
    assert before(desk, made.text()).targets["comfyui"].path == "my UI"


def test_a_path_is_quoted_where_it_must_be(desk: Desk) -> None:
    desk.ui("#1: yes", uis.COMFYUI)
    desk.file("#1: yes/models/vae/a.safetensors", HOUSE)
    made = drafted(desk, folders=("#1: yes",))

    assert before(desk, made.text()).targets["comfyui"].path == "#1: yes"


def test_a_vae_is_for_the_uis_that_have_it(desk: Desk) -> None:
    for name in ("one", "two"):
        desk.ui(name, uis.COMFYUI)
        desk.file(f"{name}/models/vae/a.safetensors", HOUSE)
    desk.file("two/models/vae/b.safetensors", BARN)
    made = drafted(desk, folders=("one", "two"))

    assert {one.name: one.targets for one in made.lines} == {"barn": ("comfyui-2",), "house": ()}
    assert {name: one.path for name, one in made.targets.items()} == {
        "comfyui": "one",
        "comfyui-2": "two",
    }
    assert "  - name: barn  # from two" in made.text()
    assert before(desk, made.text()).vaes[0].targets == ("comfyui-2",)
    # What a workflow names as well is for all.
    name = desk.workflow("barn.safetensors")
    made = drafted(desk, folders=("one", "two"), workflows=(name,))
    assert {one.name: one.targets for one in made.lines} == {"barn": (), "house": ()}


def test_what_is_there_is_not_said_again(desk: Desk) -> None:
    desk.ui("ui", uis.COMFYUI)
    desk.file("ui/models/vae/a.safetensors", HOUSE)
    desk.file("ui/models/vae/b.safetensors", BARN)
    there = (
        "schema: 1\n"
        "vaes: [vaehub/house@safetensors, nobody-knows-it]\n"
        "targets:\n"
        "  mine: {ui: comfyui, path: ../here/ui}\n"
    )
    made = drafted(desk, folders=("ui",), there=there)

    assert [one.name for one in made.lines] == ["barn"]
    assert made.lines[0].targets == ()
    assert made.targets == {}


def test_a_name_that_another_target_has_is_passed_by(desk: Desk) -> None:
    desk.ui("ui", uis.COMFYUI)
    desk.file("ui/models/vae/a.safetensors", HOUSE)
    there = "schema: 1\nvaes: []\ntargets: {comfyui: {ui: comfyui, path: elsewhere}}\n"
    made = drafted(desk, folders=("ui",), there=there)

    assert list(made.targets) == ["comfyui-2"]
    assert made.lines[0].targets == ("comfyui-2",)


def test_paths_are_relative_to_the_manifest_where_they_were_relative(desk: Desk) -> None:
    root = desk.ui("ui", uis.COMFYUI)
    desk.file("ui/models/vae/a.safetensors", HOUSE)
    beside = desk.here / "deploy" / "boxes"

    made = drafted(desk, folders=("ui",), beside=beside)
    assert made.targets["comfyui"].path == "../../ui"
    made = drafted(desk, folders=(str(root),), beside=beside)
    assert made.targets["comfyui"].path == str(root)


def test_what_a_target_would_not_load_does_not_go_in(desk: Desk) -> None:
    desk.ui("webui", uis.AUTOMATIC1111)
    desk.file("webui/models/VAE/a.safetensors", HALF)
    desk.file("webui/models/VAE/b.safetensors", BARN)
    made = drafted(desk, folders=("webui",))

    assert [one.name for one in made.lines] == ["barn"]
    ((item, why),) = made.refused
    assert item.file == "a.safetensors"
    assert "AUTOMATIC1111 does not list" in why


def test_of_several_targets_those_count_that_take_it(desk: Desk) -> None:
    desk.ui("webui", uis.AUTOMATIC1111)
    desk.ui("ComfyUI", uis.COMFYUI)
    desk.file("webui/models/VAE/b.safetensors", BARN)
    name = desk.workflow("taesd")
    made = drafted(desk, folders=("webui", "ComfyUI"), workflows=(name,))

    assert {one.name: one.targets for one in made.lines} == {
        "barn": ("automatic1111",),
        "taesd": ("comfyui",),
    }


def test_what_the_policy_forbids_does_not_go_in(desk: Desk) -> None:
    desk.file("heap/b.ckpt", GARDEN)
    desk.file("heap/c.safetensors", BARN)
    there = "schema: 1\nvaes: []\npolicy: {pickles: deny}\n"
    made = drafted(desk, folders=("heap",), there=there)

    assert [one.name for one in made.lines] == ["barn"]
    ((item, why),) = made.refused
    assert item.file == "b.ckpt"
    assert "pickle" in why


def test_what_is_not_curated_is_called_by_its_full_name(tmp_path: Path) -> None:
    desk = Desk(tmp_path, foreign=True)
    desk.file("heap/shed.safetensors", b"x" * 77)
    desk.file("heap/house.safetensors", HOUSE)

    assert [one.name for one in drafted(desk, folders=("heap",)).lines] == ["acme/shed", "house"]


@pytest.mark.parametrize(
    "name", ["a\nb: {.safetensors", "x # y.safetensors", "\u202e: !.safetensors"]
)
def test_no_name_of_a_file_leaves_its_comment(desk: Desk, name: str) -> None:
    desk.file(f"heap/{name}", HOUSE)
    made = drafted(desk, folders=("heap",))

    assert [wanted.name for wanted in before(desk, made.text()).vaes] == ["house"]
    assert made.text().count("\n") == 4


def test_no_path_of_this_machine_gets_into_a_manifest(desk: Desk) -> None:
    desk.file("heap/a.safetensors", HOUSE)
    flow = samples.ui_workflow(samples.loader(1, "/home/me/models/vae/barn.safetensors"))
    desk.file("deep/w.json", flow)
    heap, path = desk.here / "heap", desk.here / "deep" / "w.json"
    made = drafted(desk, folders=(str(heap),), workflows=(str(path),))

    assert len(made.lines) == 2
    assert str(desk.root) not in made.text()
    assert "/home" not in made.text()
