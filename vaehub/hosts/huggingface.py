"""Hugging Face: files of a repository at a revision, here or at a mirror of the Hub.

Knows the Hub's error codes, gates and addresses. A file that the catalog pins needs no question;
for others one HEAD of the file's own address usually tells all there is to know. Where it does not,
the official client judges
(:mod:`vaehub.hosts.hub_client`): what is gated, moved or gone, what a mirror without the Hub's
headers has. The bytes come over our own transfer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vaehub.errors import (
    AccessRequired,
    LoginRequired,
    Offline,
    SourceError,
    SourceGone,
    SourceRefused,
)
from vaehub.hosts import base, reading
from vaehub.hosts.base import FileRecord, Refusal
from vaehub.model import Artifact, Download, Source
from vaehub.settings import DEFAULT_ENDPOINTS
from vaehub.transfer.addresses import check_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaehub.settings import Settings
    from vaehub.transfer.session import Session

_HUB = DEFAULT_ENDPOINTS["huggingface"]
_TOKENS = f"{_HUB}/settings/tokens"
TOKEN_FROM = f"make a token on {_TOKENS}"
_GIVE_TOKEN = (
    f"{TOKEN_FROM}, then run `vaehub login huggingface` or `hf auth login`, or set HF_TOKEN to it"
)
_RATE_LIMIT = re.compile(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(?P<seconds>\d{1,9})")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DISABLED = "Access to this resource is disabled."


def label(source: Source) -> str:
    """Name the source: repository and path."""
    return base.shown(source, "repo", "path")


def page(source: Source) -> str:
    """Give the repository's page, on which terms are accepted."""
    return f"{_HUB}/{source.locator.get('repo', '')}"


def locate(source: Source, artifact: Artifact, *, session: Session, settings: Settings) -> Download:
    """Build the address of the bytes, and ask the Hub for what the catalog does not know of them.

    Nothing is asked where the catalog knows size and sha256 and names the commit, which cannot
    change. The client, whose import takes longer than many a request, is only asked where the
    address does not tell by itself.

    Where the metadata cannot be had for a reason that does not concern the file and the catalog
    knows the sha256, the address alone is given: not every mirror that serves bytes has an API.

    Raises:
        SourceError: the Hub does not give the file, or the locator is no good.
    """
    repo, revision, path = (base.locator_text(source, key) for key in ("repo", "revision", "path"))
    endpoint = settings.endpoint("huggingface")
    url = (
        f"{endpoint}/{base.url_path(repo)}/resolve/{base.url_path(revision, slashes=False)}"
        f"/{base.url_path(path)}"
    )
    if session.offline:
        raise Offline(
            f"{label(source)} would be asked for, and VAEHUB_OFFLINE forbids every request",
            hint="unset VAEHUB_OFFLINE (or `offline` in the configuration) to go online",
        )
    check_address(url, plain_http_origins=settings.plain_http_origins)
    found = FileRecord(path)
    credentials = base.bearer(settings, "huggingface")
    pinned = None not in (artifact.size, artifact.sha256)
    if pinned and _COMMIT.fullmatch(revision) and not settings.hub_offline:
        return Download(url=url, label=label(source), headers=credentials)
    try:
        told = None
        if not settings.hub_offline:  # else the client says so
            told = _peek(url, path, session=session, credentials=credentials)
        found = told or _ask(source, repo, revision, path, session=session, settings=settings)
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


def _peek(
    url: str, path: str, *, session: Session, credentials: Mapping[str, str]
) -> FileRecord | None:
    """Read size and sha256 of a file in LFS off the headers of its address.

    Returns:
        None where they do not tell both, whatever the reason.

    Raises:
        SourceUnreachable: nobody answers there.
    """
    with session.request("HEAD", url, credentials=credentials, follow=False) as response:
        status, headers = response.status_code, response.headers
    told = told_by(headers) if status in {200, 302, 307} else None
    return FileRecord(path, *told) if told else None


def told_by(headers: Mapping[str, str]) -> tuple[int, str] | None:
    """Give size and sha256 as the Hub's own headers tell them; None where they do not tell both."""
    size = reading.size(reading.header(headers, "X-Linked-Size"))
    sha256 = reading.digest((reading.header(headers, "X-Linked-Etag") or "").strip('"'))
    ours = reading.header(headers, "X-Repo-Commit") is not None
    return (size, sha256) if ours and size is not None and sha256 is not None else None


def _ask(
    source: Source, repo: str, revision: str, path: str, *, session: Session, settings: Settings
) -> FileRecord:
    from vaehub.hosts import hub_client  # with the client's own start-up

    answer = hub_client.paths_info(
        settings.endpoint("huggingface"),
        repo,
        revision,
        path,
        token=base.token(settings, "huggingface"),
        deadline=session.patience.connect + session.patience.read,
    )
    if not isinstance(answer, Refusal):
        return record(answer, source, path)
    if answer.status in {404, 405, 501} and reading.header(answer.headers, "X-Error-Code") is None:
        # No word of the Hub's: this mirror has no such API.
        raise base.verdict(503, who=_who(settings), what="metadata", refusal=answer)
    raise explain(source, answer, settings=settings)


def record(infos: Sequence[object], source: Source, path: str) -> FileRecord:
    """Find the file among the client's records.

    Raises:
        SourceGone: there is no such file.
    """
    for info in infos:
        if getattr(info, "path", None) != path or not hasattr(info, "blob_id"):
            continue
        lfs = getattr(info, "lfs", None)
        # Without LFS the only digest is git's SHA-1 of the blob, which is no sha256.
        sha256 = reading.digest(getattr(lfs, "sha256", None))
        size = reading.size(getattr(info, "size", None))
        return FileRecord(path, reading.size(getattr(lfs, "size", None)) or size, sha256)
    raise _no_file(source)


def account(token: str, *, session: Session, settings: Settings) -> str | None:
    """Ask whose token it is.

    Raises:
        LoginRequired: the Hub does not accept it.
        SourceError: nobody can say.
    """
    if settings.hub_offline:
        raise Offline(
            "HF_HUB_OFFLINE is set and forbids every request to Hugging Face",
            hint="unset HF_HUB_OFFLINE (and TRANSFORMERS_OFFLINE)",
        )
    status, answer = session.json(
        "GET",
        f"{settings.endpoint('huggingface')}/api/whoami-v2",
        what="the Hub's answer about the token",
        credentials={"Authorization": f"Bearer {token}"},
        follow=False,
    )
    if status == 200:
        return reading.text(reading.mapping(answer).get("name"))
    if status == 401:
        raise base.refused_token(_who(settings), token_from=TOKEN_FROM)
    raise base.verdict(status, who=_who(settings), what="the token", said=reading.said(answer))


def explain(source: Source, refusal: Refusal, *, settings: Settings) -> SourceError:
    """Put into words why the Hub, or the storage behind it, did not send the bytes."""
    endpoint = settings.endpoint("huggingface")
    code = reading.header(refusal.headers, "X-Error-Code")
    message = reading.header(refusal.headers, "X-Error-Message")
    said = reading.one_line(message) if message else reading.said(refusal.body)
    has_token = base.has_token(settings, "huggingface")
    away = base.is_elsewhere(refusal, endpoint)
    if away and base.is_elsewhere(refusal, _HUB, "https://hf.co") and code is None:
        return base.storage_error(refusal, who=_who(settings))
    if away and has_token and refusal.status in {401, 403}:
        return LoginRequired(
            f"{endpoint} hands the request on to {refusal.final_host}, which wants a login; "
            "the token is for the former only and was not sent on",
            hint=f"unset HF_ENDPOINT, or set it to https://{refusal.final_host}",
        )
    if code == "GatedRepo":
        return _gated(source, has_token=has_token)
    if said == _DISABLED:
        return SourceRefused(
            f"Hugging Face has disabled the repository {source.locator.get('repo')}",
            hint=f"{page(source)} may say why",
        )
    if code == "RevisionNotFound":
        revision = source.locator.get("revision")
        return SourceGone(f"{source.locator.get('repo')} has no revision {revision}")
    if code == "EntryNotFound":
        return _no_file(source)
    if code == "RepoNotFound" and not source.login:
        return _no_repository(source, has_token=has_token)
    if refusal.status == 401:
        if source.gated:
            return _gated(source, has_token=has_token)
        return _login(source, has_token=has_token)
    if refusal.status == 403:
        hint = f"{page(source)} may say why"
        if has_token:
            hint = f"the token may lack the right to read this repository; see {_TOKENS}"
        return base.verdict(403, who=_who(settings), what=_what(source), said=said, hint=hint)
    return base.verdict(
        refusal.status,
        who=_who(settings),
        what=_what(source),
        refusal=refusal,
        said=said,
        wait=_window(refusal),
    )


def _window(refusal: Refusal) -> float | None:
    """Read when the Hub's rate limit ends: ``ratelimit: "resolvers";r=0;t=51``."""
    found = _RATE_LIMIT.search(reading.header(refusal.headers, "ratelimit") or "")
    return float(found["seconds"]) if found else None


def _gated(source: Source, *, has_token: bool) -> SourceError:
    accept = f"accept the terms on {page(source)}"
    if has_token:
        return AccessRequired(
            f"{source.locator.get('repo')} is gated, and the account of your token has no access",
            hint=f"{accept} with that account, wait if its owner must agree, and try again",
        )
    return AccessRequired(
        f"{source.locator.get('repo')} is gated: it wants a login and accepted terms",
        hint=f"{accept}; then {_GIVE_TOKEN}",
    )


def _login(source: Source, *, has_token: bool) -> SourceError:
    if has_token:
        return LoginRequired(
            f"Hugging Face does not accept your token for {_what(source)}",
            hint=f"it may have expired: make a new one on {_TOKENS} and set HF_TOKEN; "
            "a public file needs none",
        )
    return LoginRequired(f"Hugging Face wants a login for {_what(source)}", hint=_GIVE_TOKEN)


def _no_repository(source: Source, *, has_token: bool) -> SourceError:
    # The Hub gives one answer for both, lest it tell strangers which private ones there are.
    return SourceGone(
        f"Hugging Face has no repository {source.locator.get('repo')}, or it is private",
        hint=f"if it is private: {'your token must see it' if has_token else _GIVE_TOKEN}",
    )


def _no_file(source: Source) -> SourceError:
    locator = source.locator
    return SourceGone(
        f"{locator.get('repo')} has no file {locator.get('path')} at {locator.get('revision')}",
        hint=f"see {page(source)}/tree/main for what it has now",
    )


def _what(source: Source) -> str:
    return f"{source.locator.get('path')} of {source.locator.get('repo')}"


def _who(settings: Settings) -> str:
    endpoint = settings.endpoint("huggingface")
    return "Hugging Face" if endpoint == _HUB else f"{endpoint} (your HF_ENDPOINT)"
