"""Run vaehub as ``python -m vaehub``."""

from __future__ import annotations

from vaehub.cli import script

if __name__ == "__main__":
    script()
