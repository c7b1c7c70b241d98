"""Somebody's desk: a UI, a catalog, and the loopback internet with its faults.

Every failing install must leave the tree byte for byte as it was and say which kind of trouble it
met; every one that recovers must have the right bytes and must not have fetched them twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from vaehub import settings as settings_module
from vaehub.batch import Job, install_all
from vaehub.catalog import Catalogs
from vaehub.catalog.compiled import load_file
from vaehub.errors import IntegrityError, NoSourceDelivered, VaehubError
from vaehub.loopback import samples
from vaehub.planning import Options, Order
from vaehub.targets import find_target
from vaehub.transfer.listener import SILENT
from vaehub.transfer.patience import Patience
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.loopback import LoopbackWorld
    from vaehub.outcome import InstallResult

DATA = samples.safetensors(1)
SIZE = len(DATA)
DIGEST = hashlib.sha256(DATA).hexdigest()
OTHER = "1" * 64
COMMIT = "a" * 40
MODEL, VERSION = "0123456789abcdef" * 2, "fedcba9876543210" * 2
LOCATORS: dict[str, dict[str, str | int]] = {
    "huggingface": {"repo": "someone/vae", "revision": COMMIT, "path": "x.safetensors"},
    "civitai": {"model": 22354, "version": 88156},
    "liblib": {"model": MODEL, "version": VERSION},
    "modelscope": {"repo": "someone/vae", "revision": "master", "path": "x.safetensors"},
    "github": {"repo": "someone/vae", "tag": "v1.0", "asset": "x.safetensors"},
    "http": {"url": "https://files.example.org/x.safetensors"},
}


@dataclass
class Desk:
    """Somebody with a UI, a catalog and this loopback internet."""

    world: LoopbackWorld
    folder: Path
    tree: Path
    login: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)
    pauses: list[float] = field(default_factory=list)
    """How long the transfer wanted to wait, in vain: nobody waits here."""

    def install(
        self,
        *hosts: str,
        name: str = "x.safetensors",
        data: bytes = DATA,
        **artifact: Any,
    ) -> InstallResult:
        """Install a file that the catalog finds on these hosts, in this order."""
        entry = samples.entry(name, data, {host: LOCATORS[host] for host in hosts})
        [variant] = entry["variants"].values()
        variant["artifacts"][0] |= artifact
        for key in [key for key, value in artifact.items() if value is None]:
            del variant["artifacts"][0][key]
        path = self.folder / "catalog.yaml"
        path.write_text(samples.catalog("desk", {"some-vae": entry}), encoding="utf-8")
        settings = settings_module.load(
            self.world.environment(login=self.login)
            | {"VAEHUB_STORE": str(self.folder / "store")}
            | self.environ
        )
        catalog, _ = load_file(path, cache=self.folder / "cache", foreign=True)
        found, wanted = Catalogs((catalog,)).resolve("some-vae")
        with Session(settings, patience=self.patience, sleep=self.pauses.append) as session:
            (outcome,) = install_all(
                [
                    Job(
                        Order("some-vae", found, wanted, named=False),
                        find_target(self.tree, settings=settings, cwd=self.folder),
                    )
                ],
                settings=settings,
                session=session,
                listener=SILENT,
                options=Options(),
            )
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def refusal(self, *hosts: str, **artifact: Any) -> VaehubError:
        """Install in vain; give what was said of the last source, if it was about sources."""
        before = samples.snapshot(self.tree)
        with pytest.raises(VaehubError) as raised:
            self.install(*hosts, **artifact)
        assert samples.snapshot(self.tree) == before
        error = raised.value
        if not isinstance(error, NoSourceDelivered):
            return error
        assert len(error.attempts) >= len(hosts)
        wrong = any(isinstance(cause, IntegrityError) for _, cause in error.attempts)
        assert error.exit_code == (6 if wrong else 5)
        for secret in self.world.tokens.values():
            assert secret not in str(error) + repr(error.attempts)
        return error.attempts[-1][1]

    @property
    def installed(self) -> bytes:
        """The bytes that now stand in the UI."""
        return (self.tree / "models" / "VAE" / "x.safetensors").read_bytes()

    def asked_for(self, host: str) -> list[str | None]:
        """Give the Range headers of the requests for a host's bytes."""
        return [seen.range for seen in self.world.seen(BYTES[host], method="GET")]


BYTES = {
    "huggingface": "huggingface cdn",
    "civitai": "civitai storage",
    "liblib": "liblib cdn",
    "modelscope": "modelscope oss",
    "github": "github assets",
}


def publish(world: LoopbackWorld, *hosts: str, data: bytes = DATA, **claims: Any) -> None:
    for host in hosts:
        world.publish(host, LOCATORS[host], data, name="x.safetensors", **claims)


def said(error: VaehubError) -> str:
    return f"{error.message} {error.hint or ''}"
