"""Where the values come from that a shell offers: one function for each kind.

A declaration names the kind. Each function gives candidates for one place of a command line, also
such as do not begin like the word there. What a value needs is imported when it is asked for. Knows
nothing of shells and of command lines.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORDS, FILES, FOLDERS = "words", "files", "folders"
"""What a shell itself may add."""


class Candidate(NamedTuple):
    """A word that may stand there."""

    word: str
    about: str = ""
    """A few words for shells that show them."""


class Place(NamedTuple):
    """Where the cursor is: what stands there already, and what was said before."""

    begun: str
    said: tuple[str, ...] = ()
    """The loose words before it."""
    to: str | None = None
    """What ``--to`` says."""


def _names(place: Place) -> Iterator[Candidate]:
    from vaehub.catalog import load_catalogs
    from vaehub.errors import NamingError
    from vaehub.settings import load

    catalogs = load_catalogs(load())
    name, split, _ = place.begun.partition("@")
    if split:
        with suppress(NamingError):
            entry, _ = catalogs.resolve(name)
            for variant in entry.variants:
                about = ", ".join(part for part in (variant.layout, variant.dtype) if part)
                yield Candidate(f"{name}@{variant.name}", variant.note or about)
        return
    entries = list(catalogs.entries())
    ids = [entry.id for entry in entries]
    for entry in entries:
        if entry.catalog != "vaehub":
            yield Candidate(entry.full_name, entry.title)
        if ids.count(entry.id) == 1:  # else it would lead to both, and so to neither
            yield Candidate(entry.id, entry.title)
        if name:  # else there would be three names for each
            yield from (Candidate(alias, entry.title) for alias in entry.aliases)


def _installed(place: Place) -> Iterator[Candidate]:
    from vaehub import api
    from vaehub.settings import load

    for receipt in api.installed(api.find_target(place.to, settings=load())):
        name = receipt.entry.removeprefix("vaehub/")
        yield Candidate(name, str(receipt.path))
        if "@" in place.begun:
            yield Candidate(f"{name}@{receipt.variant}", str(receipt.path))


def _hosts(_: Place) -> Iterator[Candidate]:
    from vaehub import hosts

    return map(Candidate, hosts.names())


def _logins(place: Place) -> Iterator[Candidate]:
    from vaehub.settings import TOKEN_VARIABLES

    return iter(()) if place.said else map(Candidate, TOKEN_VARIABLES)


def _targets(_: Place) -> Iterator[Candidate]:
    from vaehub.settings import load

    return (Candidate(name, str(target.path)) for name, target in load().targets.items())


def _of_manifest(what: str) -> Callable[[Place], Iterator[Candidate]]:
    def values(_: Place) -> Iterator[Candidate]:
        from vaehub import provisioning
        from vaehub.errors import ManifestError
        from vaehub.provision import manifest

        with suppress(ManifestError):
            found = manifest.read(provisioning.files().manifest)
            if what == "target":
                yield from (Candidate(name, place.ui) for name, place in found.targets.items())
            else:
                yield from (Candidate(one.name) for one in found.vaes)

    return values


def _layouts(_: Place) -> Iterator[Candidate]:
    from vaehub.targets.layouts import layouts

    return (Candidate(layout.id, layout.title) for layout in layouts().values())


def _of_entries(what: str) -> Callable[[Place], Iterator[Candidate]]:
    def values(_: Place) -> Iterator[Candidate]:
        from vaehub.catalog import load_catalogs
        from vaehub.settings import load

        for entry in load_catalogs(load()).entries():
            match what:
                case "family":
                    yield Candidate(entry.family)
                case "tag":
                    yield from map(Candidate, entry.tags)
                case "license" if entry.license.accept:
                    yield Candidate(entry.license.id)

    return lambda place: iter(sorted(set(values(place))))


def _config_keys(_: Place) -> Iterator[Candidate]:
    from vaehub import configuring

    return map(Candidate, configuring.keys())


def _any_config_keys(_: Place) -> Iterator[Candidate]:
    from vaehub import configuring
    from vaehub.settings import load

    return (Candidate(one.key) for one in configuring.in_force(load()))


def _config_values(place: Place) -> Iterator[Candidate]:
    match place.said[:1]:
        case ("target",):
            return _targets(place)
        case ("offline",):
            return map(Candidate, ("true", "false"))
        case ("lang",):
            return map(Candidate, ("en", "zh"))
    return iter(())


def _dtypes(place: Place) -> Iterator[Candidate]:
    before, comma, _ = place.begun.rpartition(",")
    return (Candidate(f"{before}{comma}{dtype}") for dtype in ("fp32", "bf16", "fp16"))


def _fixed(*words: str) -> Callable[[Place], Iterator[Candidate]]:
    return lambda _: map(Candidate, words)


VALUES: dict[str, Callable[[Place], Iterator[Candidate]]] = {
    "name": _names,
    "name or file": _names,
    "installed": _installed,
    "host": _hosts,
    "login": _logins,
    "target": _targets,
    "named target": _targets,
    "wanted": _of_manifest("vae"),
    "manifest target": _of_manifest("target"),
    "layout": _layouts,
    "family": _of_entries("family"),
    "tag": _of_entries("tag"),
    "license": _of_entries("license"),
    "config key": _config_keys,
    "any config key": _any_config_keys,
    "config value": _config_values,
    "device": _fixed("auto", "all", "cpu", "cuda", "mps", "xpu"),
    "digest": _fixed(),
    "dtypes": _dtypes,
    "dtype": _fixed("fp16", "bf16", "fp32"),
    "key layout": _fixed("ldm", "diffusers"),
    "form": _fixed("safetensors"),
    "language": _fixed("en", "zh"),
    "shell": _fixed("bash", "zsh", "fish"),
    "sha256": _fixed(),  # nobody can guess it
}
"""Which values there are of each kind that a declaration names, besides ``file`` and ``folder``."""
BESIDES = {"name or file": FILES, "target": FOLDERS, "config value": FOLDERS}
"""Kinds in the place of which a path may stand too."""
