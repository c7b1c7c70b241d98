"""Install each kind of file into each UI, for real, and see what its stand-in lists then.

Everything comes from loopback hosts and goes through the public API. The tests judge what is found
here, and :mod:`tests.targets.table` prints it.
"""

from __future__ import annotations

import shutil
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from tests import builders
from tests.converting import samples
from tests.targets.standins import STAND_INS
from tests.targets.uis import TREES, grow
from tests.trees import snapshot
from vaehub import api, settings
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
from vaehub.errors import TargetRefuses
from vaehub.model import Target
from vaehub.targets import layouts
from vaehub.weights import kl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.targets.standins import Listed
    from vaehub.loopback import LoopbackWorld
    from vaehub.outcome import InstallResult

WIDE = kl.Sizes((128, 256), (128, 256), 1, 4, 4, 3, quant=True)
"""Of an autoencoder that is large enough for SD.Next, as are:"""
SMALL, SMALL_TOO = (builders.safetensors_bytes(5_000, seed=seed) for seed in (1, 2))
LARGE, LARGE_TOO = (builders.safetensors_bytes(25_000_000, seed=seed) for seed in (3, 4))
"""All other UIs are given smaller files, which are quicker to make."""
OTHER = b"other bytes, the user's own"


class Kind(NamedTuple):
    """One kind of file."""

    title: str
    names: tuple[str, ...]
    keys: str = "ldm"
    slot: str = "vae"
    small: bool = False
    beside: str | None = None
    """Folder inside the VAE folder that holds another file of the same name."""
    linked: bool = False
    """That folder is a symbolic link; without one, the VAE folder itself is."""


KINDS = {
    "safetensors": Kind("`.safetensors`, ldm keys", ("house.safetensors",)),
    "ckpt": Kind("`.ckpt`", ("house.ckpt",)),
    "pt": Kind("`.pt`", ("house.pt",)),
    "pth": Kind("`.pth`", ("house.pth",)),
    "sft": Kind("`.sft`", ("house.sft",)),
    "bin": Kind("`.bin`", ("house.bin",)),
    "diffusers": Kind("diffusers keys", ("house.safetensors",), keys="diffusers"),
    "small": Kind("under 25 MB", ("house.safetensors",), small=True),
    "colliding": Kind("a subfolder has its name", ("house.safetensors",), beside="sub"),
    "linked": Kind(
        "a linked subfolder has its name", ("house.safetensors",), beside="sub", linked=True
    ),
    "root": Kind("the VAE folder is a link", ("house.safetensors",), linked=True),
    "pair": Kind(
        "TAESD pair", ("taesd_encoder.pth", "taesd_decoder.pth"), keys="taesd", slot="vae-approx"
    ),
}


class Trial(NamedTuple):
    """What came of installing one kind of file into one UI."""

    ui: str
    kind: str
    tree: Path
    """What was named with ``--to``."""
    root: Path
    """Where the UI's own root is: in the tree, or the tree itself."""
    result: InstallResult | None
    """None where it was refused."""
    refused: TargetRefuses | None
    """Why the variant that was wanted was refused, also where another one was taken."""
    before: Listed
    after: Listed
    opened: set[Path]
    changed: bool
    """Whether anything in the tree is not as it was."""

    @property
    def outcome(self) -> str:
        """What vaehub did, in a word."""
        if self.result is None:
            return "refused"
        if self.refused is not None:
            return "variant"
        if any(step.converted_from for step in self.result.steps):
            return "converted"
        renamed = any(step.because for step in self.result.steps)
        return "renamed" if renamed else "as it is"


class Trials:
    """A store, and hosts that hold what is tried."""

    def __init__(self, folder: Path, world: LoopbackWorld) -> None:
        self._folder, self._world = folder, world
        (folder / "config.toml").touch()

    def all(self) -> Iterator[Trial]:
        """Try every kind of file in every UI."""
        for ui in TREES:
            for kind in KINDS:
                yield self.one(ui, kind)

    def one(self, ui: str, name: str) -> Trial:
        """Try one kind of file in one UI."""
        kind = KINDS[name]
        box = self._folder / f"{ui}-{name}"
        tree = grow(box / "ui", TREES[ui])
        root = api.find_target(tree, settings=self._settings).root
        folder = layouts()[ui].folder(Target(ui, root), kind.slot)
        if kind.beside is not None:
            self._put_beside(kind, box, folder)
        elif kind.linked and folder != tree:
            shutil.rmtree(folder)
            (box / "elsewhere").mkdir()
            folder.symlink_to(box / "elsewhere", target_is_directory=True)
        before, listed = snapshot(tree), STAND_INS[ui].listed(root)
        result, refused = None, None
        try:
            result = self._install("house-vae", self._catalogs(ui, kind, box), tree)
        except TargetRefuses as error:
            refused = error
            assert snapshot(tree) == before
            if kind.slot == "vae":
                catalogs = self._catalogs(ui, kind, box, another=True)
                try:
                    result = self._install("house-vae", catalogs, tree)
                except TargetRefuses:
                    result = None
        return Trial(
            ui,
            name,
            tree,
            root,
            result,
            refused,
            listed,
            STAND_INS[ui].listed(root),
            STAND_INS[ui].opened(root),
            snapshot(tree) != before,
        )

    @property
    def _settings(self) -> settings.Settings:
        environment = {
            **self._world.environment(),
            "VAEHUB_CONFIG": str(self._folder / "config.toml"),
            "VAEHUB_STORE": str(self._folder / "store"),
        }
        return settings.load(environment)._replace(
            state=self._folder / "state", cache=self._folder / "cache"
        )

    def _install(self, name: str, catalogs: Catalogs, tree: Path) -> InstallResult:
        return api.install(name, to=tree, settings=self._settings, catalogs=catalogs)

    def _put_beside(self, kind: Kind, box: Path, folder: Path) -> None:
        assert kind.beside is not None
        beside = folder / kind.beside
        if kind.linked:
            folder.mkdir(parents=True, exist_ok=True)
            (box / "elsewhere").mkdir()
            beside.symlink_to(box / "elsewhere", target_is_directory=True)
        else:
            beside.mkdir(parents=True)
        for name in kind.names:
            (beside / name).write_bytes(OTHER)

    def _catalogs(self, ui: str, kind: Kind, box: Path, *, another: bool = False) -> Catalogs:
        files = {name: _content(name, kind, large=ui == "sdnext") for name in kind.names}
        variants = {"wanted": self._variant(kind.keys, files)}
        if another:
            other = LARGE_TOO if ui == "sdnext" else SMALL_TOO
            variants["another"] = self._variant("ldm", {"another.safetensors": other})
        entries = {"house-vae": builders.entry({}, variants=variants, slot=kind.slot)}
        path = builders.write_catalog(box / "mine.yaml", entries)
        catalog, problems = load_file(path, cache=self._folder / "cache", foreign=True)
        return Catalogs((catalog,), problems)

    def _variant(self, keys: str, files: Mapping[str, bytes]) -> dict[str, Any]:
        artifacts = []
        for name, data in files.items():
            where: dict[str, str | int] = {
                "repo": "acme/vae",
                "revision": "0" * 40,
                "path": f"{len(data)}/{name}",
            }
            self._world.publish("modelscope", where, data)
            artifacts.append(builders.artifact(name, data, [{"modelscope": where}]))
        return {"layout": keys, "artifacts": artifacts}


def _content(name: str, kind: Kind, *, large: bool) -> bytes:
    """Give a file its bytes: a real autoencoder where it may have to be converted."""
    sizes = WIDE if large else samples.TINY
    if kind.keys == "diffusers":
        return samples.safetensors(samples.manifest("diffusers", sizes))
    if name.endswith(("safetensors", "sft")):
        return LARGE if large and not kind.small else SMALL
    # No two files of a catalog are the same.
    return samples.checkpoint(samples.manifest("ldm", sizes), seed=zlib.crc32(name.encode()))
