"""What the commands share that work on a manifest and its lock."""

from __future__ import annotations

from vaehub.cli.declared import option

manifest_option = option(
    "--manifest",
    metavar="PATH",
    completes="file",
    help="The manifest; without it ./vaehub.yaml.",
)
"""Declares ``--manifest`` of the function below."""

lock_option = option(
    "--lock",
    metavar="PATH",
    completes="file",
    help="The lock; without it vaehub.lock beside the manifest.",
)
"""Declares ``--lock`` of the function below."""

places_option = option(
    "--to",
    metavar="[NAME=]PATH",
    many=True,
    completes="target",
    help="Only this target: one of the lock's by its name, with its path where the manifest has "
    "none, or any UI's root or folder; may be given several times. Without it all targets of the "
    "manifest.",
)
"""Declares ``--to`` of the function below, which names targets of a lock."""
