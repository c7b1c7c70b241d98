"""What a mirror says of itself: ``index.json``, ``SHA256SUMS``, and a page for people.

Pure: text from data and data from text. The same files give the same bytes, whoever wrote them and
in whichever order they came, so that two mirrors can be compared, and a second run has nothing to
write.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.model import License

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INDEX, SUMS, README, BLOBS = "index.json", "SHA256SUMS", "README.txt", "sha256"
SCHEMA = 1
KEY = re.compile(r"[0-9a-f]{64}")
LOCK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What the copy of a lock may be called in a mirror: no other address than its own name."""

_KIND = "vaehub mirror"
README_SIGNATURE = "This folder is a mirror made by vaehub"
README_TEXT = f"""{README_SIGNATURE}: verified model files, named by their SHA-256.

sha256/<digest>   the files; each is whole, and its content has that digest
index.json        what they are: names, sizes, VAEs, licenses
SHA256SUMS        the digests, as `sha256sum --check SHA256SUMS` reads them
*.lock            locks whose files are all here, for `vaehub sync --lock`

Any web server can serve it as it is. To install from it, tell vaehub its address:

    VAEHUB_MIRRORS=https://mirror.example/vaes vaehub sync

or put it into vaehub.yaml, under policy: mirrors. A box believes the digests of its own lock or
catalog and nothing that stands here.

Each file is under the license that index.json names. Where it says "accept": true, the license asks
everybody to accept it who gets the file.
"""


class Listed(NamedTuple):
    """One file of a mirror."""

    sha256: str
    size: int
    name: str
    """What the catalog calls it; of several names, the first in the order of the alphabet."""
    vaes: tuple[str, ...]
    """``catalog/id@variant``, sorted: all that these bytes are."""
    licenses: tuple[License, ...]
    """Sorted by id, each once."""

    @property
    def path(self) -> str:
        """Where it is, relative to the mirror."""
        return f"{BLOBS}/{self.sha256}"

    def as_json(self) -> dict[str, Any]:
        """Give the file as the index has it."""
        return {
            "sha256": self.sha256,
            "size": self.size,
            "path": self.path,
            "name": self.name,
            "vaes": list(self.vaes),
            "licenses": [_license_json(license_) for license_ in self.licenses],
        }

    def merged(self, other: Listed) -> Listed:
        """Give what two locks, or an index and a lock, say of the same file."""
        return self._replace(
            name=min(self.name, other.name),
            vaes=tuple(sorted({*self.vaes, *other.vaes})),
            licenses=in_order((*self.licenses, *other.licenses)),
        )


class Index(NamedTuple):
    """What a mirror holds."""

    files: Mapping[str, Listed]
    """By sha256."""
    locks: Mapping[str, str]
    """By the name of each copied lock, the sha256 of its text."""

    def text(self) -> str:
        """Give the file's text."""
        said = {
            "schema": SCHEMA,
            "kind": _KIND,
            "locks": dict(sorted(self.locks.items())),
            "files": [self.files[sha256].as_json() for sha256 in sorted(self.files)],
        }
        return json.dumps(said, indent=1, ensure_ascii=False) + "\n"

    def sums(self) -> str:
        """Give the digests as ``sha256sum`` writes them."""
        return "".join(f"{sha256}  {BLOBS}/{sha256}\n" for sha256 in sorted(self.files))


NOTHING = Index({}, {})


def parse(content: bytes) -> Index | None:
    """Read an index; None where vaehub has not written that."""
    try:
        said = json.loads(content)
        if said["schema"] != SCHEMA or said["kind"] != _KIND:
            return None
        files = [_listed(each) for each in said["files"]]
        index = Index({each.sha256: each for each in files}, dict(said["locks"]))
        if not all(map(is_free, index.locks)):
            return None
        # Whatever was changed by hand shows here, and so does what is no index at all.
        return index if index.text().encode() == content else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def in_order(licenses: Iterable[License]) -> tuple[License, ...]:
    """Give licenses as an index has them: each once, without notes, sorted."""
    found = {license_._replace(note=None) for license_ in licenses}
    return tuple(
        sorted(
            found, key=lambda one: (one.id, one.source is not None, one.source or "", one.accept)
        )
    )


def is_free(name: str) -> bool:
    """Tell whether a lock may have that name in a mirror."""
    taken = {each.casefold() for each in (INDEX, SUMS, README, BLOBS)}
    return LOCK_NAME.fullmatch(name) is not None and name.casefold() not in taken


def _listed(said: Mapping[str, Any]) -> Listed:
    if not KEY.fullmatch(said["sha256"]):
        raise ValueError("no sha256")
    return Listed(
        sha256=said["sha256"],
        size=int(said["size"]),
        name=said["name"],
        vaes=tuple(said["vaes"]),
        licenses=tuple(
            License(each["id"], each.get("source"), accept=each.get("accept", False))
            for each in said["licenses"]
        ),
    )


def _license_json(license_: License) -> dict[str, Any]:
    said = {"id": license_.id, "source": license_.source, "accept": license_.accept or None}
    return {key: value for key, value in said.items() if value is not None}
