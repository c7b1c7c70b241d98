"""The index of a bundle: its first member, which says what the others must be.

Pure: makes the index of a lock, and reads one, believing nothing that is not of its very form.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from vaehub.errors import BundleRefused
from vaehub.provision.bundles import tarred
from vaehub.provision.lock import FILE_NAME as LOCK_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.provision.lock import Lock, LockedVae

NAME = "vaehub-bundle.json"
README_NAME = "README.txt"
SCHEMA = 1
CEILING = 8 << 20
"""Bytes of the index, and of the lock; a thousand VAEs take a tenth of it."""
README_CEILING = 1 << 16
_KEYS = {"schema", "lock", "members", "vaes"}
_SHA256 = re.compile(r"[0-9a-f]{64}")

README = """\
This is a bundle of vaehub: the lock of a set of VAEs, and every file that it names.

    vaehub bundle install vae.tar --to PATH    checks it, and installs what is in it

needs no network. By hand: vaehub-bundle.json says which files these are and under which
licenses, and vaehub.lock under which names a UI wants them. sha256/ holds the files, each
under the SHA-256 of its bytes; check one with

    sha256sum sha256/*

Unpacked, this folder also serves as a mirror: put it behind any web server, and name its
address in VAEHUB_MIRRORS.
"""


class Member(NamedTuple):
    """One file of a bundle, after the index."""

    name: str
    size: int
    sha256: str


class Index(NamedTuple):
    """What a bundle must hold."""

    lock: Member
    readme: Member
    blobs: tuple[Member, ...]
    """By their sha256, each once."""
    vaes: Any
    """What it says of the VAEs, for people; must be what :func:`about` gives."""

    @property
    def members(self) -> tuple[Member, ...]:
        """All of them, in the order of the tar."""
        return (self.lock, self.readme, *self.blobs)

    def length(self, index_size: int) -> int:
        """Count the bytes of the bundle, whose index has that size."""
        sizes = (index_size, *(member.size for member in self.members))
        return sum(map(tarred.length, sizes)) + len(tarred.END)


def blob(sha256: str, size: int) -> Member:
    """Give the member that a blob is."""
    return Member(f"sha256/{sha256}", size, sha256)


def of(lock: Lock, sizes: Mapping[str, int]) -> Index:
    """Make the index of a lock.

    Args:
        lock: The lock.
        sizes: Of its files, by their sha256.
    """
    import hashlib

    text, readme = lock.text().encode(), README.encode()
    digests = sorted(str(artifact.sha256) for artifact in lock.artifacts())
    return Index(
        Member(LOCK_NAME, len(text), lock.digest()),
        Member(README_NAME, len(readme), hashlib.sha256(readme).hexdigest()),
        tuple(blob(digest, sizes[digest]) for digest in digests),
        about(lock),
    )


def text(index: Index) -> bytes:
    """Give the index as it stands in a bundle."""
    said = {
        "schema": SCHEMA,
        "lock": index.lock.sha256,
        "members": [member._asdict() for member in index.members],
        "vaes": index.vaes,
    }
    return (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode()


def about(lock: Lock) -> list[dict[str, Any]]:
    """Say for people what is in a lock: names, licenses, and which files belong to which VAE."""
    return [_about(vae) for vae in lock.vaes]


def parse(content: bytes) -> Index:
    """Read an index.

    Raises:
        BundleRefused: it is none, or asks for something that no bundle has.
    """
    try:
        said = json.loads(content.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _refused(f"is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise _refused("is no JSON object")
    schema = said.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise BundleRefused(
            f"its index has schema {schema}, and this vaehub knows {SCHEMA}",
            hint="update vaehub: pip install --upgrade vaehub",
        )
    if type(schema) is not int or schema != SCHEMA or said.keys() != _KEYS:
        raise _refused("lacks what an index has")
    listed = said["members"]
    if not isinstance(listed, list) or len(listed) < 2:
        raise _refused("lists no members")
    members = tuple(_member(one) for one in listed)
    lock, readme, *blobs = members
    if (lock.name, readme.name) != (LOCK_NAME, README_NAME) or said["lock"] != lock.sha256:
        raise _refused(f"does not begin with {LOCK_NAME} and {README_NAME}")
    if lock.size > CEILING or readme.size > README_CEILING:
        raise _refused(f"has {LOCK_NAME} or {README_NAME} larger than any is")
    for member in blobs:
        if member.name != f"sha256/{member.sha256}":
            raise _refused(f"names {member.name[:80]!r}, which is no sha256/ and digest")
    digests = [member.sha256 for member in blobs]
    if digests != sorted(set(digests)):
        raise _refused("lists a file twice, or its files in another order than that of their names")
    return Index(lock, readme, tuple(blobs), said["vaes"])


def _member(said: Any) -> Member:
    if not isinstance(said, dict) or said.keys() != {"name", "size", "sha256"}:
        raise _refused("has a member without name, size and sha256")
    name, size, sha256 = said["name"], said["size"], said["sha256"]
    if not isinstance(name, str) or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise _refused("has a member whose name is no text, or whose sha256 is none")
    if type(size) is not int or not 0 <= size <= tarred.LARGEST:
        raise _refused("has a member whose size is no number of bytes")
    return Member(name, size, sha256)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refused(what: str) -> BundleRefused:
    return BundleRefused(f"its index {what}", hint="it was damaged or made by hand: make it anew")


def _about(vae: LockedVae) -> dict[str, Any]:
    license_ = vae.entry.license
    source = {} if license_.source is None else {"source": license_.source}
    return {
        "name": vae.name,
        "entry": vae.entry.full_name,
        "variant": vae.variant.name,
        "title": vae.entry.title,
        "license": {"id": license_.id, **source},
        "files": [
            {"name": locked.artifact.name, "sha256": locked.artifact.sha256}
            for locked in vae.artifacts
        ],
    }
