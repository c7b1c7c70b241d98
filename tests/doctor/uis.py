"""A UI with files in it, and what doctor finds there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests import builders
from tests.smoke import handmade
from tests.targets.uis import TREES, grow
from tests.weights.manifests import SMALL
from vaehub import targets
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
from vaehub.doctor import examining
from vaehub.model import Target
from vaehub.weights import kl, sequential

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaehub.doctor.facts import Examined, Seen
    from vaehub.weights.compare import Shapes

KL = kl.manifest(SMALL, layout="ldm")
DIFFUSERS = kl.manifest(SMALL, layout="diffusers")
LORA = {"lora_unet_x.lora_up.weight": (4, 4), "lora_unet_x.lora_down.weight": (4, 4)}
TINY = next(sizes for sizes, _ in sequential.known_image_sizes() if sizes.latent_channels == 4)
VIDEO = next(sizes for sizes, _ in sequential.known_video_sizes())


def source(path: str) -> dict[str, Any]:
    """Give a source as it stands in a catalog."""
    return {"huggingface": {"repo": "acme/vae", "revision": "0" * 40, "path": path}}


def tiny(half: kl.Half = "decoder") -> Shapes:
    """Give the tensors of one half of a TAESD."""
    return sequential.image_manifest(TINY, half=half, layout="taesd", before="")


def video() -> Shapes:
    """Give the tensors of a small decoder for video."""
    return sequential.video_manifest(VIDEO, half="both", before="{}.")


def vae(path: Path, shapes: Shapes = KL, *, seed: int | None = None) -> Path:
    """Write a sound file of these tensors; each ``seed`` gives other bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handmade.hollow(path, shapes)
    with path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(bytes([sum(path.name.encode()) % 251 if seed is None else seed]))
    return path


class Ui:
    """A fresh tree of a UI, an empty store, and a catalog ``mine``."""

    def __init__(self, box: Path, layout: str = "automatic1111") -> None:
        self.box, self.layout = box, targets.layouts()[layout]
        self.root = grow(box / "ui", TREES[layout])
        inside = self.root / "Data" if layout == "stabilitymatrix" else self.root
        self.target = Target(layout, inside)
        self.store = box / "store"
        self.entries: dict[str, Any] = {}

    def folder(self, slot: str = "vae") -> Path:
        """Give the folder of a slot; it is there."""
        folder = self.layout.folder(self.target, slot)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def knows(self, id_: str, files: Mapping[str, bytes], **fields: Any) -> None:
        """Put an entry into the catalog."""
        self.entries[id_] = builders.entry(
            {name: (data, [source(f"{id_}/{name}")]) for name, data in files.items()}, **fields
        )

    @property
    def catalogs(self) -> Catalogs:
        """Load the tiny catalog alone."""
        if not self.entries:
            return Catalogs(())
        path = builders.write_catalog(self.box / "mine.yaml", self.entries)
        catalog, problems = load_file(path, cache=self.box / "cache", foreign=True)
        return Catalogs((catalog,), problems)

    def examine(self, *, named: bool = True) -> Examined:
        """Have it looked at."""
        return examining.examine(self.target, named=named, catalogs=self.catalogs, store=self.store)

    def codes(self, path: Path | None = None) -> list[str]:
        """Give what is found of one file, or of all there is."""
        found = self.examine().problems
        return [one.code for one in found if path is None or one.where == str(path)]

    def hint(self, path: Path, code: str | None = None) -> str | None:
        """Give what mends the only thing that is wrong with a file."""
        found = [
            one
            for one in self.examine().problems
            if one.where == str(path) and code in (None, one.code)
        ]
        assert len(found) == 1, found
        return found[0].hint

    def seen(self, path: Path) -> Seen:
        """Give what was seen of one file."""
        [found] = [one for one in self.examine().files if one.path == path]
        return found
