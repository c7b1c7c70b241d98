"""Which file of which host an address means, whichever of its addresses that is.

A file has several: ``/resolve/`` for its bytes and ``/blob/`` for its page, mirrors, and each
revision. Pure, and asks nobody: that an address leads to the very bytes of a catalog is sure only
where it names what never changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from vaehub.model import Source

_HUB = frozenset({"huggingface.co", "hf.co", "hf-mirror.com"})
_CIVITAI = frozenset({"civitai.com", "civitai.red"})
_LONGEST = 2000


class Address(NamedTuple):
    """A file at a host."""

    host: str
    """As a catalog calls it."""
    file: tuple[str, ...]
    """What names it there, whatever the revision."""
    revision: str | None = None
    """A commit, a branch, a tag; of Civitai the id of the file within a version."""


def of_source(source: Source) -> Address | None:
    """Give the address of a source of a catalog; None where no address means it alone."""
    said = {key: str(value) for key, value in source.locator.items()}
    match source.host:
        case "huggingface" | "modelscope" | "github" if "path" in said:
            return _of_repository(source.host, said["repo"], said["path"], said["revision"])
        case "github" if "asset" in said:
            return _of_repository("github", said["repo"], f"{said['tag']}//{said['asset']}", None)
        case "civitai":
            return Address("civitai", (said["version"],), said.get("file"))
        case "liblib":
            return Address("liblib", (said["version"],))
        case "http":
            return read(said["url"])
    return None


def read(url: str, *, hub: str | None = None) -> Address | None:
    """Tell which file an address means.

    Args:
        url: The address.
        hub: The user's own mirror of Hugging Face.

    Returns:
        None where that is no address of a file.
    """
    try:
        parts = urlsplit(url.strip()) if len(url) <= _LONGEST else None
        site = ((parts and parts.hostname) or "").lower().removeprefix("www.")
        own = (urlsplit(hub or "").hostname or "").lower().removeprefix("www.")
        if parts is None or parts.scheme not in {"http", "https"} or not site:
            return None
        query = parse_qs(parts.query, max_num_fields=50)
    except ValueError:
        return None
    steps = [unquote(step) for step in parts.path.split("/") if step]
    if site in _HUB or site == own:
        return _of_hub("huggingface", steps)
    if site in _CIVITAI:
        return _of_civitai(steps, query)
    if site in {"github.com", "raw.githubusercontent.com"}:
        return _of_github(steps, raw=site != "github.com")
    if site in {"modelscope.cn", "modelscope.ai"}:
        return _of_modelscope(steps, query)
    if site == "liblib.art":
        version = query.get("versionUuid", [""])[0]
        return Address("liblib", (version,)) if version else None
    # Of any other site only the whole address says what it means.
    return Address("http", (f"{site}{parts.path}", parts.query))


def _of_repository(host: str, repo: str, path: str, revision: str | None) -> Address:
    return Address(host, (repo.casefold(), path), revision)


def _of_hub(host: str, steps: list[str]) -> Address | None:
    match steps:
        case [owner, name, "resolve" | "blob" | "raw", revision, *path] if path:
            return _of_repository(host, f"{owner}/{name}", "/".join(path), revision)
    return None


def _of_civitai(steps: list[str], query: dict[str, list[str]]) -> Address | None:
    match steps:
        case ["api", "download", "models", version]:
            file = query.get("fileId", [None])[0]
            return Address("civitai", (version,), file)
        case ["models", _, *_] if "modelVersionId" in query:
            return Address("civitai", (query["modelVersionId"][0],))
    return None


def _of_github(steps: list[str], *, raw: bool) -> Address | None:
    if raw and len(steps) > 3 and steps[2:4] == ["refs", "heads"]:
        steps = steps[:2] + steps[4:]
    match steps:
        case [owner, name, revision, *path] if raw and path:
            return _of_repository("github", f"{owner}/{name}", "/".join(path), revision)
        case [owner, name, "releases", "download", tag, asset] if not raw:
            return _of_repository("github", f"{owner}/{name}", f"{tag}//{asset}", None)
        case [owner, name, "raw" | "blob" | "resolve", revision, *path] if not raw and path:
            return _of_repository("github", f"{owner}/{name}", "/".join(path), revision)
    return None


def _of_modelscope(steps: list[str], query: dict[str, list[str]]) -> Address | None:
    match steps:
        case ["models", *rest]:
            return _of_hub("modelscope", rest) or _of_files(rest)
        case ["api", "v1", "models", owner, name, "repo"] if "FilePath" in query:
            revision = query.get("Revision", ["master"])[0]
            return _of_repository("modelscope", f"{owner}/{name}", query["FilePath"][0], revision)
    return None


def _of_files(steps: list[str]) -> Address | None:
    match steps:
        case [owner, name, "file", "view", revision, *path] if path:
            return _of_repository("modelscope", f"{owner}/{name}", "/".join(path), revision)
    return None
