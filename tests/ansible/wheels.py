"""A wheelhouse without a network: vaehub's wheel, and what it needs as it is installed here."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.ansible.control import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def build(folder: Path, *, remark: str = "") -> Path:
    """Build vaehub's wheel from a copy of the checkout.

    Args:
        folder: For the copy and the wheel.
        remark: Stands at the end of a module, so that the same version has other contents.
    """
    source = folder / "source"
    source.mkdir(parents=True)
    for name in ("pyproject.toml", "hatch_build.py", "registry.yaml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    (source / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "vaehub.1", source / "docs" / "vaehub.1")
    shutil.copytree(
        ROOT / "vaehub", source / "vaehub", ignore=shutil.ignore_patterns("__pycache__")
    )
    with (source / "vaehub" / "__init__.py").open("a", encoding="utf-8") as module:
        module.write(f"# {remark}\n")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    (built,) = folder.glob("*.whl")
    return built


def pack_dependencies(folder: Path) -> None:
    """Make a wheel of each distribution that vaehub needs, from what is installed here."""
    folder.mkdir(parents=True, exist_ok=True)
    named: set[str] = set()
    waiting = _needs("vaehub") or _declared()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in named:
            continue
        named.add(name)
        _pack(importlib.metadata.distribution(name), folder)
        waiting += _needs(name)


def _declared() -> list[str]:
    """Read what the checkout declares, where it is not installed itself."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return _chosen(data["project"]["dependencies"])


def _needs(name: str) -> list[str]:
    try:
        return _chosen(importlib.metadata.requires(name) or [])
    except importlib.metadata.PackageNotFoundError:
        return []


def _chosen(requirements: list[str]) -> list[str]:
    parsed = map(Requirement, requirements)
    return [one.name for one in parsed if one.marker is None or one.marker.evaluate({"extra": ""})]


def _pack(distribution: importlib.metadata.Distribution, folder: Path) -> None:
    tag = next(
        line.partition(":")[2].strip()
        for line in (distribution.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag:")
    )
    name = distribution.metadata["Name"].replace("-", "_").replace(".", "_")
    info = f"{name}-{distribution.version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{distribution.version}-{tag}.whl", "w") as wheel:
        record = []
        for file in distribution.files or ():
            is_ours = ".." not in file.parts and not file.is_absolute()
            if not is_ours or file.suffix == ".pyc" or file.name in {"RECORD", "INSTALLER"}:
                continue
            inside = file.as_posix()
            if file.parts[0].endswith(".dist-info"):
                inside = "/".join((info, *file.parts[1:]))
            wheel.write(str(file.locate()), inside)
            record.append(f"{inside},,")
        wheel.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,", ""]))
