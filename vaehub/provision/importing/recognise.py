"""Find what in the catalogs a mention means; one that may mean two things is not taken.

A mention is read in several ways: by the sha256 that it states or that its file has, by the
addresses that it gives, by its name. The ways that lead somewhere must lead to the same variant.
Other hashes are too short, or too seldom checked, to prove anything: they can only contradict.
Pure, but for the catalogs that it is given.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.errors import NamingError
from vaehub.provision.importing import addresses

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from vaehub.catalog import Catalogs
    from vaehub.model import Artifact, Entry, Variant
    from vaehub.provision.importing.mentions import Digest, Mention

By = Literal["sha256", "address", "name", "hash"]
"""``hash``: one that is no whole sha256; nothing is recognised by it alone."""
WAYS: tuple[By, ...] = ("sha256", "address", "name", "hash")
"""The surest first."""
_FULL = 64
_SHA256 = frozenset({"sha256", "autov2", None})
"""What the digits of a sha256, or the first of them, are called; None: somebody said nothing."""
_ANYBODYS = frozenset(
    {
        "decoder",
        "diffusion_pytorch_model",
        "diffusion_pytorch_model.fp16",
        "encoder",
        "model",
        "pytorch_model",
        "tokenizer",
        "vae",
    }
)
"""Names, without extension, that files of many VAEs have: that a catalog knows one of them under
such a name says nothing of the others."""


class Pick(NamedTuple):
    """A variant of an entry."""

    entry: Entry
    variant: Variant

    @property
    def name(self) -> str:
        """``catalog/id@variant``."""
        return f"{self.entry.full_name}@{self.variant.name}"


class Verdict(NamedTuple):
    """What became of a mention."""

    pick: Pick | None = None
    """None: it is not taken."""
    by: By | None = None
    """What it was recognised by."""
    candidates: tuple[Pick, ...] = ()
    """What it may be where it is not taken; none: nobody knows."""
    why: str = ""
    """Why it is not taken."""
    unsure: bool = True
    """Whether it is one of the candidates, if any; else they are only like it."""


class _Reading(NamedTuple):
    """One way of reading a mention, and what it leads to."""

    by: By
    names: frozenset[str]


class Recogniser:
    """What the catalogs know, by each way of reading a mention."""

    def __init__(self, catalogs: Catalogs, *, hub: str | None = None) -> None:
        """Index the catalogs.

        Args:
            catalogs: What is known.
            hub: The user's own mirror of Hugging Face, whose addresses are read like its own.
        """
        self._catalogs = catalogs
        self._hub = hub
        self._picks: dict[str, Pick] = {}
        """By name, in the order of the catalogs."""
        self._by_sha256: dict[str, list[str]] = {}
        self._by_hash: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        self._by_address: dict[tuple[str, tuple[str, ...]], list[tuple[str, str | None]]] = {}
        for pick, artifact in _artifacts(catalogs):
            self._picks[pick.name] = pick
            self._index(pick.name, artifact)

    def _index(self, pick: str, artifact: Artifact) -> None:
        if artifact.sha256 is not None:
            self._by_sha256.setdefault(artifact.sha256, []).append(pick)
        for kind, digits in artifact.hashes.items():
            self._by_hash.setdefault(f"{kind}:{digits.lower()}", []).append(pick)
        for name in {name.casefold() for name in (artifact.name, *artifact.known_as)}:
            self._by_name.setdefault(name, []).append(pick)
        for source in artifact.sources:
            at = addresses.of_source(source)
            if at is not None:
                known = self._by_address.setdefault((at.host, at.file), [])
                known.append((pick, at.revision))

    def of_bytes(self, sha256: str) -> Pick | None:
        """Give what a file with these bytes is; of several, the first catalog's."""
        names = self._by_sha256.get(sha256)
        return self._picks[names[0]] if names else None

    def alike(self, file: str, digests: Iterable[Digest] = ()) -> tuple[Pick, ...]:
        """Give what a file is like whose bytes are in no catalog: by its name, by other hashes."""
        names = set(self._of_name(file))
        for one in digests:
            names.update(self._of_digest(one))
        return self._sorted(names)

    def judge(self, mention: Mention) -> Verdict:
        """Find what a mention means."""
        if mention.pair:
            return self._of_pair(mention.file)
        readings = list(self._readings(mention))
        found = self._sorted({name for reading in readings for name in reading.names})
        strange = self._strange(mention)
        if strange is not None:
            why = f"its sha256 is {strange[:12]}…, and no file of the catalogs has that"
            return Verdict(candidates=found, why=why)
        if not found:
            return Verdict(why="no file of the catalogs is called so or comes from there")
        common = frozenset.intersection(*(reading.names for reading in readings))
        if not common:
            return Verdict(candidates=found, why=_contradiction(readings))
        best = min((reading.by for reading in readings), key=WAYS.index)
        if best == "hash":
            why = "only a hash speaks for it that is no whole sha256"
            return Verdict(candidates=found, why=why)
        left = self._sorted(common)
        if best == "sha256":  # then all of them are these bytes
            return Verdict(left[0], best)
        left = _preferred(left, mention.file) or left
        if len(left) > 1:
            return Verdict(candidates=left, why=f"its {best} fits {len(left)} files")
        return Verdict(left[0], best)

    def _readings(self, mention: Mention) -> Iterator[_Reading]:
        """Give each way that leads somewhere."""
        for one in mention.digests:
            names = self._of_digest(one)
            if names:
                sure = one.kind in _SHA256 and one.digits in self._by_sha256
                yield _Reading("sha256" if sure else "hash", frozenset(names))
        for url in mention.urls:
            names = self._of_address(url)
            if names:
                yield _Reading("address", frozenset(names))
        names = self._of_name(mention.file)
        if names:
            yield _Reading("name", frozenset(names))

    def _strange(self, mention: Mention) -> str | None:
        """Give a whole sha256 that is stated and that no catalog knows."""
        for one in mention.digests:
            if one.kind in _SHA256 and len(one.digits) == _FULL and not self._of_digest(one):
                return one.digits
        return None

    def _of_digest(self, one: Digest) -> list[str]:
        if one.kind not in _SHA256:
            return self._by_hash.get(f"{one.kind}:{one.digits}", [])
        if len(one.digits) < _FULL:
            return [
                name
                for sha256, names in self._by_sha256.items()
                if sha256.startswith(one.digits)
                for name in names
            ]
        found = self._by_sha256.get(one.digits, [])
        # 64 digits without a word may be those of BLAKE3 as well.
        return found or ([] if one.kind else self._by_hash.get(f"blake3:{one.digits}", []))

    def _of_address(self, url: str) -> list[str]:
        """Give what stands at an address; another revision of a file counts as that file."""
        at = addresses.read(url, hub=self._hub)
        if at is None:
            return []
        known = self._by_address.get((at.host, at.file), [])
        exact = [name for name, revision in known if revision == at.revision]
        if at.revision is None or not exact:
            # Of one version at Civitai, another file is another file, and no other revision.
            aside = at.revision if at.host == "civitai" else None
            return [name for name, revision in known if None in (aside, revision)]
        return exact

    def _of_name(self, name: str) -> list[str]:
        if _anybodys(name):
            return []
        # SD.Next finds a VAE with and without this extension.
        bare = self._by_name.get(f"{name}.safetensors".casefold(), [])
        return self._by_name.get(name.casefold(), bare)

    def _of_pair(self, name: str) -> Verdict:
        """Find the variant that has both halves under the names by which ComfyUI finds them."""
        try:
            entry, _ = self._catalogs.resolve(name)
        except NamingError as error:
            return Verdict(why=error.message)
        for variant in entry.variants:
            names = [artifact.name for artifact in variant.artifacts]
            halves = (f"{name}_encoder.", f"{name}_decoder.")
            if all(any(one.startswith(half) for one in names) for half in halves):
                return Verdict(Pick(entry, variant), "name")
        return Verdict(
            candidates=tuple(Pick(entry, variant) for variant in entry.variants),
            why=f"ComfyUI wants {name}_encoder and {name}_decoder, and no variant has both",
            unsure=False,
        )

    def _sorted(self, names: Collection[str]) -> tuple[Pick, ...]:
        return tuple(pick for name, pick in self._picks.items() if name in names)


def _preferred(picks: tuple[Pick, ...], file: str) -> tuple[Pick, ...]:
    """Choose among variants of one entry; empty where they are of several, or none goes first.

    What the catalog calls so goes before what others call so, and the default before the rest.
    """
    if len({pick.entry.full_name for pick in picks}) > 1:
        return ()
    called = tuple(
        pick
        for pick in picks
        if file.casefold() in {one.name.casefold() for one in pick.variant.artifacts}
    )
    default = tuple(pick for pick in picks if pick.variant == pick.entry.default)
    return called if len(called) == 1 else default


def _contradiction(readings: Iterable[_Reading]) -> str:
    said = [f"its {by} says {' or '.join(sorted(names))}" for by, names in readings]
    return f"what is said of it disagrees: {', '.join(said)}"


def _anybodys(name: str) -> bool:
    stem = name[: len(name) - len(PurePosixPath(name).suffix)]
    return stem.casefold() in _ANYBODYS


def _artifacts(catalogs: Catalogs) -> Iterator[tuple[Pick, Artifact]]:
    for entry in catalogs.entries():
        for variant in entry.variants:
            for artifact in variant.artifacts:
                yield Pick(entry, variant), artifact
