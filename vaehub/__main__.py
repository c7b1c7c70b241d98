"""Run vaehub as ``python -m vaehub``."""

from __future__ import annotations

import sys

from vaehub.cli import main

if __name__ == "__main__":
    sys.exit(main())
