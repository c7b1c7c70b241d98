"""A machine for the tests of provisioning: UIs, a manifest, a tiny catalog, the hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests import api_box, builders
from vaehub import provisioning
from vaehub.loopback import samples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld
    from vaehub.provisioning import LockResult, SyncResult

USERS = b"the user's own"
"""What the user's own file holds in the sample of a ComfyUI."""
ONE, TWO, THREE = (builders.safetensors_bytes(4000 + seed, seed=seed) for seed in (1, 2, 3))


class Fleet(api_box.Box):
    """An AUTOMATIC1111 and a ComfyUI, and a catalog with ``one``, ``two`` and ``three``."""

    def __init__(self, folder: Path, world: LoopbackWorld) -> None:
        super().__init__(folder, world)
        self.comfy = samples.tree(folder / "comfy", "comfyui")
        for name, data in (("one", ONE), ("two", TWO), ("three", THREE)):
            self.add(name, {f"{name}.safetensors": data})
        self.manifest = folder / "vaehub.yaml"
        self.lock_path = folder / "vaehub.lock"

    def want(self, *names: str, targets: str | None = None, policy: str = "") -> None:
        """Write the manifest."""
        places = (
            "  webui: {ui: automatic1111, path: webui}\n  comfy: {ui: comfyui, path: comfy}\n"
            if targets is None
            else targets
        )
        vaes = "".join(f"  - {name}\n" for name in names) or "  []\n"
        text = f"schema: 1\nvaes:\n{vaes}"
        text += f"targets:\n{places}" if places else ""
        text += f"policy:\n{policy}" if policy else ""
        self.manifest.write_text(text, encoding="utf-8")

    def lock(self, **options: Any) -> LockResult:
        """Lock the manifest."""
        return provisioning.lock(
            self.manifest, settings=self.settings, catalogs=self.catalogs, **options
        )

    def sync(self, *, to: Sequence[str | Path] = (), **options: Any) -> SyncResult:
        """Make the targets equal to the lock."""
        return provisioning.sync(
            None if "lock" in options else self.manifest,
            to=[str(one) for one in to],
            settings=self.settings,
            catalogs=self.catalogs,
            **options,
        )

    @property
    def models(self) -> tuple[Path, Path]:
        """The folders of VAEs of the two UIs."""
        return self.vae, self.comfy / "models" / "vae"

    def listed_in(self, folder: Path) -> dict[str, bytes]:
        """What a UI would list there, and what it holds."""
        found = {path.name: path.read_bytes() for path in folder.glob("*.*") if path.is_file()}
        return {name: data for name, data in found.items() if data != USERS}


def states(result: SyncResult) -> list[tuple[str, str, str]]:
    """Give target, name and what became of it, of each VAE and each extra file."""
    found = []
    for one in result.synced.brought:
        if isinstance(one.outcome, Exception):
            state = type(one.outcome).__name__
        else:
            state = "/".join(step.status for step in one.outcome.steps)
        found.append((one.place.name or "", one.vae.name, state))
    found += [
        (extra.place.name or "", extra.receipt.path.name, extra.status)
        for extra in result.synced.extras
    ]
    return found
