"""What Liblib says of a model's version and its file.

Pure: takes JSON and asks nobody. Knows that a refusal comes as ``code`` in a 200, that a version
without an attachment is not for download, and that the path of a CDN address holds the sha256.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vaehub.errors import LoginRequired, SourceError, SourceGone, SourceRefused, SourceUnusable
from vaehub.hosts import base, reading

if TYPE_CHECKING:
    from collections.abc import Mapping

SITE_HOSTS = frozenset({"liblib.art", "liblib.ai", "liblib.tv", "liblib-api.vibrou.com"})
_STEM = re.compile(r"/(?P<digest>[0-9a-fA-F]{64})(?:\.[^/]*)?$")
_DOWNLOAD = re.compile(r"/model/download/(?P<uuid>[0-9a-f]{32})/?$")
TOKEN_FROM = "log in on https://www.liblib.art and copy the cookie `usertoken` of that page"
GIVE_TOKEN = f"{TOKEN_FROM}; then run `vaehub login liblib`, or set LIBLIB_TOKEN to it"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A version's file, and what is needed to ask for it."""

    source: str
    """``modelSource``: an address on the CDN, or one of the API that wants a login."""
    name: str
    size: int | None
    sha256: str | None
    """Lower-case."""
    version: str
    model: str | None
    """The model's uuid, where anything tells it."""
    model_id: object = None
    model_name: str | None = None

    @property
    def is_direct(self) -> bool:
        """Whether ``source`` lies on a CDN, and not on Liblib's own sites."""
        host = (urlsplit(self.source).hostname or "").lower()
        return not any(host == site or host.endswith(f".{site}") for site in SITE_HOSTS)


def data(status: int, answer: object, *, what: str, has_token: bool) -> Any:
    """Open the envelope of an answer and give what it holds.

    Raises:
        SourceGone: what was asked for is not there.
        LoginRequired: the API wants a login.
        SourceRefused: the API says no: quota, members only.
        SourceError: the API is in trouble or makes no sense.
    """
    said = reading.said(answer)
    if status == 401:
        raise login(what, has_token=has_token)
    if status != 200:
        raise base.verdict(status, who="Liblib", what=what, said=said)
    code = reading.mapping(answer).get("code")
    if isinstance(code, bool) or not isinstance(code, (int, str)):
        raise SourceUnusable(f"Liblib's answer about {what} makes no sense: it has no code")
    if str(code).strip() == "0":
        return reading.mapping(answer).get("data")
    raise _refusal(said or "", code, what=what, has_token=has_token)


def _refusal(said: str, code: object, *, what: str, has_token: bool) -> SourceError:
    told = f"“{said}” (code {reading.one_line(str(code))})"
    if "下载超过限制" in said:
        return SourceRefused(
            f"Liblib gives your account no more downloads for now: {told}",
            hint="try again tomorrow, or use another source",
        )
    if "登录" in said or "token" in said.lower():
        return login(what, has_token=has_token)
    if "不存在" in said or "下架" in said or "删除" in said:
        return SourceGone(f"Liblib has no {what} (any more): {told}")
    return SourceRefused(f"Liblib refuses {what}: {told}")


def login(what: str, *, has_token: bool) -> LoginRequired:
    """Say that Liblib wants a login, or another one."""
    if has_token:
        return LoginRequired(
            f"Liblib does not accept your token for {what}",
            hint=f"it may have expired: {GIVE_TOKEN}",
        )
    return LoginRequired(f"Liblib wants a login for {what}", hint=GIVE_TOKEN)


def of_model(model: object, version: str, *, what: str) -> Attachment:
    """Find a version in the record of its model.

    Raises:
        SourceGone: the model has no such version.
        SourceRefused: the version is not for download.
        SourceError: the record makes no sense.
    """
    found = reading.mapping(model)
    versions = reading.mappings(found.get("versions"))
    for item in versions:
        if reading.same(item.get("uuid"), version):
            return _attachment(item, model=found, what=what)
    names = ", ".join(reading.one_line(str(item.get("name"))) for item in versions[:8])
    raise SourceGone(
        f"Liblib has no {what} (any more)" + (f"; the model has: {names}" if names else "")
    )


def of_hash(found: object, sha256: str, *, what: str) -> Attachment:
    """Read the answer to the question which version has a sha256.

    Raises:
        SourceGone: no version has it.
        SourceRefused: the version is not for download.
        SourceError: the record makes no sense.
    """
    if found is None:
        raise SourceGone(f"Liblib knows no file with the sha256 {sha256} ({what})")
    version = reading.mapping(found)
    if not version:
        raise SourceUnusable(f"Liblib's answer about {what} makes no sense")
    return _attachment(version, model={}, what=what)


def _attachment(version: Mapping[str, Any], *, model: Mapping[str, Any], what: str) -> Attachment:
    attached = reading.mapping(version.get("attachment"))
    address = reading.text(attached.get("modelSource"))
    if address is None:
        raise SourceRefused(
            f"Liblib does not offer {what} for download: for members, for use on the site only, "
            "or withdrawn",
            hint="another source of the file may serve you",
        )
    try:
        parts = urlsplit(address)
    except ValueError:
        raise SourceUnusable(f"Liblib's address of {what} is not valid") from None
    asked_of_api = _DOWNLOAD.search(parts.path)
    told = reading.text(model.get("uuid")) or reading.text(version.get("modelUuid"))
    return Attachment(
        source=address,
        name=reading.one_line(reading.text(attached.get("modelSourceName")) or "?"),
        size=reading.size(attached.get("modelSourceSize")),
        sha256=agreed(reading.digest(attached.get("modelSourceHash")), address, what=what),
        version=reading.text(version.get("uuid")) or "",
        model=told or (asked_of_api["uuid"] if asked_of_api else None),
        model_id=model.get("id", version.get("modelId")),
        model_name=reading.text(model.get("name")),
    )


def agreed(sha256: str | None, address: str, *, what: str) -> str | None:
    """Compare the sha256 that Liblib tells with the one in the path of its CDN's address.

    Raises:
        SourceUnusable: they differ, so that one of them is not this file's.
    """
    try:
        found = _STEM.search(urlsplit(address).path)
    except ValueError:
        raise SourceUnusable(f"Liblib's address of {what} is not valid") from None
    in_path = found["digest"].lower() if found else None
    if sha256 is not None and in_path is not None and sha256 != in_path:
        raise SourceUnusable(
            f"Liblib contradicts itself about {what}: it tells the sha256 {sha256}, and the "
            f"address leads to {in_path}"
        )
    return sha256 or in_path
