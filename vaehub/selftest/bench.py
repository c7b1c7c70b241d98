"""The bench of the self-test: a world, a catalog of samples published in it, trees and stores.

Knows where everything of a run lies. Checks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaehub import settings as settings_module
from vaehub.loopback import samples
from vaehub.settings import TOKEN_VARIABLES
from vaehub.smoke import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld
    from vaehub.outcome import InstallResult
    from vaehub.settings import Settings

_COMMIT = "5e1f7e57" * 5
_UUID = "5e1f7e57" * 4
_WEB = "https://files.example.org"
_LAST = "decoder.conv_out.weight"


class Failed(Exception):
    """A check saw something else than it expected."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file in the catalog of the self-test."""

    name: str
    data: bytes
    locators: Mapping[str, Mapping[str, str | int]]
    flow: str = "token"


class Bench:
    """A world, a catalog of samples published in it, and a place for trees and stores."""

    def __init__(self, folder: Path, world: LoopbackWorld) -> None:
        self.world = world
        self.samples = dict(_samples())
        self._folder = folder
        self._serial = 0
        for id, sample in self.samples.items():
            if id == "mirror":  # gone from the host that the catalog names
                world.publish("mirror", {}, sample.data)
                continue
            for host, locator in sample.locators.items():
                world.publish(host, locator, sample.data, name=sample.name, flow=sample.flow)
        catalog = folder / "catalog.yaml"
        entries = {
            f"selftest-{id}": samples.entry(sample.name, sample.data, sample.locators)
            for id, sample in self.samples.items()
        }
        catalog.write_text(samples.catalog("selftest", entries), encoding="utf-8")
        (folder / "config.toml").touch()

    def fresh(self, kind: str) -> Path:
        """Give a path that nobody has used yet."""
        self._serial += 1
        return self._folder / f"{kind}-{self._serial}"

    def tree(self, layout: str = "automatic1111") -> Path:
        """Make an empty UI."""
        return samples.tree(self.fresh(layout), layout)

    def settings(self, *, mirrors: bool = False) -> Settings:
        """Give settings that lead here: an empty store, and nothing known of other trees."""
        environ = self.world.environment(login=TOKEN_VARIABLES)
        if not mirrors:
            del environ["VAEHUB_MIRRORS"]
        environ |= {
            "VAEHUB_CONFIG": str(self._folder / "config.toml"),
            "VAEHUB_CATALOG": str(self._folder / "catalog.yaml"),
            "VAEHUB_STORE": str(self.fresh("store")),
            "HF_HUB_CACHE": str(self.fresh("hub")),
        }
        return settings_module.load(environ)._replace(
            state=self.fresh("state"), cache=self._folder / "cache"
        )

    def install(self, id: str, tree: Path, settings: Settings) -> InstallResult:
        """Install a sample."""
        from vaehub import api

        return api.install(f"selftest-{id}", to=tree, settings=settings)

    def installed(self, id: str, tree: Path) -> bytes | None:
        """Give the bytes that stand in a tree under a sample's name."""
        for folder in ("models/VAE", "models/vae"):
            path = tree / folder / self.samples[id].name
            if path.is_file():
                return path.read_bytes()
        return None


def _samples() -> Iterator[tuple[str, Sample]]:
    def file(id: str) -> dict[str, str | int]:
        return {"repo": f"selftest/{id}", "revision": _COMMIT, "path": f"{id}.safetensors"}

    asset: dict[str, str | int] = {"repo": "selftest/vae", "tag": "v1", "asset": "g.safetensors"}
    where: dict[str, dict[str, Mapping[str, str | int]]] = {
        "huggingface": {"huggingface": file("huggingface")},
        "civitai": {"civitai": {"model": 1, "version": 11}},
        "liblib": {"liblib": {"model": _UUID, "version": _UUID[::-1]}},
        "liblib-direct": {"liblib": {"model": "d" + _UUID[1:], "version": "e" + _UUID[1:]}},
        "modelscope": {"modelscope": file("modelscope") | {"revision": "master"}},
        "github": {"github": asset},
        "https": {"http": {"url": f"{_WEB}/vae/https.safetensors"}},
        "mirror": {"huggingface": file("gone")},
        "two": {
            "huggingface": file("two"),
            "modelscope": file("two") | {"revision": "master"},
        },
    }
    for seed, (id, locators) in enumerate(where.items()):
        flow = "direct" if id == "liblib-direct" else "token"
        yield id, Sample(f"{id}.safetensors", samples.safetensors(seed), locators, flow)
    with shipped.autoencoder() as path:
        sound = path.read_bytes()
    for id, data in (("autoencoder", sound), ("damaged", samples.without(sound, _LAST))):
        yield id, Sample(f"{id}.safetensors", data, {"huggingface": file(id)})
    yield "unsafe", Sample("unsafe.pt", samples.unsafe_pickle(), {"huggingface": file("unsafe")})
