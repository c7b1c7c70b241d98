"""ModelScope: files of a repository at a revision.

Knows its file list, which tells a sha256 for every file or an empty one, and its error codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from vaehub.errors import LoginRequired, SourceError, SourceGone, SourceUnusable
from vaehub.hosts import base, reading
from vaehub.hosts.base import FileRecord
from vaehub.model import Artifact, Download, Source
from vaehub.settings import DEFAULT_ENDPOINTS

if TYPE_CHECKING:
    from vaehub.hosts.base import Refusal
    from vaehub.settings import Settings
    from vaehub.transfer.session import Session

_SITE = DEFAULT_ENDPOINTS["modelscope"]
TOKEN_FROM = f"copy a token from {_SITE}/my/myaccesstoken"
_GIVE_TOKEN = f"{TOKEN_FROM}, then run `vaehub login modelscope`, or set MODELSCOPE_TOKEN to it"
_OK = 200
_MISSING = ("not found", "not exist", "不存在")


def label(source: Source) -> str:
    """Name the source: repository and path."""
    return base.shown(source, "repo", "path")


def page(source: Source) -> str:
    """Give the repository's page."""
    return f"{_SITE}/models/{source.locator.get('repo', '')}"


def locate(source: Source, artifact: Artifact, *, session: Session, settings: Settings) -> Download:
    """Look the file up in the repository's list and build the address of its bytes.

    Where the list cannot be had for a reason that does not concern the file and the catalog knows
    the sha256, the address alone is given.

    Raises:
        SourceError: ModelScope does not give the file, or the locator is no good.
    """
    repo, revision, path = (base.locator_text(source, key) for key in ("repo", "revision", "path"))
    site, place = settings.endpoint("modelscope"), base.url_path(repo)
    url = (
        f"{site}/models/{place}/resolve/{base.url_path(revision, slashes=False)}"
        f"/{base.url_path(path)}"
    )
    credentials = _credentials(settings)
    query = urlencode({"Revision": revision, "Recursive": "True", "Root": ""})
    found = FileRecord(path)
    try:
        status, answer = session.json(
            "GET",
            f"{site}/api/v1/models/{place}/repo/files?{query}",
            what=f"ModelScope's list of {repo}",
            credentials=credentials,
        )
        found = record(status, answer, source, has_token=bool(credentials))
    except base.NO_VERDICT:
        if artifact.sha256 is None:
            raise
    return Download(
        url=url,
        label=label(source),
        headers=credentials,
        size=found.size,
        sha256=found.sha256,
    )


def record(status: int, answer: object, source: Source, *, has_token: bool = False) -> FileRecord:
    """Find the file in the answer of ``repo/files``.

    Raises:
        SourceGone: the repository, revision or file is not there.
        SourceRefused: a login is needed, or the host says no.
        SourceUnusable: the answer is not what the API says.
    """
    code = reading.mapping(answer).get("Code")
    said = reading.said(answer)
    if status != _OK:
        raise _verdict(status, source, said=said, has_token=has_token)
    if code is not None and code != _OK:
        # Errors also come as a code of many digits in a 200.
        if said is not None and any(word in said.lower() for word in _MISSING):
            raise _verdict(404, source, said=said, has_token=has_token)
        if isinstance(code, int) and 400 <= code < 600:
            raise _verdict(code, source, said=said, has_token=has_token)
        raise SourceUnusable(
            f"ModelScope gives no list of {source.locator.get('repo')}: “{said or code}”"
        )
    path = source.locator.get("path")
    listed = reading.mapping(reading.mapping(answer).get("Data")).get("Files")
    if not isinstance(listed, list):
        raise SourceUnusable(f"ModelScope's list of {source.locator.get('repo')} makes no sense")
    for item in reading.mappings(listed):
        if item.get("Path") == path and item.get("Type") != "tree":
            name = str(path)
            return FileRecord(
                name, reading.size(item.get("Size")), reading.digest(item.get("Sha256"))
            )
    raise SourceGone(
        f"{source.locator.get('repo')} on ModelScope has no file {path} "
        f"at {source.locator.get('revision')}",
        hint=f"see {page(source)}/files for what it has now",
    )


def account(token: str, *, session: Session, settings: Settings) -> str | None:
    """Say that nobody can say whose token it is: we know no question of the site's for that.

    Raises:
        SourceUnusable: always.
    """
    raise SourceUnusable("vaehub knows no way to ask ModelScope about a token")


def explain(source: Source, refusal: Refusal, *, settings: Settings) -> SourceError:
    """Put into words why ModelScope, or the storage behind it, did not send the bytes."""
    if base.is_elsewhere(refusal, settings.endpoint("modelscope")):
        return base.storage_error(refusal, who="ModelScope")
    has_token = base.has_token(settings, "modelscope")
    said = reading.said(refusal.body)
    return _verdict(refusal.status, source, said=said, has_token=has_token, refusal=refusal)


def _verdict(
    status: int,
    source: Source,
    *,
    said: str | None,
    has_token: bool,
    refusal: Refusal | None = None,
) -> SourceError:
    what = f"{source.locator.get('path')} of {source.locator.get('repo')}"
    if status == 401 and has_token:
        return LoginRequired(
            f"ModelScope does not accept your token for {what}",
            hint=f"it may have expired: {_GIVE_TOKEN}",
        )
    hint = _GIVE_TOKEN if status == 401 else None
    if status == 403:
        hint = f"{page(source)} may say why" + ("" if has_token else f"; or {_GIVE_TOKEN}")
    return base.verdict(status, who="ModelScope", what=what, refusal=refusal, said=said, hint=hint)


def _credentials(settings: Settings) -> dict[str, str]:
    """Give the token both ways: older routes of the site read the cookie only."""
    value = base.token(settings, "modelscope")
    if value is None:
        return {}
    return {"Authorization": f"Bearer {value}", "Cookie": f"m_session_id={value}"}
