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
    "adopt": "Use files that you have already, whatever their names.",
    "uninstall": "Remove what vaehub installed, and nothing else.",
    "verify": "Check installed files against the catalog.",
    "smoke": "Decode with a VAE and say whether it works.",
    "identify": "Say which VAE a file is, whatever its name.",
    "explain": "Say which VAE made a picture, and why it is black or grey.",
    "which": "Say of a checkpoint whether it needs a VAE, and which.",
    "convert": "Turn a checkpoint into safetensors, executing nothing.",
    "doctor": "Say what a UI will not list or load, and what is missing here.",
    "add": "Ask for VAEs in the manifest.",
    "remove": "Take VAEs out of the manifest.",
    "lock": "Write down exactly which bytes a manifest means.",
    "sync": "Make targets equal to a lock.",
    "audit": "Hold targets against vaehub.lock, file by file.",
    "bundle": "Carry a lock and its files to a box without a network.",
    "mirror": "Write a static tree that any web server can serve to vaehub.",
    "store": "Look after the store of verified files.",
    "catalog": "Check and format catalog files.",
    "config": "Read and change the configuration file.",
    "targets": "Give UIs and folders names for --to.",
    "login": "Keep the token of a host.",
    "logout": "Forget the token of a host.",
    "completion": "Print what completes vaehub in bash, zsh or fish.",
    "selftest": "Prove that vaehub works on this machine, without a network.",
}
"""Name and summary, in the order of the help; the module ``commands.<name>`` holds ``command``."""


def load(name: str) -> Command | Group:
    """Import a command of the table."""
    module = importlib.import_module(f"vaehub.cli.commands.{name}")
    return cast("Command | Group", module.command)
