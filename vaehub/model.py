"""The vocabulary of vaehub as named tuples.

Knows what an entry, a variant, an artifact, a source, a download, a plan and a receipt *are*.
Does no I/O and imports nothing of ours, so that every other module may import it; every start
does, and a dataclass takes five times as long to make.
"""

# No postponed annotations here: NamedTuple would compile each of them from its text, at each start.

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Evidence = Literal["confirmed", "single", "host"]
"""How sure a sha256 is: two independent sources, one, or only the host's API at install time."""

PICKLE_SUFFIXES = frozenset({".ckpt", ".pt", ".pth", ".bin"})
"""Containers that a UI unpickles, so that their globals are looked at before placing."""


class Source(NamedTuple):
    """A host and its locator: one way to reach an artifact's bytes."""

    host: str
    locator: Mapping[str, str | int]
    """The host's own keys, e.g. ``{repo, revision, path}``; the schema has checked them."""
    login: bool = False
    """The host hands the file out only with a token."""
    gated: bool = False
    """Somebody must have accepted terms on the host's page."""


class Artifact(NamedTuple):
    """One file of a variant, identified by (sha256, size)."""

    name: str
    """Installed name: unique among all files of its slot in the catalog."""
    sources: tuple[Source, ...]
    size: int | None = None
    """Bytes; None where no evidence gives the exact figure."""
    sha256: str | None = None
    """64 lower-case hex digits; None only with evidence ``host``."""
    evidence: Evidence = "single"
    known_as: tuple[str, ...] = ()
    """Other names under which the very same bytes go around."""
    hashes: Mapping[str, str] = MappingProxyType({})
    """Other digests people quote: autov1, autov3, blake3, crc32 (Civitai's byte order)."""
    fingerprint: Mapping[str, Any] | None = None
    """Digests of the tensors, whatever file holds them; None until somebody had the file."""


class Variant(NamedTuple):
    """One installable form of an entry: a container, layout, precision or version."""

    name: str
    artifacts: tuple[Artifact, ...]
    layout: str | None = None
    """Key layout: ``ldm``, ``diffusers``, ``taesd``, ``native`` ...; None where nobody said."""
    dtype: str | None = None
    note: str | None = None

    @property
    def size(self) -> int | None:
        """Bytes of all artifacts together; None where one is unknown."""
        sizes = [artifact.size for artifact in self.artifacts]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def needs_login(self) -> bool:
        """Whether some artifact has no source that serves without a login."""
        return any(
            all(source.login or source.gated for source in artifact.sources)
            for artifact in self.artifacts
        )

    @property
    def pinned(self) -> bool:
        """Whether the catalog knows the sha256 of every artifact."""
        return all(artifact.sha256 is not None for artifact in self.artifacts)


class License(NamedTuple):
    """Under which terms the file is passed on."""

    id: str
    """SPDX id, or ``LicenseRef-...``; ``LicenseRef-none-stated`` where no license was found."""
    source: str | None = None
    """Page on which the license was read."""
    accept: bool = False
    """The first party asks for acceptance; asked once per machine."""
    note: str | None = None


class SmokeFacts(NamedTuple):
    """What a decode must know of the autoencoder; None stands for unknown."""

    architecture: str | None = None
    latent_channels: int | None = None
    downscale: int | None = None
    """Spatial factor, pixels per latent cell."""
    temporal_downscale: int | None = None
    """Frames per latent frame, for video."""
    scaling_factor: float | None = None
    shift_factor: float | None = None
    fp16: Literal["ok", "nan"] | None = None
    """``nan``: known to overflow in half precision."""


class Entry(NamedTuple):
    """One VAE under one id."""

    id: str
    catalog: str
    """Name of the catalog it stands in; ``catalog/id`` is its full name."""
    title: str
    family: str
    """Which latents it speaks: what a user must match with the checkpoint."""
    license: License
    variants: tuple[Variant, ...]
    """The first is the default."""
    summary: Mapping[str, str] = MappingProxyType({})
    """One line per language: ``en``, ``zh``."""
    suits: tuple[str, ...] = ()
    """Models it goes with, as people call them: ``SDXL``, ``Pony``, ``Illustrious``."""
    tags: tuple[str, ...] = ()
    slot: Literal["vae", "vae-approx"] = "vae"
    homepage: str | None = None
    author: str | None = None
    aliases: tuple[str, ...] = ()
    notes: str | None = None
    smoke: SmokeFacts | None = None

    @property
    def full_name(self) -> str:
        """``catalog/id``: never ambiguous."""
        return f"{self.catalog}/{self.id}"

    @property
    def default(self) -> Variant:
        """The variant that a bare name means."""
        return self.variants[0]


class Catalog(NamedTuple):
    """A parsed file of entries."""

    name: str
    title: str
    entries: Mapping[str, Entry]
    origin: str
    """The path it was read from, for messages."""
    sha256: str
    """Digest of the file: its version."""


class Download(NamedTuple):
    """A located source, ready to GET. Short-lived, never stored."""

    url: str
    """May be signed: never printed."""
    label: str
    """The source in words, without secrets: ``huggingface stabilityai/sdxl-vae``."""
    headers: Mapping[str, str] = MappingProxyType({})
    """May hold a token: goes to this URL's host only and is never printed."""
    size: int | None = None
    """What the host says, where it does."""
    sha256: str | None = None
    """What the host says, where it does; lower-case."""

    def __repr__(self) -> str:
        return f"Download(label={self.label!r}, size={self.size!r}, sha256={self.sha256!r})"


class Problem(NamedTuple):
    """One finding of a check."""

    code: str
    """Stable: scripts match on it."""
    message: str
    where: str | None = None
    """``file:line``, a path, an entry or a source."""
    blocking: bool = True
    hint: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the problem as it stands in ``--json`` output."""
        return {
            "code": self.code,
            "message": self.message,
            "where": self.where,
            "blocking": self.blocking,
            "hint": self.hint,
        }


class Target(NamedTuple):
    """A layout at a path: where an install goes."""

    layout: str
    """Id of the layout: ``automatic1111``, ``comfyui``, ``folder`` ..."""
    root: Path
    """The UI's root, or the folder itself for ``folder``."""

    def __str__(self) -> str:
        return str(self.root)


class Receipt(NamedTuple):
    """What vaehub put where: the right to replace or remove that file."""

    path: Path
    """The placed file (not stored in the receipt itself: it lies beside the file)."""
    entry: str
    """Full name, ``catalog/id``."""
    variant: str
    sha256: str
    size: int
    evidence: Evidence
    source: str
    """Label of the source that served the bytes; ``store``, or ``installed`` for those of another
    installed file."""
    method: str
    """How it was placed: reflink, hardlink, copy, moved."""
    license: str
    mtime_ns: int
    inode: int
    installed_at: str
    """UTC, ISO 8601."""
    created_folders: tuple[str, ...] = ()
    """Folders made for this file, outermost first, relative to the target's root."""
    root: str = "."
    """The target's root relative to the file's folder, so that a moved tree stays valid."""
    smoke: Mapping[str, Any] | None = None
    """What the last smoke test said (``verdict``, ``at``, ``decoded``); None: there was none."""
    checkpoint: str | None = None
    """File name of the checkpoint that a UI takes it with; None: it has a name of its own."""
    converted_from: Mapping[str, Any] | None = None
    """Of what the file was made here: ``name``, ``size``, ``sha256``; None: it is the catalog's."""
    placed_for: str | None = None
    """The target's root, where the file's folder is reached through a link out of it, so that
    :attr:`root` leads elsewhere; else None."""

    @property
    def origin_sha256(self) -> str:
        """The digest by which the catalog knows the file, or the one that it was made of."""
        return self.sha256 if self.converted_from is None else str(self.converted_from["sha256"])
