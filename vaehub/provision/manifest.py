"""``vaehub.yaml``: the VAEs that somebody wants on a machine, where, and under which policy.

Knows the file's form and what it means. Refuses to know catalogs, and whether a name leads
anywhere: :mod:`vaehub.provision.locking` does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from vaehub.errors import CatalogError, ManifestError
from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vaehub.catalog.read import Document, NodePath

FILE_NAME = "vaehub.yaml"
_FORMAT = 1
"""Changes whenever the checks do: what was read before is then read again."""
_CEILING = 1 << 20
"""Bytes; a thousand VAEs take a tenth of it."""
Pickles = Literal["allow", "convert", "deny"]
Foreign = Literal["report", "allow"]


class Wanted(NamedTuple):
    """One VAE of a manifest."""

    name: str
    """``id``, ``id@variant`` or ``catalog/id``, in lower case."""
    targets: tuple[str, ...] = ()
    """The targets that it is for, sorted; none stands for all."""
    where: str | None = None
    """``file:line``, for messages."""


class Place(NamedTuple):
    """One target of a manifest."""

    ui: str
    """Id of the layout."""
    path: str | None = None
    """As it is written: relative to the manifest; None: whoever syncs says where."""


class Smoke(NamedTuple):
    """What each VAE must decode in."""

    dtypes: tuple[str, ...]
    device: str = "auto"


class Policy(NamedTuple):
    """What may be installed, where from, and what must be proved of it."""

    pickles: Pickles = "allow"
    licenses_accepted: tuple[str, ...] = ()
    licenses_denied: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    """The only hosts, in their order; none stands for all, in the catalog's order."""
    mirrors: tuple[str, ...] = ()
    require_pinned: bool = False
    smoke: Smoke | None = None
    """None: no smoke test is asked for."""
    foreign: Foreign = "report"

    def as_json(self) -> dict[str, Any]:
        """Give the policy as manifest and lock have it, without what is the default."""
        said: dict[str, Any] = {
            "pickles": self.pickles if self.pickles != "allow" else None,
            "licenses": {
                key: list(value)
                for key, value in (
                    ("accept", self.licenses_accepted),
                    ("deny", self.licenses_denied),
                )
                if value
            },
            "hosts": list(self.hosts),
            "mirrors": list(self.mirrors),
            "require_pinned": self.require_pinned,
            "smoke": self.smoke
            and {"dtypes": list(self.smoke.dtypes), "device": self.smoke.device},
            "foreign": self.foreign if self.foreign != "report" else None,
        }
        return {key: value for key, value in said.items() if value}


class Manifest(NamedTuple):
    """What a manifest says."""

    path: Path
    vaes: tuple[Wanted, ...]
    """In the order of the file."""
    targets: Mapping[str, Place]
    policy: Policy

    def digest(self) -> str:
        """Give the sha256 of what is asked for: order, comments and paths do not count."""
        asked = {
            "vaes": sorted([wanted.name, list(wanted.targets)] for wanted in self.vaes),
            "targets": {name: place.ui for name, place in self.targets.items()},
            "policy": self.policy.as_json(),
        }
        text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def read(path: Path, *, cache: Path | None = None) -> Manifest:
    """Read a manifest.

    Args:
        path: The file.
        cache: The user's cache, which remembers what it said; reading YAML takes longer than all
            else when there is nothing to do.

    Raises:
        ManifestError: it is not there or cannot be read, or it is wrong; carries the problems with
            file and line.
    """
    content = read_bytes(path)
    if content is None:
        raise ManifestError(
            f"there is no manifest {path}",
            hint="`vaehub add NAME` begins one; docs/provisioning.md shows what it may say",
        )
    if cache is None:
        return parse(content, path=path)
    from vaehub import __version__, caching

    known = cache / "manifests" / f"{caching.sha256(content)}-{_FORMAT}-{__version__}"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(caching.recall(known))
        return manifest_of(said["data"], path=path, lines=said["lines"])
    document = document_of(content, path=path)
    found = checked(document, path=path)
    caching.remember(known, json.dumps({"data": document.data, "lines": _lines(document)}))
    return found


def read_bytes(path: Path) -> bytes | None:
    """Give the bytes of a manifest, at most one more than it may have; None: there is none.

    Raises:
        ManifestError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(_CEILING + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestError(f"cannot read {path}: {error.strerror or error}") from error


def parse(content: bytes, *, path: Path) -> Manifest:
    """Read a manifest's bytes; ``path`` is for messages, and what its own paths are relative to.

    Raises:
        ManifestError: it is wrong; carries the problems with file and line.
    """
    return checked(document_of(content, path=path), path=path)


def checked(document: Document, *, path: Path) -> Manifest:
    """Give what a manifest says whose YAML was read.

    Raises:
        ManifestError: it is wrong; carries the problems with file and line.
    """
    found = manifest_of(shaped(document), path=path, lines=_lines(document))
    refuse(_contradictions(found, document))
    return found


def _lines(document: Document) -> list[int]:
    return [document.line(("vaes", index)) for index in range(len(document.data["vaes"]))]


def shaped(document: Document) -> Any:
    """Give the data of a manifest, which has the schema's shape.

    Raises:
        ManifestError: it has not; carries the problems, with what to write instead.
    """
    from vaehub.catalog.schema import shape_problems

    def hint(path: NodePath, value: Any, choices: Sequence[str]) -> str | None:
        from vaehub.provision import mistakes  # mostly there is none

        return mistakes.hint(path, value, choices)

    problems, data = shape_problems(document, foreign=False, name="manifest", hint=hint)
    # What is lacking is mostly there under a wrong name.
    refuse(sorted(problems, key=lambda problem: problem.code == "schema-required"))
    return data


def document_of(content: bytes, *, path: Path) -> Document:
    """Read a manifest's YAML, whatever it says.

    Raises:
        ManifestError: it is too large, or not the YAML that we allow.
    """
    from vaehub.catalog.read import decode, read_text

    if len(content) > _CEILING:
        message = f"a manifest may have {_CEILING:,} bytes, and this file has more"
        refuse([_problem(message, f"{path}:1")])
    text = ""
    try:
        text = decode(content, origin=str(path))
        return read_text(text, origin=str(path))
    except CatalogError as error:
        from vaehub.provision import mistakes

        hint = mistakes.yaml(text, error.problems[0]) if error.problems else None
        raise ManifestError(error.message, problems=error.problems, hint=hint) from None


def manifest_of(data: Mapping[str, Any], *, path: Path, lines: Sequence[int] = ()) -> Manifest:
    """Build a manifest from data that has the schema's shape.

    Args:
        data: The data.
        path: The file, which its own paths are relative to.
        lines: On which line each VAE stands.
    """
    vaes = []
    for index, said in enumerate(data["vaes"]):
        where = f"{path}:{lines[index]}" if lines else None
        fields = {"name": said} if isinstance(said, str) else said
        name = fields["name"].casefold()
        if "variant" in fields:
            name = f"{name}@{fields['variant'].casefold()}"
        vaes.append(Wanted(name, tuple(sorted(fields.get("targets", ()))), where))
    targets = {
        name: Place(fields["ui"], fields.get("path"))
        for name, fields in sorted(data.get("targets", {}).items())
    }
    return Manifest(path, tuple(vaes), targets, policy_of(data.get("policy", {})))


def policy_of(data: Mapping[str, Any]) -> Policy:
    """Build a policy from data that has the schema's shape."""
    licenses = data.get("licenses", {})
    smoke = data.get("smoke")
    return Policy(
        pickles=data.get("pickles", "allow"),
        licenses_accepted=tuple(sorted(licenses.get("accept", ()))),
        licenses_denied=tuple(sorted(licenses.get("deny", ()))),
        hosts=tuple(data.get("hosts", ())),
        mirrors=tuple(dict.fromkeys(address.rstrip("/") for address in data.get("mirrors", ()))),
        require_pinned=data.get("require_pinned", False),
        smoke=smoke and Smoke(tuple(smoke["dtypes"]), smoke.get("device", "auto")),
        foreign=data.get("foreign", "report"),
    )


def _contradictions(found: Manifest, document: Document) -> list[Problem]:
    """Find what the shape alone does not show."""
    problems = []
    names: dict[str, str | None] = {}
    for index, wanted in enumerate(found.vaes):
        said = document.data["vaes"][index]
        if isinstance(said, dict) and "variant" in said and "@" in said["name"]:
            problems.append(_problem(f"{said['name']} names a variant already", wanted.where))
        elif wanted.name in names:
            first = names[wanted.name]
            problems.append(_problem(f"{wanted.name} stands twice, first at {first}", wanted.where))
        names.setdefault(wanted.name, wanted.where)
        known = ", ".join(found.targets) or "none"
        problems += [
            _problem(f"{wanted.name}: no target is called {name}; there is {known}", wanted.where)
            for name in wanted.targets
            if name not in found.targets
        ]
    both = set(found.policy.licenses_accepted) & set(found.policy.licenses_denied)
    problems += [
        _problem(f"the license {name} is both accepted and denied", document.where(("policy",)))
        for name in sorted(both)
    ]
    return problems


def _problem(message: str, where: str | None) -> Problem:
    return Problem("manifest", message, where=where)


def refuse(problems: Sequence[Problem]) -> None:
    """Refuse a manifest, if there are problems.

    Raises:
        ManifestError: there are; it names the first and carries all.
    """
    if not problems:
        return
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    where = f"{first.where}: " if first.where else ""
    raise ManifestError(f"{where}{first.message}{more}", hint=first.hint, problems=problems)
