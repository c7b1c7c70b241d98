"""The table of what an audit finds: a stable code, how grave it is, what it means, what mends it.

docs/provisioning.md shows this table, and SARIF reports carry it. Knows no file and no UI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Finding(NamedTuple):
    """One row of the table."""

    means: str
    mends: str
    blocking: bool = True
    """Whether it makes an audit fail."""


FINDINGS: Mapping[str, Finding] = {
    # A file that the lock names
    "missing": Finding("the file is not there", "`vaehub sync`"),
    "renamed": Finding(
        "its bytes stand under another name, and not under its own",
        "rename it back; or `vaehub sync`, which places it anew",
    ),
    "changed": Finding(
        "the very file that vaehub placed holds other bytes: bit rot, a partial write, an editor",
        "`vaehub sync`; `vaehub store verify` tells whether the store is damaged as well",
    ),
    "replaced": Finding(
        "something else has its name",
        "move or delete that, then `vaehub sync`",
    ),
    "outdated": Finding("vaehub placed it, and the lock names other bytes by now", "`vaehub sync`"),
    "unreadable": Finding(
        "a file or a folder cannot be read, so that nobody can vouch for it",
        "its permissions, or the disk",
    ),
    "not-installed-by-vaehub": Finding(
        "it holds the right bytes, and vaehub did not place it",
        "nothing need be done; vaehub will never remove it",
        blocking=False,
    ),
    # A file that the lock does not name
    "extra": Finding(
        "vaehub placed it for this target, and the lock does not name it",
        "`vaehub sync` removes it",
    ),
    "foreign": Finding(
        "a model that vaehub did not place and the lock does not name",
        "remove it; or allow such files: `foreign: allow` in the policy, or `--allow-foreign`",
    ),
    "receipt-damaged": Finding(
        "a receipt cannot be read, so that its file counts as the user's",
        "delete the receipt",
        blocking=False,
    ),
    # The lock itself
    "not-locked": Finding("the manifest asks for a VAE that is not in the lock", "`vaehub lock`"),
    "not-wanted": Finding("the lock names a VAE that is not in the manifest", "`vaehub lock`"),
    "lock-outdated": Finding("the manifest has changed since it was locked", "`vaehub lock`"),
}
