"""Liblib: a version's file, over an API that is not documented.

Knows its routes and both ways to the bytes: an address on the CDN in the record itself, or one that
is asked for with a login. The token goes to the API and nowhere else. What the answers mean is
said in :mod:`vaehub.hosts.liblib_records`.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from vaehub.errors import (
    SourceError,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from vaehub.hosts import base, liblib_records, reading
from vaehub.model import Artifact, Download, Source
from vaehub.settings import DEFAULT_ENDPOINTS
from vaehub.transfer.addresses import check_address, same_origin

if TYPE_CHECKING:
    from vaehub.hosts.base import Refusal
    from vaehub.hosts.liblib_records import Attachment
    from vaehub.settings import Settings
    from vaehub.transfer.session import Session

TOKEN_FROM = liblib_records.TOKEN_FROM
_SITE = DEFAULT_ENDPOINTS["liblib"]
APIS = {_SITE: (_SITE, "https://api2.liblib.art")}
"""Bases under which the same API answers, asked in this order."""

_UUID = re.compile(r"[0-9a-f]{32}")


def label(source: Source) -> str:
    """Name the source: model and version."""
    model = f" model {source.locator['model']}" if source.locator.get("model") else ""
    return reading.one_line(f"liblib{model} version {source.locator.get('version')}")


def page(source: Source) -> str:
    """Give the model's page, opened at the version; the site where the model is not known."""
    model, version = source.locator.get("model"), source.locator.get("version", "")
    return f"{_SITE}/modelinfo/{model}?versionUuid={version}" if model else _SITE


def locate(source: Source, artifact: Artifact, *, session: Session, settings: Settings) -> Download:
    """Look the version up and get an address on the CDN.

    Raises:
        SourceError: Liblib does not give the file, or the locator is no good.
    """
    api = _Api(source, session=session, settings=settings)
    attachment = api.find(artifact.sha256)
    what = _what(source)
    if attachment.is_direct and not any(same_origin(attachment.source, it) for it in api.bases):
        url = attachment.source
    else:
        url = api.ask_for_address(attachment)
    check_address(url, plain_http_origins=settings.plain_http_origins)
    return Download(
        url=url,
        label=label(source),
        size=attachment.size,
        sha256=liblib_records.agreed(attachment.sha256, url, what=what),
    )


def by_hash(sha256: str, *, session: Session, settings: Settings) -> base.ByHash:
    """Ask which version holds a file with this sha256; no token goes along.

    Raises:
        SourceGone: none does.
        SourceError: nobody can say.
    """
    what = f"file with the sha256 {sha256}"
    found = reading.mapping(
        _data(
            "GET",
            f"/model-version/hash/{sha256}",
            session=session,
            bases=_bases(settings),
            what=what,
        )
    )
    version = (reading.text(found.get("uuid")) or "").replace("-", "").lower()
    attached = reading.mapping(found.get("attachment"))
    told = reading.digest(attached.get("modelSourceHash"))
    # Whoever answers with another digest has not found this file.
    if not _UUID.fullmatch(version) or told not in (None, sha256):
        raise SourceGone(f"Liblib has no {what}")
    model = (reading.text(found.get("modelUuid")) or "").replace("-", "").lower()
    locator: dict[str, str | int] = {"version": version}
    if _UUID.fullmatch(model):
        locator = {"model": model, **locator}
    names = (reading.text(found.get(key)) for key in ("modelName", "name"))
    title = ", ".join(reading.one_line(name) for name in names if name)
    file = reading.one_line(reading.text(attached.get("modelSourceName")) or "?")
    return base.ByHash("liblib", title or "?", page(Source("liblib", locator)), file, locator)


class _Api:
    """The questions about one source, put to the first base that answers."""

    def __init__(self, source: Source, *, session: Session, settings: Settings) -> None:
        self.what = _what(source)
        self.version = _uuid(source, "version")
        self.model = _uuid(source, "model") if source.locator.get("model") is not None else None
        self.token = base.token(settings, "liblib")
        self.bases = _bases(settings)
        self._session = session

    def find(self, sha256: str | None) -> Attachment:
        """Find the version's file by the model's uuid, or else by the sha256."""
        if self.model is not None:
            found = self._data("POST", f"/model/getByUuid/{self.model}", json={})
            return liblib_records.of_model(found, self.version, what=self.what)
        if sha256 is None:
            raise SourceUnusable(
                f"{self.what}: Liblib finds a file by the uuid of its model or by its sha256, and "
                "the catalog has neither",
                hint="add `model` to the source",
            )
        found = self._data("GET", f"/model-version/hash/{sha256}")
        return liblib_records.of_hash(found, sha256, what=self.what)

    def ask_for_address(self, attachment: Attachment) -> str:
        """Announce the download, as the site's own page does, and get an address on the CDN."""
        if self.token is None:
            raise liblib_records.login(self.what, has_token=False)
        model = attachment.model or self.model
        query = dict(parse_qsl(urlsplit(attachment.source).query, keep_blank_values=True))
        if model is None:
            raise SourceUnusable(
                f"{self.what}: Liblib wants the uuid of the model for a download",
                hint="add `model` to the source",
            )
        # The uuid may come from an answer, so it is quoted before it becomes part of a path.
        route = f"/model/download/{base.url_path(model, slashes=False)}"
        announcement = {
            "modelId": attachment.model_id,
            "modelName": attachment.model_name,
            "modelVersionId": attachment.version,
            "url": attachment.source,
            "uuid": model,
        }
        if not self._data("POST", "/community/downloadCheck", json=announcement, login=True):
            raise SourceRefused(
                f"Liblib does not let your account download {self.what}",
                hint="its page may say why; another source of the file may serve you",
            )
        address = reading.text(self._data("GET", route, query=query, login=True))
        if address is None:
            raise SourceUnusable(f"Liblib gives no address for {self.what}")
        return address

    def _data(
        self,
        method: str,
        route: str,
        *,
        json: object | None = None,
        query: dict[str, str] | None = None,
        login: bool = False,
    ) -> Any:
        return _data(
            method,
            route,
            session=self._session,
            bases=self.bases,
            what=self.what,
            json=json,
            query=query,
            credentials={"token": self.token} if login and self.token else None,
            has_token=self.token is not None,
        )


def _data(
    method: str,
    route: str,
    *,
    session: Session,
    bases: tuple[str, ...],
    what: str,
    json: object | None = None,
    query: dict[str, str] | None = None,
    credentials: dict[str, str] | None = None,
    has_token: bool = False,
) -> Any:
    """Put a question to the first base that answers, and give the data of its answer."""
    asked = urlencode({**(query or {}), "timestamp": str(time.time_ns() // 1_000_000)})
    trouble: SourceError | None = None
    for place in bases:
        try:
            status, answer = session.json(
                method,
                f"{place}/api/www{route}?{asked}",
                what=f"Liblib's answer about {what}",
                credentials=credentials,
                json=json,
            )
            return liblib_records.data(status, answer, what=what, has_token=has_token)
        except (SourceUnreachable, SourceUnusable) as error:
            trouble = trouble or error
    assert trouble is not None
    raise trouble


def account(token: str, *, session: Session, settings: Settings) -> str | None:
    """Ask whose token it is: the API takes a question about the user only with a good one.

    Raises:
        LoginRequired: Liblib does not accept it.
        SourceError: nobody can say.
    """
    trouble: SourceError | None = None
    for place in _bases(settings):
        try:
            status, answer = session.json(
                "POST",
                f"{place}/api/www/user/getUserInfo?timestamp={time.time_ns() // 1_000_000}",
                what="Liblib's answer about the token",
                credentials={"token": token},
                json={},
                follow=False,
            )
        except (SourceUnreachable, SourceUnusable) as error:
            trouble = trouble or error
            continue
        told = reading.mapping(answer)
        if status == 200 and reading.same(told.get("code"), "0"):
            return None  # under which key the name stands, nobody has written down
        if status == 401 or (status == 200 and "code" in told):
            raise base.refused_token("Liblib", token_from=TOKEN_FROM)
        trouble = trouble or base.verdict(
            status, who="Liblib", what="the token", said=reading.said(answer)
        )
    assert trouble is not None
    raise trouble


def explain(source: Source, refusal: Refusal, *, settings: Settings) -> SourceError:
    """Put into words why the CDN did not send the bytes."""
    if base.is_elsewhere(refusal, *_bases(settings)):
        return base.storage_error(refusal, who="Liblib")
    if refusal.status == 401:
        has_token = base.has_token(settings, "liblib")
        return liblib_records.login(_what(source), has_token=has_token)
    return base.verdict(refusal.status, who="Liblib", what=_what(source), refusal=refusal)


def _bases(settings: Settings) -> tuple[str, ...]:
    site = settings.endpoint("liblib")
    return APIS.get(site, (site,))


def _uuid(source: Source, key: str) -> str:
    value = base.locator_text(source, key).replace("-", "").lower()
    if not _UUID.fullmatch(value):
        raise SourceUnusable(f"{label(source)}: {key} must be a uuid of 32 hex digits")
    return value


def _what(source: Source) -> str:
    return label(source).removeprefix("liblib ")
