"""Plain file servers: somebody's web server, and a mirror tree by sha256 and by address."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote, urlsplit

from vaehub.loopback.faults import Course
from vaehub.loopback.host import FakeHost, Publication, send, spoiled
from vaehub.loopback.server import Request, Response, text_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.loopback.faults import Stage


_STAGES: tuple[Stage, ...] = ("door", "bytes")


class _FileServer(FakeHost):
    """One origin that sends files as they are; question, door and bytes are one."""

    @property
    def origins(self) -> dict[str, Callable[[Request], Response]]:
        return {self.api_role: self.answer}

    def path_of(self, publication: Publication) -> str:
        """Give the path at which a publication lies."""
        raise NotImplementedError

    def error(self, status: int, stage: Stage) -> Response:
        page = f"<html><head><title>{status}</title></head><body>{status}</body></html>"
        return text_response(status, page, "text/html")

    def answer(self, request: Request) -> Response:
        course = Course()
        for stage in _STAGES:
            course = self.faults.course(stage, request.method)
            if course.is_refusal:
                return spoiled(course)
        for file in reversed(self.published):
            if self.path_of(file) == request.path:
                return send(request, file.content, {}, course)
        return self.error(404, "bytes")


class WebServer(_FileServer):
    """Stands for the web server of every ``http`` source, whatever its name."""

    name: ClassVar[str] = "http"
    api_role: ClassVar[str] = "http files"
    bytes_role: ClassVar[str] = "http files"

    def path_of(self, publication: Publication) -> str:
        """Give the path of the source's own address."""
        return unquote(urlsplit(publication.at("url")).path)

    @property
    def prefixes(self) -> list[str]:
        """``https://host`` of every source it stands for."""
        parts = [urlsplit(file.at("url")) for file in self.published]
        return sorted({f"{part.scheme}://{part.netloc}" for part in parts})


class MirrorTree(_FileServer):
    """A mirror: ``/sha256/{digest}``, or ``/{host}/{path}`` for a locator with ``url``."""

    name: ClassVar[str] = "mirror"
    api_role: ClassVar[str] = "mirror"
    bytes_role: ClassVar[str] = "mirror"

    def path_of(self, publication: Publication) -> str:
        """Give the path in the tree."""
        if "url" in publication.locator:
            parts = urlsplit(publication.at("url"))
            return f"/{parts.netloc}{unquote(parts.path)}"
        return f"/sha256/{publication.told_sha256}"
