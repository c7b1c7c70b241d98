"""What all fake hosts share: publications, signed URLs, ranges, and the faults' place in it.

Knows how bytes are served and when a signed URL is good. Knows no host's API.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, quote, urlencode

from vaehub.loopback.faults import Course, Faults, Stage
from vaehub.loopback.server import Request, Response, text_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaehub.loopback.content import Content

ACTUAL: Any = object()
"""A claim that was not made: the API tells the truth."""


@dataclass
class Publication:
    """One file on one host, and what the host says of it."""

    host: str
    locator: Mapping[str, str | int]
    content: Content
    name: str
    sha256: str | None = ACTUAL
    """What the API says; None: it says nothing."""
    size: int | None = ACTUAL
    """Bytes, as the API says; None: it says nothing."""
    login: bool = False
    """Served only with the host's token."""
    gated: bool = False
    """Terms must have been accepted (Hugging Face)."""
    granted: bool = True
    """Whether the token's owner may: has accepted the terms, has a grant."""
    disabled: bool = False
    """The repository is disabled, or the creator has switched downloads off."""
    archived: bool = False
    taken_down: bool = False
    early_access: str | None = None
    """Date until which one must pay."""
    attachment: dict[str, Any] | None = ACTUAL
    """Liblib's object that names the file; None where it is not for download."""
    flow: str = "token"
    """Liblib: ``token`` (ask for a CDN URL with a login) or ``direct`` (the API names it)."""
    lfs: bool = True
    """Hugging Face: whether the file is big enough for LFS and so has a sha256."""
    type: str | None = None
    """Civitai: type of the file."""
    model_type: str = "VAE"
    """Civitai: type of the model."""
    metadata: dict[str, Any] | None = None
    """Civitai: format, size, fp; None: by the name's suffix."""
    hashes: dict[str, str] | None = None
    """Civitai: the hashes told; None: those of the bytes."""
    file_id: int = 0
    """Civitai: given by the world unless the locator has ``file``."""

    @property
    def told_sha256(self) -> str | None:
        """The sha256 that the API tells."""
        return self.content.sha256 if self.sha256 is ACTUAL else self.sha256

    @property
    def told_size(self) -> int | None:
        """The size that the API tells."""
        return self.content.size if self.size is ACTUAL else self.size

    def at(self, key: str, default: str = "") -> str:
        """Give a key of the locator as text."""
        return str(self.locator.get(key, default))


@dataclass
class _Signed:
    content: Content
    headers: dict[str, str]
    uses: int = 0


@dataclass
class Surroundings:
    """What a fake host is told of the world it stands in."""

    url: Callable[[str], str]
    """Base URL of an origin, by its role."""
    tokens: Mapping[str, str]
    """Accepted tokens by host."""


class FakeHost:
    """One host: an API origin, mostly a second origin for the bytes, and its faults."""

    name: ClassVar[str]
    api_role: ClassVar[str]
    bytes_role: ClassVar[str]

    def __init__(self, world: Surroundings) -> None:
        self.world = world
        self.published: list[Publication] = []
        self.faults = Faults(self)
        self._signed: dict[tuple[str, ...], _Signed] = {}
        self._serial = itertools.count(1)
        self._lock = threading.Lock()

    # Each host says these in its own way.

    def accept(self, publication: Publication) -> None:
        """Take a publication in; the place to refuse a locator and to set the host's defaults."""
        self.published.append(publication)

    def stage(self, request: Request) -> Stage:
        """Tell whether a request to the API's origin is about a file or for it."""
        raise NotImplementedError

    def answer(self, request: Request) -> Response:
        """Answer a request to the API's origin, all being well."""
        raise NotImplementedError

    def error(self, status: int, stage: Stage) -> Response:
        """Give the host's usual answer with this status at this stage."""
        raise NotImplementedError

    def sign(self, publication: Publication, serial: str) -> tuple[str, dict[str, str]]:
        """Give path and query of a signed URL; the query holds ``serial`` somewhere."""
        raise NotImplementedError

    def bytes_headers(self, publication: Publication) -> dict[str, str]:
        """Give what the storage sends along with the bytes."""
        return {"Content-Disposition": f'attachment; filename="{publication.name}"'}

    # These are the same everywhere.

    @property
    def origins(self) -> dict[str, Callable[[Request], Response]]:
        """Each role of this host and the function that answers for it."""
        return {self.api_role: self._at_api, self.bytes_role: self._at_storage}

    @property
    def api_url(self) -> str:
        """Base URL of the API's origin: what an endpoint variable is set to."""
        return self.world.url(self.api_role)

    def logged_in(self, token: str | None) -> bool:
        """Tell whether this is the host's token."""
        return token is not None and token == self.world.tokens.get(self.name)

    def signed_url(self, publication: Publication) -> str:
        """Issue a URL on the bytes' origin that is good for this file."""
        serial = f"{next(self._serial):08x}"
        path, query = self.sign(publication, serial)
        self._signed[_key(path, urlencode(query))] = _Signed(
            publication.content, self.bytes_headers(publication)
        )
        return f"{self.world.url(self.bytes_role)}{quote(path)}?{urlencode(query)}"

    def _at_api(self, request: Request) -> Response:
        course = self.faults.course(self.stage(request), request.method)
        if course.is_refusal:
            return spoiled(course)
        return self.answer(request)

    def _at_storage(self, request: Request) -> Response:
        course = self.faults.course("bytes", request.method)
        if course.is_refusal:
            return spoiled(course)
        signed = self._signed.get(_key(request.path, request.raw_query))
        if signed is None:
            return storage_error(403, "SignatureDoesNotMatch", "The signature does not match.")
        with self._lock:
            limit = self.faults.uses_per_url
            if limit is not None and signed.uses >= limit:
                return storage_error(403, "AccessDenied", "Request has expired")
            signed.uses += 1
        return send(request, signed.content, signed.headers, course)


def _key(path: str, query: str) -> tuple[str, ...]:
    """Identify a signed URL however a client has re-encoded its query."""
    return (path, *(f"{name}={value}" for name, value in sorted(parse_qsl(query))))


def storage_error(status: int, code: str, message: str) -> Response:
    """Answer as an object storage does: in XML."""
    return text_response(
        status,
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>",
        "application/xml",
    )


def spoiled(course: Course) -> Response:
    """Give the answer that stands in place of the true one."""
    response = course.instead or Response(500)
    return replace(response, headers=dict(response.headers), delivery=course.delivery)


def send(
    request: Request, content: Content, headers: Mapping[str, str], course: Course
) -> Response:
    """Answer with a file or the range of it that was asked for."""
    etag = f'"{content.sha256[:32]}"'
    for change in course.alter:
        content = change(content)
    headers = {
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
        "ETag": etag,
        **headers,
    }
    asked = request.headers.get("range", "")
    if course.ranges == "ignored" or request.headers.get("if-range", etag) != etag:
        asked = ""
    window = _window(asked, content.size)
    if window is None:
        whole = (content, 0, content.size)
        return Response(200, headers, window=whole, delivery=course.delivery)
    start, length = window
    if length <= 0:
        refusal = storage_error(416, "InvalidRange", "The requested range is not satisfiable")
        refusal.headers["Content-Range"] = f"bytes */{content.size}"
        return refusal
    if course.ranges == "from zero":
        start = 0
    headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{content.size}"
    status = 200 if course.ranges == "as 200" else 206
    return Response(status, headers, window=(content, start, length), delivery=course.delivery)


def _window(asked: str, size: int) -> tuple[int, int] | None:
    """Read a Range header: (start, length), length 0 if past the end, None if there is none."""
    unit, _, span = asked.partition("=")
    first, dash, last = span.strip().partition("-")
    if unit.strip() != "bytes" or not dash or not (first or last) or "," in span:
        return None
    if not (first or "0").isdigit() or not (last or "0").isdigit():
        return None
    if not first:
        length = min(int(last), size)
        return size - length, length
    start = int(first)
    stop = min(int(last) + 1 if last else size, size)
    if last and int(last) < start:  # not a range at all, says RFC 9110
        return None
    return start, max(0, stop - start)
