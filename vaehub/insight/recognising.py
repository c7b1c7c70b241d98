"""Whose VAE a name or a hash in a picture means: an entry of the catalogs, or several, or none.

Pure. Decides only where one file is left; what speaks against it is said, and nothing is guessed.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vaehub.insight.makers.said import Named, Said
    from vaehub.model import Artifact, Entry, Variant

By = Literal["name", "hash", "name and hash"]
_EXTENSIONS = (".safetensors", ".ckpt", ".pth", ".sft", ".bin", ".gguf", ".pt")
_SAY_NOTHING = frozenset(
    {"ae", "vae", "model", "decoder", "encoder", "pytorch_model", "tokenizer", "diffusion_model"}
    | {"diffusion_pytorch_model", "diffusion_pytorch_model.fp16"}
)
"""Stems under which anybody's file may go."""
_LEAST_DIGITS = 8
_IN_FULL = {"sha256": 64, "autov3": 12, "blake3": 64}
"""Digits from which on a hash leaves no doubt."""


class Candidate(NamedTuple):
    """A file of a catalog that may be meant."""

    entry: Entry
    variant: Variant
    artifact: Artifact

    @property
    def label(self) -> str:
        """``id@variant``, as an install takes it."""
        name = self.entry.id if self.entry.catalog == "vaehub" else self.entry.full_name
        return f"{name}@{self.variant.name}"


class Recognised(NamedTuple):
    """What a name or a hash came to."""

    named: Named
    candidates: tuple[Candidate, ...] = ()
    """The files that may be meant; none where the catalogs know nothing like it."""
    chosen: Candidate | None = None
    """The one that is meant."""
    by: By | None = None
    by_hash: tuple[Candidate, ...] = ()
    """The files that the hash alone means."""
    sure: bool = False
    """An install may go by it without a person."""
    problems: tuple[Problem, ...] = ()

    @property
    def entry(self) -> Entry | None:
        """The entry that all candidates belong to; None where there are several, or none."""
        names = {one.entry.full_name for one in self.candidates}
        return self.candidates[0].entry if len(names) == 1 else None


def recognise(said: Said, entries: Iterable[Entry]) -> tuple[Recognised, ...]:
    """Give what each VAE that a text names is.

    Of Forge's modules only those are given that can be VAEs.
    """
    files = list(_files(entries))
    found = [_recognise(named, files) for named in said.vaes]
    if said.among_modules:
        known = [one for one in found if one.candidates]
        found = known or [one for one in found if _may_be_a_vae(one.named)]
    if len(found) > 1 or said.may_be_another:  # any of them may have decoded it
        found = [one._replace(sure=False) for one in found]
    return tuple(found)


def _files(entries: Iterable[Entry]) -> Iterator[Candidate]:
    for entry in entries:
        for variant in entry.variants:
            for artifact in variant.artifacts:
                yield Candidate(entry, variant, artifact)


def _recognise(named: Named, files: list[Candidate]) -> Recognised:
    by_name = _by_name(named.name, files) if named.name is not None else ()
    by_hash = _by_hash(named, files) if named.hash is not None else ()
    both = tuple(one for one in by_name if one in by_hash)
    if both:
        chosen = both[0] if len(both) == 1 else None
        sure = chosen is not None
        return Recognised(named, both, chosen, "name and hash", by_hash, sure)
    if not by_name:
        return _by_hash_alone(named, by_hash)
    problems = [*_disagreement(named, by_name, by_hash)]
    vague = named.name is not None and _stem(named.name) in _SAY_NOTHING
    chosen = None if vague else _one_of(named, by_name)
    if chosen is None:
        problems.append(_several(named, by_name, vague=vague))
    sure = chosen is not None and not problems
    return Recognised(named, by_name, chosen, "name", by_hash, sure, tuple(problems))


def _by_name(name: str, files: list[Candidate]) -> tuple[Candidate, ...]:
    """Give the files of a name; without its extension, where none has it in full."""
    wanted = _base(name)
    in_full = tuple(
        one
        for one in files
        if wanted in {known.casefold() for known in (one.artifact.name, *one.artifact.known_as)}
    )
    if in_full:
        return in_full
    stem = _stem(name)
    by_stem = tuple(
        one
        for one in files
        if stem in {_stem(known) for known in (one.artifact.name, *one.artifact.known_as)}
    )
    if by_stem:
        return by_stem
    # InvokeAI's own names, and those of small decoders in ComfyUI, are those of entries.
    return tuple(
        one
        for one in files
        if stem in {one.entry.id, *one.entry.aliases} and one.variant == one.entry.default
    )


def _by_hash(named: Named, files: list[Candidate]) -> tuple[Candidate, ...]:
    digits = named.hash or ""
    if len(digits) < _LEAST_DIGITS:
        return ()

    def of(artifact: Artifact) -> str | None:
        if named.hash_kind == "sha256":
            return artifact.sha256
        return artifact.hashes.get(named.hash_kind)

    return tuple(
        one
        for one in files
        if (known := of(one.artifact)) is not None
        and (known.startswith(digits) or digits.startswith(known.casefold()))
    )


def _one_of(named: Named, found: tuple[Candidate, ...]) -> Candidate | None:
    """Choose among files of one name, where the choice does not matter or is no choice.

    Files of one entry that have their own name in common but for the extension are one VAE in
    several containers; of those the default is taken.
    """
    ways = {(one.entry.full_name, one.variant.name): one for one in found}
    if len(ways) == 1:
        return found[0]
    if len({entry for entry, _ in ways}) > 1:
        return None
    stem = _stem(named.name or "")
    return next(
        (
            one
            for one in found
            if one.variant == one.entry.default and _stem(one.artifact.name) == stem
        ),
        None,
    )


def _by_hash_alone(named: Named, by_hash: tuple[Candidate, ...]) -> Recognised:
    if not by_hash:
        what = f"{named.name!r}" if named.name is not None else f"the hash {named.hash}"
        note = Problem(
            "vae-unknown",
            f"no file of the catalogs is called {what}"
            if named.name is not None
            else f"no file of the catalogs has {what}",
            where=named.where,
            blocking=False,
            hint="`vaehub search TEXT` looks for parts of a name",
        )
        return Recognised(named, problems=(note,))
    chosen = by_hash[0] if len({one.label for one in by_hash}) == 1 else None
    sure = chosen is not None and len(named.hash or "") >= _IN_FULL[named.hash_kind]
    problems: tuple[Problem, ...] = ()
    if not sure:
        doubt = (
            "AUTOMATIC1111 may write the hash of a VAE that was loaded before"
            if named.hash_may_lie
            else "a few digits may be another file's too"
        )
        called = f"the catalogs know no file {named.name!r}; " if named.name is not None else ""
        problems = (
            Problem(
                "vae-by-hash-alone",
                f"{called}the hash {named.hash} is that of {_listed(by_hash)}, and {doubt}",
                where=named.where,
                blocking=False,
            ),
        )
    return Recognised(named, by_hash, chosen, "hash", by_hash, sure, problems)


def _disagreement(
    named: Named, by_name: tuple[Candidate, ...], by_hash: tuple[Candidate, ...]
) -> Iterator[Problem]:
    if named.hash is None:
        return
    if named.hash_kind != "sha256":
        comparable = all(named.hash_kind in one.artifact.hashes for one in by_name)
    else:
        comparable = all(one.artifact.sha256 is not None for one in by_name)
    if not comparable and not by_hash:
        return
    whose = f"that of {_listed(by_hash)}" if by_hash else "that of no file in the catalogs"
    yield Problem(
        "vae-hash-disagrees",
        f"the name {named.name!r} means {_listed(by_name)}, and the hash {named.hash} is {whose}",
        where=named.where,
        blocking=False,
        hint="the name counts first: AUTOMATIC1111 writes the hash of a newer VAE for each older "
        "one that it loads later; or it is another file under this name: `vaehub identify FILE`"
        if named.hash_may_lie
        else "it may be another file under this name",
    )


def _several(named: Named, found: tuple[Candidate, ...], *, vague: bool) -> Problem:
    labels = list(dict.fromkeys(one.label for one in found))
    if vague:
        message = f"{named.name!r} is what many files are called; in the catalogs: {_listed(found)}"
    else:
        message = f"{len(labels)} different files are called {named.name!r}: {_listed(found)}"
    return Problem(
        "vae-name-ambiguous",
        message,
        where=named.where,
        blocking=False,
        hint="the picture does not tell which of them it was",
    )


def _listed(found: Iterable[Candidate], *, most: int = 6) -> str:
    labels = list(dict.fromkeys(one.label for one in found))
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more


def _base(name: str) -> str:
    """Give the last part of a path of any system, in lower case."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2].strip().casefold()


def _stem(name: str) -> str:
    base = _base(name)
    suffix = PurePosixPath(base).suffix
    return base[: -len(suffix)] if suffix in _EXTENSIONS else base


def _may_be_a_vae(named: Named) -> bool:
    words = "".join(one if one.isalnum() else " " for one in _stem(named.name or "")).split()
    return any("vae" in word or word == "ae" for word in words)
