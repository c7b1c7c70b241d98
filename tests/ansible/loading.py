"""Load what of the collection needs no Ansible, from its file."""

from __future__ import annotations

import importlib.util
from typing import Any

from tests.ansible.control import COLLECTION


def load(name: str) -> Any:
    """Load one of the collection's ``module_utils``."""
    path = COLLECTION / "plugins" / "module_utils" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"vaehub_collection_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
