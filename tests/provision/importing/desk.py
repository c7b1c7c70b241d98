"""A machine for the tests of import: a small catalog, UIs, a working directory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.provision.importing import samples
from tests.targets import uis
from vaehub import provisioning
from vaehub.provision.importing import folders, gather
from vaehub.settings import Settings
from vaehub.transfer.listener import SILENT

if TYPE_CHECKING:
    from vaehub.provision.importing.folders import Folder
    from vaehub.provision.importing.items import Gathered
    from vaehub.provisioning import ImportResult


class Desk:
    """Where a test imports."""

    def __init__(self, root: Path, *, foreign: bool = False) -> None:
        self.root = root
        self.here = root / "here"
        self.here.mkdir()
        self.catalogs = samples.catalogs(root, foreign=foreign)
        self.settings = Settings(root / "store", state=root / "state", cache=root / "cache")

    def ui(self, name: str, tree: str) -> Path:
        """Make the tree of a UI in the working directory."""
        return uis.grow(self.here / name, tree)

    def file(self, name: str, data: bytes | Any) -> Path:
        """Write a file below the working directory: bytes, or anything as JSON."""
        path = self.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return path

    def workflow(self, *names: str) -> str:
        """Write a workflow with a loader for each name."""
        nodes = [samples.loader(number, name) for number, name in enumerate(names, 1)]
        return self.file("w.json", samples.ui_workflow(*nodes)).name

    def look(self, said: str) -> Folder:
        """Look through a folder."""
        return folders.look(
            said, self.catalogs, settings=self.settings, cwd=self.here, listener=SILENT
        )

    def gather(
        self,
        *,
        folders: tuple[str, ...] = (),
        workflows: tuple[str, ...] = (),
        settings: tuple[str, ...] = (),
    ) -> Gathered:
        """Look at everything that is named."""
        return gather.gather(
            gather.Sources(folders, workflows, settings),
            self.catalogs,
            settings=self.settings,
            cwd=self.here,
            listener=SILENT,
        )

    def import_from(self, **named: Any) -> ImportResult:
        """Import as the command does, from the working directory."""
        before = Path.cwd()
        os.chdir(self.here)
        try:
            return provisioning.import_from(settings=self.settings, catalogs=self.catalogs, **named)
        finally:
            os.chdir(before)

    @property
    def manifest(self) -> str:
        """The text of the manifest."""
        return (self.here / "vaehub.yaml").read_text(encoding="utf-8")
