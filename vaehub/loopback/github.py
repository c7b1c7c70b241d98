"""A fake GitHub: raw files, release assets with digests, and the API that lists them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from vaehub.loopback.host import FakeHost, Publication, storage_error
from vaehub.loopback.server import Request, Response, json_response, redirect, text_response

if TYPE_CHECKING:
    from vaehub.loopback.faults import Stage

_RAW = re.compile(r"/(?P<repo>[^/]+/[^/]+)/raw/(?P<revision>[^/]+)/(?P<path>.+)")
_ASSET = re.compile(r"/(?P<repo>[^/]+/[^/]+)/releases/download/(?P<tag>[^/]+)/(?P<asset>[^/]+)")
_RELEASE = re.compile(r"/api/v3/repos/(?P<repo>[^/]+/[^/]+)/releases/tags/(?P<tag>[^/]+)")


class GitHub(FakeHost):
    """github.com with its API below ``/api/v3``, and the two origins of its files in one."""

    name: ClassVar[str] = "github"
    api_role: ClassVar[str] = "github api"
    bytes_role: ClassVar[str] = "github assets"

    def stage(self, request: Request) -> Stage:
        """Tell whether a request is about a file or for it."""
        return "api" if request.path.startswith("/api/") else "door"

    def error(self, status: int, stage: Stage) -> Response:
        """Give GitHub's usual answer with this status."""
        if stage == "bytes":
            return storage_error(status, "AuthenticationFailed", "Signature not valid")
        if stage == "door":
            return text_response(status, "Not Found" if status == 404 else f"Error {status}")
        if status in {403, 429}:
            message = "API rate limit exceeded for 127.0.0.1."
            limits = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"}
            return json_response(status, {"message": message}, limits)
        message = "Not Found" if status == 404 else f"Error {status}"
        return json_response(status, {"message": message, "status": str(status)})

    def sign(self, publication: Publication, serial: str) -> tuple[str, dict[str, str]]:
        """Give path and query as of the release assets."""
        return f"/github-production-release-asset/{publication.content.sha256[:16]}", {
            "sp": "r",
            "se": "2100-01-01T00:00:00Z",
            "sig": serial,
        }

    def answer(self, request: Request) -> Response:
        """Answer for the site and its API."""
        if found := _RELEASE.fullmatch(request.path):
            files = self._where(repo=found["repo"], tag=found["tag"])
            if files:
                return json_response(200, self._release(found["tag"], files))
            return self.error(404, "api")
        for pattern in (_ASSET, _RAW):
            if found := pattern.fullmatch(request.path):
                for file in self._where(**found.groupdict()):
                    return redirect(302, self.signed_url(file))
        return self.error(404, self.stage(request))

    def _where(self, **locator: str) -> list[Publication]:
        return [
            file
            for file in self.published
            if all(file.at(key) == value for key, value in locator.items())
        ]

    def _release(self, tag: str, files: list[Publication]) -> dict[str, Any]:
        return {
            "id": 1,
            "tag_name": tag,
            "name": tag,
            "draft": False,
            "prerelease": False,
            "assets": [
                {
                    "id": number,
                    "name": file.at("asset"),
                    "state": "uploaded",
                    "content_type": "application/octet-stream",
                    "size": file.told_size,
                    "digest": f"sha256:{file.told_sha256}" if file.told_sha256 else None,
                    "browser_download_url": f"{self.api_url}/{file.at('repo')}"
                    f"/releases/download/{tag}/{file.at('asset')}",
                }
                for number, file in enumerate(files, start=1)
            ],
        }
