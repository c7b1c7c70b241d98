"""GitHub: release assets, whose digest the API tells, and raw files, of which it tells nothing.

Knows both kinds of address. Sends no token: public files need none, and a token of the user's for
GitHub can do far more than download.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaehub.errors import RateLimited, SourceError, SourceGone, SourceUnusable
from vaehub.hosts import base, reading
from vaehub.hosts.base import FileRecord
from vaehub.model import Artifact, Download, Source
from vaehub.settings import DEFAULT_ENDPOINTS

if TYPE_CHECKING:
    from vaehub.hosts.base import Refusal
    from vaehub.settings import Settings
    from vaehub.transfer.session import Session

_SITE = DEFAULT_ENDPOINTS["github"]
_API = "https://api.github.com"


def label(source: Source) -> str:
    """Name the source: repository and asset or path."""
    return base.shown(source, "repo", "tag", "asset", "path")


def page(source: Source) -> str:
    """Give the release's page, or the file's."""
    locator = source.locator
    repo = f"{_SITE}/{locator.get('repo', '')}"
    if _is_release(source):
        return f"{repo}/releases/tag/{locator.get('tag', '')}"
    return f"{repo}/blob/{locator.get('revision', '')}/{locator.get('path', '')}"


def locate(source: Source, artifact: Artifact, *, session: Session, settings: Settings) -> Download:
    """Build the address; of a release asset also ask for size and digest.

    The API answers strangers sixty times an hour. Where it does not and the catalog knows the
    sha256, the address alone is given.

    Raises:
        SourceError: GitHub does not have the file, or the locator is no good.
    """
    repo = base.url_path(base.locator_text(source, "repo"))
    site = settings.endpoint("github")
    if not _is_release(source):
        # A branch may have slashes in its name; on GitHub they stay.
        revision = base.url_path(base.locator_text(source, "revision"))
        path = base.url_path(base.locator_text(source, "path"))
        return Download(url=f"{site}/{repo}/raw/{revision}/{path}", label=label(source))
    tag = base.url_path(base.locator_text(source, "tag"))
    asset = base.locator_text(source, "asset")
    url = f"{site}/{repo}/releases/download/{tag}/{base.url_path(asset, slashes=False)}"
    api = _API if site == _SITE else f"{site}/api/v3"
    found = FileRecord(asset)
    try:
        status, answer = session.json(
            "GET", f"{api}/repos/{repo}/releases/tags/{tag}", what=f"GitHub's record of {tag}"
        )
        found = record(status, answer, source)
    except base.NO_VERDICT:
        if artifact.sha256 is None:
            raise
    return Download(url=url, label=label(source), size=found.size, sha256=found.sha256)


def record(status: int, answer: object, source: Source) -> FileRecord:
    """Find the asset in the answer of ``releases/tags/:tag``.

    Raises:
        SourceGone: the repository, release or asset is not there.
        RateLimited: the API has been asked too often from this address.
        SourceError: the API refuses, or its answer makes no sense.
    """
    asset, release = source.locator.get("asset"), f"release {source.locator.get('tag')}"
    what = f"{release} of {source.locator.get('repo')}"
    said = reading.said(answer)
    if status == 403 and said is not None and "rate limit" in said.lower():
        raise RateLimited(
            f"GitHub's API answers no more questions from this address for now: “{said}”",
            hint="its limit is counted per hour: try again later",
        )
    if status != 200:
        raise base.verdict(status, who="GitHub", what=what, said=said)
    assets = reading.mapping(answer).get("assets")
    if not isinstance(assets, list):
        raise SourceUnusable(f"GitHub's record of {what} makes no sense")
    for item in reading.mappings(assets):
        if item.get("name") == asset:
            digest = reading.digest(item.get("digest"))
            return FileRecord(str(asset), reading.size(item.get("size")), digest)
    raise SourceGone(f"{what} has no asset {asset}", hint=f"see {page(source)} for what it has")


def explain(source: Source, refusal: Refusal, *, settings: Settings) -> SourceError:
    """Put into words why GitHub, or the storage behind it, did not send the bytes."""
    if base.is_elsewhere(refusal, settings.endpoint("github")):
        return base.storage_error(refusal, who="GitHub")
    what = f"{source.locator.get('asset') or source.locator.get('path')}"
    return base.verdict(
        refusal.status,
        who="GitHub",
        what=f"{what} of {source.locator.get('repo')}",
        refusal=refusal,
        hint=f"see {page(source)}" if refusal.status in {403, 404, 410} else None,
    )


def _is_release(source: Source) -> bool:
    return source.locator.get("path") is None
