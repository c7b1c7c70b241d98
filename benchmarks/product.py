"""Which vaehub is measured, and how it is started."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Product:
    """An installed vaehub."""

    words: str
    """For the page: what it is."""
    python: Path
    argv: tuple[str, ...]
    """Starts the command."""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def bin(self) -> Path:
        """Where the scripts of its environment lie."""
        return self.python.parent


def in_environment(folder: Path, *, words: str) -> Product:
    """Take the vaehub that is installed in a virtual environment.

    Raises:
        FileNotFoundError: there is none.
    """
    folder = folder.absolute()
    script = folder / "bin" / "vaehub"
    if not script.exists():
        raise FileNotFoundError(f"{script}: no such file")
    return Product(words, folder / "bin" / "python", (str(script),))


def from_wheel(work: Path) -> Product | str:
    """Build a wheel of this checkout and install it anew, as users have it.

    Returns:
        Why that cannot be done here, in words, where it cannot.
    """
    folder = work / "venv"
    pip = (str(folder / "bin" / "python"), "-m", "pip")
    try:
        subprocess.run(
            [sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, text=True
        )
        subprocess.run(
            # pip as well, for its start-up is measured too, and the one that Python brings is slow.
            [*pip, "install", "--quiet", "--upgrade", "pip", str(ROOT)],
            check=True,
            capture_output=True,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        words: list[str] = error.stderr.strip().splitlines()
        return words[-1] if words else "no reason given"
    return in_environment(folder, words="a wheel of this checkout in a fresh environment")


def from_checkout() -> Product:
    """Take this checkout as it stands, with the dependencies of this interpreter."""
    return Product(
        "the checkout itself (`python -m vaehub`), not a wheel",
        Path(sys.executable),
        (sys.executable, "-m", "vaehub"),
        {"PYTHONPATH": str(ROOT)},
    )
