"""The rules of a catalog that a schema cannot say: one rule, one function, one id.

Each rule looks at data that has the schema's shape and yields what it finds, with the path of the
place. Knows nothing of files and lines; whether a finding blocks is a property of the rule, in the
table :data:`RULES` at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from vaehub.catalog import spdx
from vaehub.catalog.read import NodePath, spell
from vaehub.model import PICKLE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Data = dict[str, Any]

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_FULL_COMMIT = 40
_SECRETS = frozenset(
    {"access_token", "api_key", "apikey", "auth", "authorization", "key", "password"}
    | {"auth_key", "key-pair-id", "sig", "signature", "token"}
)
_SIGNED = ("x-amz-", "x-cos-", "x-goog-", "x-oss-")
"""How the parameters of signed addresses begin."""


class Finding(NamedTuple):
    """One place where a rule is broken."""

    path: NodePath
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its stable id; the function's docstring says what it asks for."""

    id: str
    find: Callable[[Data], Iterator[Finding]]
    blocking: bool = True
    curated_only: bool = False


def sha256_unique(catalog: Data) -> Iterator[Finding]:
    """The same bytes stand once in a catalog: other names go to ``known_as`` and ``aliases``."""
    first: dict[str, NodePath] = {}
    for path, artifact in _artifacts(catalog):
        sha256 = artifact.get("sha256")
        if sha256 in first:
            yield Finding((*path, "sha256"), f"the same bytes stand at {spell(first[sha256])}")
        elif sha256:
            first[sha256] = path


def name_unique(catalog: Data) -> Iterator[Finding]:
    """Installed names differ within a slot, also where the file system ignores case."""
    first: dict[tuple[str, str], NodePath] = {}
    for path, artifact in _artifacts(catalog):
        slot = catalog["entries"][path[1]].get("slot", "vae")
        key = (slot, artifact["name"].casefold())
        if key in first:
            yield Finding(
                (*path, "name"), f"{artifact['name']} is also the name of {spell(first[key])}"
            )
        first.setdefault(key, path)


def alias_unique(catalog: Data) -> Iterator[Finding]:
    """An alias leads to one entry and hides no id."""
    first: dict[str, str] = {}
    for id, entry in catalog["entries"].items():
        for index, alias in enumerate(entry.get("aliases", ())):
            path = ("entries", id, "aliases", index)
            if alias in catalog["entries"]:
                yield Finding(path, f"{alias} is the id of an entry")
            elif alias in first:
                yield Finding(path, f"{alias} is also an alias of {first[alias]}")
            first.setdefault(alias, id)


def sha256_of_nothing(catalog: Data) -> Iterator[Finding]:
    """A digest is not that of the empty file: somebody hashed a failed download."""
    for path, artifact in _artifacts(catalog):
        if artifact.get("sha256") == EMPTY_SHA256:
            yield Finding((*path, "sha256"), "this is the sha256 of an empty file")


def license_id(catalog: Data) -> Iterator[Finding]:
    """A license is an SPDX id we list, ``LicenseRef-...``, or an expression of them."""
    for id, entry in catalog["entries"].items():
        wrong = spdx.unknown_part(entry["license"]["id"])
        if wrong is not None:
            yield Finding(
                ("entries", id, "license", "id"),
                f"{wrong!r} is neither an SPDX id nor LicenseRef-...",
                "write LicenseRef-NAME, or LicenseRef-none-stated where no license was found",
            )


def evidence_host(catalog: Data) -> Iterator[Finding]:
    """``evidence: host`` stands exactly where the sha256 is missing."""
    for path, artifact in _artifacts(catalog):
        is_host = artifact.get("evidence") == "host"
        if is_host and "sha256" in artifact:
            yield Finding(
                (*path, "evidence"), "host means that no sha256 is known, and one is given"
            )
        elif not is_host and "sha256" not in artifact:
            yield Finding(path, "lacks sha256", "give it, or evidence: host")


def host_gives_sha256(catalog: Data) -> Iterator[Finding]:
    """Where the sha256 is left to the host, some source's host has an API that says it."""
    for path, artifact in _artifacts(catalog):
        if "sha256" not in artifact and not any(map(_tells_sha256, artifact["sources"])):
            hosts = ", ".join(host for source in artifact["sources"] for host in source)
            yield Finding((*path, "sources"), f"no API of {hosts or 'any source'} gives a sha256")


def revision_pinned(catalog: Data) -> Iterator[Finding]:
    """A branch is not named where the catalog knows a commit of the same file."""
    pins: dict[tuple[str, str, str], str] = {}
    for _, host, locator in _sources(catalog):
        if len(locator.get("revision", "")) == _FULL_COMMIT:
            pins.setdefault((host, locator["repo"], locator["path"]), locator["revision"])
    for path, host, locator in _sources(catalog):
        revision = locator.get("revision")
        if revision and len(revision) != _FULL_COMMIT:
            pin = pins.get((host, locator["repo"], locator["path"]))
            if pin:
                yield Finding((*path, host), f"{revision} is no pin, and {pin} is known")


def source_once(catalog: Data) -> Iterator[Finding]:
    """One source gives one file: a locator stands once in a catalog."""
    first: dict[tuple[object, ...], NodePath] = {}
    for path, host, locator in _sources(catalog):
        where = {key: value for key, value in locator.items() if key not in {"login", "gated"}}
        key = (host, *sorted(where.items()))
        if key in first:
            yield Finding((*path, host), f"the same source stands at {spell(first[key])}")
        first.setdefault(key, path)


def default_without_login(catalog: Data) -> Iterator[Finding]:
    """The default variant needs no login where another variant needs none."""
    for path, default, others in _defaults(catalog):
        free = [name for name, variant in others.items() if not _needs_login(variant)]
        if _needs_login(default) and free:
            yield Finding(path, f"the default needs a login, and {free[0]} does not")


def default_not_pickle(catalog: Data) -> Iterator[Finding]:
    """The default is no pickle where its like exists as safetensors without a login.

    Alike are variants of one layout, one precision and as many files.
    """
    for path, default, others in _defaults(catalog):
        if not _has_pickle(default):
            continue
        for name, variant in others.items():
            alike = _likeness(variant) == _likeness(default)
            if alike and not _has_pickle(variant) and not _needs_login(variant):
                yield Finding(path, f"the default is a pickle, and {name} is not")
                break


def summary_languages(catalog: Data) -> Iterator[Finding]:
    """A curated entry says in English and in Chinese what it is for."""
    for id, entry in catalog["entries"].items():
        missing = [tongue for tongue in ("en", "zh") if tongue not in entry.get("summary", {})]
        if missing:
            yield Finding(("entries", id), f"lacks summary.{missing[0]}")


def smoke_facts(catalog: Data) -> Iterator[Finding]:
    """A curated entry says what a decode must know."""
    for id, entry in catalog["entries"].items():
        if "smoke" not in entry:
            yield Finding(("entries", id), "lacks smoke")


def gated_accept(catalog: Data) -> Iterator[Finding]:
    """Where a source is gated, the license asks for acceptance, whichever source serves."""
    for path, host, locator in _sources(catalog):
        entry = catalog["entries"][path[1]]
        if locator.get("gated") and not entry["license"].get("accept"):
            yield Finding((*path, host), "is gated, and the license lacks accept: true")


def accept_page(catalog: Data) -> Iterator[Finding]:
    """A license to accept comes with a page on which it can be read: its source or the homepage."""
    for id, entry in catalog["entries"].items():
        has_page = "source" in entry["license"] or "homepage" in entry
        if entry["license"].get("accept") and not has_page:
            yield Finding(("entries", id, "license"), "is to be accepted, and lacks source")


def size_known(catalog: Data) -> Iterator[Finding]:
    """An artifact with a known sha256 has a size, so that space is checked before the download."""
    for path, artifact in _artifacts(catalog):
        if "size" not in artifact and "sha256" in artifact:
            yield Finding(path, "lacks size")


def no_secret(catalog: Data) -> Iterator[Finding]:
    """An address carries no token and no signature: a catalog is public, and signatures expire."""
    for path, host, locator in _sources(catalog):
        key = secret_in(str(locator.get("url", "")))
        if key is not None:
            yield Finding((*path, host, "url"), f"carries {key}=, which is or may be a secret")


def secret_in(address: str) -> str | None:
    """Give the parameter of an address that is or may be a secret; None where there is none."""
    for key, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True):
        if key.casefold() in _SECRETS or key.casefold().startswith(_SIGNED):
            return key
    return None


RULES: tuple[Rule, ...] = (
    Rule("sha256-unique", sha256_unique),
    Rule("name-unique", name_unique),
    Rule("alias-unique", alias_unique),
    Rule("sha256-of-nothing", sha256_of_nothing),
    Rule("license-id", license_id),
    Rule("evidence-host", evidence_host),
    Rule("host-gives-sha256", host_gives_sha256),
    Rule("revision-pinned", revision_pinned),
    Rule("source-once", source_once),
    Rule("default-without-login", default_without_login),
    Rule("default-not-pickle", default_not_pickle, blocking=False),
    Rule("summary-languages", summary_languages, curated_only=True),
    Rule("smoke-facts", smoke_facts, curated_only=True),
    Rule("gated-accept", gated_accept),
    Rule("accept-page", accept_page),
    Rule("size-known", size_known, blocking=False),
    Rule("no-secret", no_secret),
)


def _artifacts(catalog: Data) -> Iterator[tuple[NodePath, Data]]:
    for id, entry in catalog["entries"].items():
        for name, variant in entry["variants"].items():
            for index, artifact in enumerate(variant["artifacts"]):
                yield ("entries", id, "variants", name, "artifacts", index), artifact


def _sources(catalog: Data) -> Iterator[tuple[NodePath, str, Data]]:
    for path, artifact in _artifacts(catalog):
        for index, source in enumerate(artifact["sources"]):
            for host, locator in source.items():
                yield (*path, "sources", index), host, locator


def _defaults(catalog: Data) -> Iterator[tuple[NodePath, Data, Mapping[str, Data]]]:
    """Give each entry's default variant with its path, and the other variants by name."""
    for id, entry in catalog["entries"].items():
        (name, default), *others = entry["variants"].items()
        yield ("entries", id, "variants", name), default, dict(others)


def _needs_login(variant: Data) -> bool:
    return any(
        all(
            locator.get("login") or locator.get("gated")
            for source in artifact["sources"]
            for locator in source.values()
        )
        for artifact in variant["artifacts"]
    )


def _likeness(variant: Data) -> tuple[str | None, str | None, int]:
    return variant.get("layout"), variant.get("dtype"), len(variant["artifacts"])


def _has_pickle(variant: Data) -> bool:
    return any(
        f".{artifact['name'].rpartition('.')[2]}" in PICKLE_SUFFIXES
        for artifact in variant["artifacts"]
    )


def _tells_sha256(source: Data) -> bool:
    """Whether the host's API gives a sha256: all but plain HTTPS and raw files on GitHub."""
    return any(
        host in {"huggingface", "civitai", "liblib", "modelscope"} or "tag" in locator
        for host, locator in source.items()
    )
