"""An audit's report as SARIF 2.1.0, which code scanning services and editors show.

The same findings give the same bytes. Files are named relative to their target, whose place stands
in ``originalUriBaseIds`` alone. Writes no files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes

from vaehub import __version__
from vaehub.errors import Drift
from vaehub.provision.findings import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.model import Problem
    from vaehub.provision.audited import Audited, AuditResult
    from vaehub.provision.places import Placed

MARK = b'"$schema": "https://docs.oasis-open.org/sarif/'
"""What such a file has near its beginning."""
_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {True: "error", False: "note"}
_WARNINGS = frozenset({"receipt-damaged", "unreadable"})
"""Where they are no errors, they still deserve more than a note."""


def sarif(result: AuditResult, *, lock: Path) -> str:
    """Give the SARIF log of an audit.

    Args:
        result: What it found.
        lock: The lock, at which findings about it point.
    """
    return json.dumps(_Log(result, lock).as_json(), indent=2, ensure_ascii=False) + "\n"


class _Log:
    def __init__(self, result: AuditResult, lock: Path) -> None:
        self._result = result
        self._lock = lock.absolute()
        self._rules = list(FINDINGS)
        self._bases: dict[Placed | None, str] = {None: "LOCK"}
        for place in result.places:
            first = place.name or place.target.layout
            taken, number, base = set(self._bases.values()), 1, first
            while base in taken:
                number += 1
                base = f"{first}-{number}"
            self._bases[place] = base

    def as_json(self) -> dict[str, Any]:
        """Give the log."""
        found = [self._result_of(one.problem, one.place) for one in self._result.others]
        found += [
            self._result_of(file.problem, file.place, file)
            for file in self._result.files
            if file.problem is not None
        ]
        return {
            "$schema": _SCHEMA,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": self._driver()},
                    "automationDetails": {"id": "vaehub/audit/"},
                    "invocations": [
                        {
                            "executionSuccessful": True,
                            "exitCode": 0 if self._result.ok else Drift.exit_code,
                        }
                    ],
                    "originalUriBaseIds": {
                        base: {"uri": self._root(place)} for place, base in self._bases.items()
                    },
                    "results": found,
                    "columnKind": "unicodeCodePoints",
                }
            ],
        }

    def _driver(self) -> dict[str, Any]:
        return {
            "name": "vaehub",
            "version": __version__,
            "semanticVersion": __version__,
            "rules": [
                {
                    "id": code,
                    "name": "".join(part.capitalize() for part in code.split("-")),
                    "shortDescription": {"text": _sentence(finding.means)},
                    "fullDescription": {"text": _sentence(finding.means)},
                    "help": {
                        "text": f"What to do: {finding.mends.replace('`', '')}.",
                        "markdown": f"What to do: {finding.mends}.",
                    },
                    "defaultConfiguration": {"level": _level(code, blocking=finding.blocking)},
                }
                for code, finding in FINDINGS.items()
            ],
        }

    def _root(self, place: Placed | None) -> str:
        return self._folder(place).as_uri().rstrip("/") + "/"

    def _folder(self, place: Placed | None) -> Path:
        return self._lock.parent if place is None else place.target.root.absolute()

    def _result_of(
        self, problem: Problem, place: Placed | None, file: Audited | None = None
    ) -> dict[str, Any]:
        path, line = self._place_of(problem, place)
        location = self._location(path, place)
        physical: dict[str, Any] = {"artifactLocation": location}
        if line is not None:
            physical["region"] = {"startLine": line}
        hint = f" ({problem.hint})" if problem.hint else ""
        said: dict[str, Any] = {
            "ruleId": problem.code,
            "ruleIndex": self._rules.index(problem.code),
            "level": _level(problem.code, blocking=problem.blocking),
            "message": {"text": _clean(problem.message + hint)},
            "locations": [{"physicalLocation": physical}],
            "partialFingerprints": {
                "vaehubFinding/v1": _fingerprint(problem, place, location["uri"])
            },
        }
        properties = _properties(file) if file is not None else {}
        if properties:
            said["properties"] = properties
        return said

    def _place_of(self, problem: Problem, place: Placed | None) -> tuple[Path, int | None]:
        """Give the file that a problem is about, and the line where it is about one."""
        if problem.where is None:
            return self._lock, None
        said = re.fullmatch(r"(.+):([0-9]+)", problem.where) if place is None else None
        if said is None:
            return Path(problem.where).absolute(), None
        return Path(said[1]).absolute(), int(said[2])

    def _location(self, path: Path, place: Placed | None) -> dict[str, str]:
        folder = self._folder(place)
        if path.is_relative_to(folder):
            relative = os.fsencode(path.relative_to(folder).as_posix())
            return {"uri": quote_from_bytes(relative), "uriBaseId": self._bases[place]}
        return {"uri": path.as_uri()}


def _level(code: str, *, blocking: bool) -> str:
    return "warning" if code in _WARNINGS and not blocking else _LEVELS[blocking]


def _fingerprint(problem: Problem, place: Placed | None, uri: str) -> str:
    """Tell a finding from all others, the same in each run in which it is there."""
    about = "" if place is None else place.name or str(place.target)
    # What the lock lacks or has too much is told by the message alone.
    said = problem.message if place is None else ""
    text = "\n".join((problem.code, about, uri, said))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _properties(file: Audited) -> Mapping[str, Any]:
    said: dict[str, Any] = {"size": file.size, "sha256": file.sha256}
    if file.expected is not None:
        artifact = file.expected.locked.artifact
        said |= {
            "entry": file.expected.vae.entry.full_name,
            "variant": file.expected.vae.variant.name,
            "expectedSize": artifact.size,
            "expectedSha256": artifact.sha256,
            "converted": file.expected.is_converted,
        }
    return {key: value for key, value in said.items() if value is not None}


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _clean(text: str) -> str:
    """Take out what no UTF-8 has: the undecodable bytes of a name."""
    return text.encode("utf-8", "replace").decode()
