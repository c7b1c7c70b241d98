"""Build hook: put the catalog into the wheel, as people read it and as vaehub loads it.

Knows where both forms go. Writes nothing into the checkout, and does nothing for an editable
install, which uses the checkout's own ``registry.yaml``.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogHook(BuildHookInterface[Any]):
    """Compiles ``registry.yaml`` into ``vaehub/registry.json`` of a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the catalog and hand both files to the wheel."""
        if version == "editable":
            return
        root = Path(self.root)
        registry = root / "registry.yaml"
        self._folder = Path(tempfile.mkdtemp(prefix="vaehub-build-"))
        compiled = self._folder / "registry.json"
        compiled.write_text(_compile(root, registry), encoding="utf-8")
        build_data["force_include"][str(registry)] = "vaehub/registry.yaml"
        build_data["force_include"][str(compiled)] = "vaehub/registry.json"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary copy."""
        folder = getattr(self, "_folder", None)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _compile(root: Path, registry: Path) -> str:
    # The build environment has PyYAML but not jsonschema, so the file is read and parsed here and
    # checked by CI.
    sys.path.insert(0, str(root))
    try:
        from vaehub.catalog.compiled import pack
        from vaehub.catalog.parse import parse
        from vaehub.catalog.read import read_file
    finally:
        sys.path.remove(str(root))
    sha256 = hashlib.sha256(registry.read_bytes()).hexdigest()
    data = read_file(registry).data
    parse(data, origin=str(registry), sha256=sha256)
    return pack(data, sha256=sha256)
