"""The table of commands. A command's module is imported when the command runs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from vaehub.cli.declared import Command, Group

COMMANDS = {
    "list": "List the catalog, one row per VAE.",
    "search": "Find VAEs by name, model or purpose.",
    "info": "Show everything known of a VAE.",
    "install": "Install VAEs into a UI or a folder.",
    "uninstall": "Remove what vaehub installed, and nothing else.",
    "verify": "Check installed files against the catalog.",
    "smoke": "Decode with a VAE and say whether it works.",
    "doctor": "Say what a UI will not list or load, and what is missing here.",
    "store": "Look after the store of verified files.",
    "catalog": "Check and format catalog files.",
    "selftest": "Prove that vaehub works on this machine, without a network.",
}
"""Name and summary, in the order of the help; the module ``commands.<name>`` holds ``command``."""


def load(name: str) -> Command | Group:
    """Import a command of the table."""
    module = importlib.import_module(f"vaehub.cli.commands.{name}")
    return cast("Command | Group", module.command)
