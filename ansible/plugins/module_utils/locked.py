# Copyright the vaehub contributors
# SPDX-License-Identifier: Apache-2.0
"""A lock that names some of the VAEs of another one.

Knows as much of a lock's form as that takes; vaehub itself checks the whole of it. Pure.
"""

from __future__ import annotations

import json


class NotLocked(Exception):
    """The lock cannot be read, or lacks a name; ``rc`` is vaehub's exit code for that."""

    def __init__(self, message, rc):
        super().__init__(message)
        self.rc = rc


def select(text, names, origin):
    """Give the lock of these names alone.

    Args:
        text: The lock's text.
        names: Names as in the manifest, ids or full names, each optionally with ``@variant``.
        origin: The lock's path, for messages.

    Raises:
        NotLocked: it is no lock, or does not name one of them.
    """
    try:
        lock = json.loads(text)
        vaes = lock["vaes"]
        known = sorted({vae["name"] for vae in vaes})
        chosen = {name: [vae for vae in vaes if _is(vae, name)] for name in names}
    except (ValueError, KeyError, TypeError):
        raise NotLocked(f"{origin} is no lock: `vaehub lock` makes one", 2) from None
    lacking = [name for name in names if not chosen[name]]
    if lacking:
        raise NotLocked(
            "the lock {} does not name {}; it names {}".format(
                origin, ", ".join(lacking), ", ".join(known) or "nothing"
            ),
            4,
        )
    kept = [vae for vae in vaes if any(vae in found for found in chosen.values())]
    return dict(lock, vaes=kept)


def superseded(results, lock):
    """Find what an earlier lock had of the same VAEs.

    Args:
        results: Of a sync that was to remove all else, and did nothing.
        lock: The lock of the names in question.

    Returns:
        Pairs of a target and ``entry@variant``, sorted: those can be removed by name, for the lock
        has another variant there.
    """
    entries = {vae["entry"] for vae in lock["vaes"]}
    right = {
        (result["target"], result["entry"], result["variant"])
        for result in results
        if all(file["action"] != "remove" for file in result["files"])
    }
    return sorted(
        {
            (result["target"], "{}@{}".format(result["entry"], result["variant"]))
            for result in results
            if result["entry"] in entries
            and (result["target"], result["entry"], result["variant"]) not in right
        }
    )


def _is(vae, name):
    bare, _at, variant = name.strip().lower().partition("@")
    locked = vae["name"].partition("@")[0]
    if bare not in (locked, vae["entry"], vae["entry"].partition("/")[2]):
        return False
    return variant in ("", vae["variant"])
