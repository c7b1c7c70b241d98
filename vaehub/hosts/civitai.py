"""Civitai: a version's file, from civitai.com or its second front civitai.red.

Knows the API, how a download is asked for and what each refusal means. Which file of a version is
meant is decided in :mod:`vaehub.hosts.civitai_files`. The address of the bytes is always built
here: the ones in the answers name other origins, or even ``undefined``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from vaehub.errors import (
    LoginRequired,
    SourceError,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from vaehub.hosts import base, civitai_files, reading
from vaehub.model import Artifact, Download, Source
from vaehub.settings import DEFAULT_ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.hosts.base import Refusal
    from vaehub.settings import Settings
    from vaehub.transfer.session import Session

_SITE = DEFAULT_ENDPOINTS["civitai"]
FRONTS = {_SITE: (_SITE, "https://civitai.red")}
"""Sites that serve the same API with the same ids and keys, asked in this order."""

_ACCOUNT = f"{_SITE}/user/account"
TOKEN_FROM = f"make an API key on {_ACCOUNT}"
_GIVE_TOKEN = f"{TOKEN_FROM}, then run `vaehub login civitai`, or set CIVITAI_TOKEN to it"


def label(source: Source) -> str:
    """Name the source: model, version and, where the catalog has it, file."""
    locator = source.locator
    model = f" model {locator['model']}" if locator.get("model") else ""
    file = f" file {locator['file']}" if locator.get("file") else ""
    return reading.one_line(f"civitai{model} version {locator.get('version')}{file}")


def page(source: Source) -> str:
    """Give the model's page, opened at the version."""
    version = source.locator.get("version", "")
    model = source.locator.get("model")
    if model is None:  # the site has no page for a version alone
        return f"{_SITE}/api/v1/model-versions/{version}"
    return f"{_SITE}/models/{model}?modelVersionId={version}"


def locate(source: Source, artifact: Artifact, *, session: Session, settings: Settings) -> Download:
    """Find the file of the version and build the address of its bytes.

    The API is read without the token: it is open, and the token is only for downloads. Where the
    API is in trouble and the catalog knows the sha256, the download is tried without its word.

    Raises:
        SourceError: Civitai does not give the file, or the locator is no good.
        HashMismatch: the version holds other bytes than the catalog says.
    """
    version = _number(source, "version")
    file_id = _number(source, "file") if source.locator.get("file") is not None else None
    type_, format_ = (base.optional_text(source, key) for key in ("type", "format"))
    credentials = base.bearer(settings, "civitai")
    site, size, sha256 = settings.endpoint("civitai"), None, None
    try:
        site, answer = _ask(version, session=session, settings=settings)
    except base.NO_VERDICT:
        if artifact.sha256 is None:
            raise
    else:
        what = _what(source)
        stop = civitai_files.barrier(answer, what=what, has_token=bool(credentials))
        if stop is not None:
            raise stop
        file = civitai_files.pick(
            answer,
            what=what,
            sha256=artifact.sha256,
            file_id=file_id,
            type_=type_,
            format_=format_,
        )
        file_id, size, sha256 = str(file.id), file.bytes(artifact.size), file.sha256
    asked = {"fileId": file_id} if file_id else {"type": type_, "format": format_}
    query = urlencode({key: value for key, value in asked.items() if value})
    return Download(
        url=f"{site}/api/download/models/{version}{'?' if query else ''}{query}",
        label=label(source),
        headers=credentials,
        size=size,
        sha256=sha256,
    )


def by_hash(sha256: str, *, session: Session, settings: Settings) -> base.ByHash:
    """Ask which version holds a file with this sha256; the API is open, and gets no token.

    Raises:
        SourceGone: none does.
        SourceError: nobody can say.
    """
    what = f"file with the sha256 {sha256}"
    route = f"by-hash/{sha256.upper()}"
    _, answer = _ask(route, what=what, session=session, settings=settings)
    # The site finds a version by any kind of digest, short ones too: only the sha256 tells.
    file = next((one for one in civitai_files.files(answer) if one.sha256 == sha256), None)
    version = reading.size(answer.get("id"))
    if file is None or version is None:
        raise SourceGone(f"Civitai has no {what}")
    model = reading.size(answer.get("modelId"))
    locator: dict[str, str | int] = {"version": version, "file": file.id}
    if model is not None:
        locator = {"model": model, **locator}
    named = (reading.mapping(answer.get("model")).get("name"), answer.get("name"))
    title = ", ".join(reading.one_line(text) for text in map(reading.text, named) if text)
    return base.ByHash(
        "civitai", title or "?", page(Source("civitai", locator)), file.name, locator
    )


def _ask(
    version: str, *, session: Session, settings: Settings, what: str | None = None
) -> tuple[str, Mapping[str, Any]]:
    """Ask each front for the version; give the front that knows it, and its answer."""
    trouble: SourceError | None = None
    what = what or f"version {version}"
    for site in _fronts(settings):
        try:
            status, answer = session.json(
                "GET",
                f"{site}/api/v1/model-versions/{version}",
                what=f"Civitai's record of {what}",
            )
        except (SourceUnreachable, SourceUnusable) as error:
            trouble = trouble or error
            continue
        if status == 200 and isinstance(answer, dict):
            return site, answer
        answered = base.verdict(status, who="Civitai", what=what, said=reading.said(answer))
        if not isinstance(answered, (SourceGone, SourceUnreachable, SourceUnusable)):
            raise answered
        # What is gone at one front says more than the silence of the other.
        if trouble is None or isinstance(answered, SourceGone):
            trouble = answered
    assert trouble is not None
    raise trouble


def _fronts(settings: Settings) -> tuple[str, ...]:
    site = settings.endpoint("civitai")
    return FRONTS.get(site, (site,))


def account(token: str, *, session: Session, settings: Settings) -> str | None:
    """Ask whose token it is; both fronts know the same ones.

    Raises:
        LoginRequired: Civitai does not accept it.
        SourceError: nobody can say.
    """
    trouble: SourceError | None = None
    for site in _fronts(settings):
        try:
            status, answer = session.json(
                "GET",
                f"{site}/api/v1/me",
                what="Civitai's answer about the token",
                credentials={"Authorization": f"Bearer {token}"},
                follow=False,
            )
        except (SourceUnreachable, SourceUnusable) as error:
            trouble = trouble or error
            continue
        if status == 200:
            return reading.text(reading.mapping(answer).get("username"))
        if status == 401:
            raise base.refused_token("Civitai", token_from=TOKEN_FROM)
        trouble = trouble or base.verdict(
            status, who="Civitai", what="the token", said=reading.said(answer)
        )
    assert trouble is not None
    raise trouble


def explain(source: Source, refusal: Refusal, *, settings: Settings) -> SourceError:
    """Put into words why Civitai, or the storage behind it, did not send the bytes."""
    if base.is_elsewhere(refusal, *_fronts(settings)):
        return base.storage_error(refusal, who="Civitai")
    what = _what(source)
    said = reading.said(refusal.body)
    if refusal.status == 401:
        if said is not None and "disabled downloads" in said:
            return SourceRefused(
                f"the author of {what} has disabled its download",
                hint="another source of the file may serve you",
            )
        if base.has_token(settings, "civitai"):
            return LoginRequired(
                f"Civitai does not accept your token for {what}",
                hint=f"it may have been deleted: {_GIVE_TOKEN}",
            )
        return LoginRequired(f"Civitai wants a login for {what}", hint=_GIVE_TOKEN)
    if refusal.status == 403:
        return _forbidden(source, refusal, what)
    if refusal.status == 410:
        return SourceGone(f"{what} is archived: Civitai shows it and serves no file of it")
    if refusal.status == 429:
        return base.verdict(
            429,
            who="Civitai",
            what=what,
            refusal=refusal,
            hint="come back later, or write to support@civitai.com if it stays so",
        )
    return base.verdict(refusal.status, who="Civitai", what=what, refusal=refusal)


def _forbidden(source: Source, refusal: Refusal, what: str) -> SourceError:
    body = reading.decoded(refusal.body)
    if reading.same(body.get("error"), "Early Access"):
        return civitai_files.early_access(what, body.get("deadline"))
    said = reading.text(body.get("error")) or ""
    if "access" in said:
        return SourceRefused(
            f"the account of your token has no access to {what}",
            hint=f"{page(source)} says how it is given",
        )
    return base.verdict(
        403,
        who="Civitai",
        what=what,
        refusal=refusal,
        hint="Civitai turns away this address or account, or a wall against robots does: "
        "try from another network",
    )


def _number(source: Source, key: str) -> str:
    value = base.locator_text(source, key)
    if not (value.isascii() and value.isdigit()):
        raise SourceUnusable(f"{label(source)}: {key} must be a number")
    return value


def _what(source: Source) -> str:
    return label(source).replace("civitai", "Civitai", 1)
