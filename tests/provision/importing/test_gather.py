from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from tests.provision.importing import samples
from tests.provision.importing.samples import BARN, GARDEN, HOUSE
from tests.targets import uis
from vaehub import receipts
from vaehub.errors import TargetNotUsable, UsageError
from vaehub.model import Receipt
from vaehub.provision.importing.items import Offered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.provision.importing.desk import Desk
    from vaehub.provision.importing.items import Item


def said(items: Sequence[Item]) -> dict[str, tuple[str | None, str | None]]:
    found: dict[str, tuple[str | None, str | None]] = {}
    for item in items:
        pick = item.verdict.pick
        found[item.file] = (pick.name if pick else None, item.verdict.by)
    return found


def test_files_are_recognised_by_their_bytes_and_not_by_their_names(desk: Desk) -> None:
    desk.file("heap/barn.safetensors", HOUSE)
    desk.file("heap/own.safetensors", b"own")
    desk.file("heap/house.ckpt", b"not the house")
    found = desk.gather(folders=("heap",))

    assert said(found.recognised) == {"barn.safetensors": ("vaehub/house@safetensors", "sha256")}
    assert found.unsure == ()
    (house, own) = found.unknown
    assert (house.file, own.file) == ("house.ckpt", "own.safetensors")
    # Its name is a hint for a person, and no more.
    assert [pick.name for pick in house.verdict.candidates] == ["vaehub/house@ckpt"]
    assert own.as_json() == {
        "file": "own.safetensors",
        "path": str(desk.here / "heap" / "own.safetensors"),
        "size": 3,
        "from": ["heap/own.safetensors"],
        "sha256": own.sha256 and own.sha256[:12],
        "why": "no file of the catalogs has these bytes",
        "candidates": [],
    }


@pytest.mark.parametrize("changed", [False, True])
def test_what_vaehub_converted_counts_as_what_it_was_made_of(desk: Desk, changed: bool) -> None:
    desk.ui("ui", uis.AUTOMATIC1111)
    path = desk.file("ui/models/VAE/house.safetensors", b"made of the checkpoint")
    desk.file("ui/config.json", {"sd_vae": "house.safetensors"})
    made = hashlib.sha256(path.read_bytes()).hexdigest()
    receipts.write(
        Receipt(
            path,
            entry="vaehub/house",
            variant="ckpt",
            sha256=made,
            size=22,
            evidence="single",
            source="store",
            method="copy",
            license="MIT",
            mtime_ns=1,
            inode=1,
            installed_at="2026-01-01T00:00:00+00:00",
            converted_from={
                "name": "house.ckpt",
                "size": len(GARDEN),
                "sha256": hashlib.sha256(GARDEN).hexdigest(),
            },
        )
    )
    if changed:
        path.write_bytes(b"and written into since")
    lying = desk.gather(folders=("ui",)).recognised
    assert [item.file for item in lying] == ([] if changed else ["house.safetensors"])
    # Its name is that of another variant, and says nothing where the file is there.
    named = desk.gather(settings=("ui/config.json",)).recognised
    assert said(named) == said(lying)
    assert changed or said(named) == {"house.safetensors": ("vaehub/house@ckpt", "sha256")}


def test_duplicates_are_one(desk: Desk) -> None:
    for name in ("heap/a.safetensors", "heap/b.safetensors", "other/c.safetensors"):
        desk.file(name, HOUSE)
    desk.file("heap/own.pt", b"own")
    desk.file("other/own too.pt", b"own")
    found = desk.gather(folders=("heap", "other"), workflows=(desk.workflow("house.safetensors"),))

    (item,) = found.recognised
    assert item.places == (
        "heap/a.safetensors",
        "heap/b.safetensors",
        "other/c.safetensors",
        "w.json, node 1 VAELoader",
    )
    assert item.verdict.by == "sha256"
    assert [item.places for item in found.unknown] == [("heap/own.pt", "other/own too.pt")]


def test_the_surest_way_is_told_whatever_came_first(desk: Desk) -> None:
    name = desk.workflow("house.safetensors")
    desk.ui("ui", uis.AUTOMATIC1111)
    desk.file("ui/models/VAE/house.safetensors", HOUSE)
    desk.file("ui/config.json", {"sd_vae": "house.safetensors"})
    (item,) = desk.gather(workflows=(name,), settings=("ui/config.json",)).recognised

    assert item.verdict.by == "sha256"
    assert item.path == desk.here / "ui/models/VAE/house.safetensors"
    assert item.as_json()["by"] == "sha256"


def test_a_workflow_is_read_from_json_and_from_pictures(desk: Desk) -> None:
    flow = json.dumps(samples.ui_workflow(samples.loader(1, "house.safetensors")))
    prompt = json.dumps(samples.api_workflow(n1=("VAELoader", {"vae_name": "house.safetensors"})))
    picture = samples.png(
        samples.text_chunk("workflow", flow), samples.text_chunk("prompt", prompt)
    )
    desk.file("bild 1.png", picture)
    found = desk.gather(workflows=("bild 1.png", desk.workflow("shared.safetensors", "own.pt")))

    assert said(found.recognised) == {"house.safetensors": ("vaehub/house@safetensors", "name")}
    assert found.recognised[0].places == ("bild 1.png, node 1 VAELoader",)
    assert [item.file for item in found.unsure] == ["shared.safetensors"]
    assert found.unsure[0].as_json()["candidates"] == [
        "vaehub/barn@safetensors",
        "vaehub/house@ckpt",
    ]
    assert [item.file for item in found.unknown] == ["own.pt"]


def test_settings_say_more_where_their_ui_is_beside_them(desk: Desk) -> None:
    settings = {"sd_vae": "shared.safetensors"}
    desk.file("elsewhere/config.json", settings)
    found = desk.gather(settings=("elsewhere/config.json",))
    assert [item.file for item in found.unsure] == ["shared.safetensors"]
    assert found.offered == ()

    desk.ui("ui", uis.REFORGE)
    desk.file("ui/config.json", settings)
    desk.file("ui/models/VAE/shared.safetensors", BARN)
    found = desk.gather(settings=("ui/config.json",))
    assert said(found.recognised) == {"shared.safetensors": ("vaehub/barn@safetensors", "sha256")}
    assert found.offered == (Offered("reforge", "ui"),)


def test_a_file_of_the_ui_that_nobody_knows_is_not_taken_for_its_name(desk: Desk) -> None:
    desk.ui("ui", uis.AUTOMATIC1111)
    desk.file("ui/config.json", {"sd_vae": "house.safetensors"})
    desk.file("ui/models/VAE/house.safetensors", b"another house")
    found = desk.gather(settings=("ui/config.json",))

    assert (found.recognised, found.unsure) == ((), ())
    (item,) = found.unknown
    assert item.path == desk.here / "ui/models/VAE/house.safetensors"
    assert [pick.name for pick in item.verdict.candidates] == ["vaehub/house@safetensors"]


def test_of_several_files_of_one_name_none_is_taken(desk: Desk) -> None:
    desk.ui("ui", uis.AUTOMATIC1111)
    desk.file("ui/config.json", {"sd_vae": "x.safetensors"})
    desk.file("ui/models/VAE/x.safetensors", HOUSE)
    desk.file("ui/models/VAE/deep/x.safetensors", HOUSE)
    found = desk.gather(settings=("ui/config.json",))
    assert said(found.recognised) == {"x.safetensors": ("vaehub/house@safetensors", "sha256")}

    desk.file("ui/models/VAE/deep/x.safetensors", BARN)
    found = desk.gather(settings=("ui/config.json",))
    assert found.recognised == ()
    (item,) = found.unsure
    assert {pick.name for pick in item.verdict.candidates} == {
        "vaehub/barn@safetensors",
        "vaehub/house@safetensors",
    }


def test_what_was_chosen_for_single_checkpoints_counts(desk: Desk) -> None:
    desk.ui("ui", uis.AUTOMATIC1111)
    desk.file("ui/models/Stable-diffusion/anime.safetensors", b"a checkpoint")
    desk.file("ui/models/Stable-diffusion/anime.json", {"vae": "house.ckpt"})
    desk.file("ui/models/VAE/house.ckpt", GARDEN)
    desk.file("ui/config.json", {"sd_vae": "Automatic"})
    found = desk.gather(settings=("ui/config.json",))

    assert said(found.recognised) == {"house.ckpt": ("vaehub/house@ckpt", "sha256")}
    assert found.recognised[0].places == ("anime.json, vae",)


def test_uis_are_offered_once_and_as_they_were_written(desk: Desk) -> None:
    desk.ui("ui", uis.AUTOMATIC1111)
    desk.ui("ComfyUI", uis.COMFYUI)
    desk.ui("invoke", uis.INVOKEAI)
    desk.file("ui/config.json", {})
    found = desk.gather(
        folders=("ui", "./ComfyUI", "invoke", str(desk.here / "ComfyUI")),
        settings=("ui/config.json",),
    )

    assert found.offered == (
        Offered("automatic1111", "ui"),
        Offered("comfyui", "./ComfyUI"),
        Offered("comfyui", str(desk.here / "ComfyUI")),
    )


@pytest.mark.parametrize("said", ["", "~nobody-of-that-name/x"])
def test_paths_that_lead_nowhere_are_told(desk: Desk, said: str) -> None:
    for named in ({"workflows": (said,)}, {"settings": (said,)}):
        with pytest.raises(UsageError, match="--from-"):
            desk.gather(**named)


def test_what_cannot_be_read_ends_the_import(desk: Desk) -> None:
    desk.file("bad.json", b"{")
    for named in ({"workflows": ("bad.json",)}, {"settings": ("bad.json",)}):
        with pytest.raises(UsageError):
            desk.gather(**named)
    with pytest.raises(TargetNotUsable):
        desk.gather(folders=("nowhere",))
