# Copyright the vaehub contributors
# SPDX-License-Identifier: Apache-2.0
"""From the results of vaehub to what a play gets: the files, what changed, and the diff.

Pure; knows the results' form and nothing else.
"""

from __future__ import annotations


def of_installs(results):
    """Give one fact for each file of the results of ``install`` or ``sync``."""
    return [_of_file(result, file) for result in results for file in result["files"]]


def _of_file(result, file):
    status = file["status"]
    if file["action"] == "remove" and status == "would be removed":
        status = "planned"
    return {
        "entry": result["entry"],
        "variant": result["variant"],
        "target": result["target"],
        "layout": result["layout"],
        "path": file["path"],
        "size": file["size"],
        "sha256": file["sha256"],
        "listed_as": file.get("listed_as"),
        "action": file["action"],
        "status": status,
    }


def of_receipts(results, status, action):
    """Give one fact for each file that ``verify`` or ``uninstall`` told of."""
    return [
        {
            "entry": result["entry"],
            "variant": result["variant"],
            "target": result["target"],
            "layout": None,
            "path": result["path"],
            "size": result.get("size"),
            "sha256": result["sha256"],
            "listed_as": None,
            "action": action,
            "status": status,
        }
        for result in results
    ]


def has_changed(facts):
    """Tell whether anything was done, or would be."""
    return any(fact["status"] not in {"present", "kept"} for fact in facts)


def diff(before, facts):
    """Give Ansible's diff: what vaehub has installed, before and after.

    Args:
        before: The results of ``verify``, of these targets.
        facts: What was done, or would be.
    """
    entries = {fact["entry"] for fact in facts}
    old = {
        one["path"]: _line(one)
        for one in before
        if one["entry"] in entries and one["state"] != "missing"
    }
    new = dict(old)
    for fact in facts:
        if fact["action"] == "remove":
            if fact["status"] != "kept":
                new.pop(fact["path"], None)
        elif fact["status"] != "present" or fact["path"] not in old:
            new[fact["path"]] = _line(fact)
    return {
        "before_header": "installed by vaehub",
        "after_header": "installed by vaehub",
        "before": _text(old),
        "after": _text(new),
    }


def _line(one):
    said = one["sha256"] or "known once it is converted"
    state = one.get("state", "ok")
    note = "" if state == "ok" else f" ({state})"
    what = f"{one['entry']}@{one['variant']}"
    return f"{one['path']} sha256 {said} {what}{note}\n"


def _text(lines):
    return "".join(lines[path] for path in sorted(lines))
