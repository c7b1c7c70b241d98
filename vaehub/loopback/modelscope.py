"""A fake ModelScope: the file list, both addresses of a file, and an OSS origin for the bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from vaehub.loopback.host import FakeHost, Publication, storage_error
from vaehub.loopback.server import Request, Response, json_response, redirect

if TYPE_CHECKING:
    from vaehub.loopback.faults import Stage

_LIST = re.compile(r"/api/v1/models/(?P<repo>[^/]+/[^/]+)/repo/files")
_REPO = re.compile(r"/api/v1/models/(?P<repo>[^/]+/[^/]+)/repo")
_RESOLVE = re.compile(r"/models/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


class ModelScope(FakeHost):
    """modelscope.cn and its OSS bucket."""

    name: ClassVar[str] = "modelscope"
    api_role: ClassVar[str] = "modelscope api"
    bytes_role: ClassVar[str] = "modelscope oss"

    def stage(self, request: Request) -> Stage:
        """Tell whether a request is about a file or for it."""
        return "api" if _LIST.fullmatch(request.path) else "door"

    def error(self, status: int, stage: Stage) -> Response:
        """Give ModelScope's usual answer with this status."""
        if stage == "bytes":
            return storage_error(status, "AccessDenied", "Request has expired.")
        said = {
            401: "need login",
            403: "no permission to access this model",
            404: "record not found",
            429: "too many requests",
        }
        body = {
            "Code": 10010205001 if status == 404 else 10010101001,
            "Data": None,
            "Message": said.get(status, "service error"),
            "RequestId": "loopback",
            "Success": False,
        }
        return json_response(status, body)

    def sign(self, publication: Publication, serial: str) -> tuple[str, dict[str, str]]:
        """Give path and query as of OSS."""
        return f"/lfs/{publication.content.sha256}", {
            "Expires": "4102444800",
            "OSSAccessKeyId": "loopback",
            "Signature": serial,
        }

    def answer(self, request: Request) -> Response:
        """Answer for the site itself."""
        query = request.query
        if found := _LIST.fullmatch(request.path):
            return self._list(request, found["repo"], query.get("Revision") or "master")
        if found := _REPO.fullmatch(request.path):
            revision = query.get("Revision") or "master"
            return self._file(request, found["repo"], revision, query.get("FilePath", ""))
        if found := _RESOLVE.fullmatch(request.path):
            return self._file(request, found["repo"], found["revision"], found["path"])
        return self.error(404, "api")

    def _files(self, repo: str, revision: str) -> list[Publication]:
        return [
            file
            for file in self.published
            if file.at("repo") == repo and revision in {"master", file.at("revision", "master")}
        ]

    def _refusal(self, request: Request, files: list[Publication]) -> Response | None:
        if not files:
            return self.error(404, "api")
        if any(file.login for file in files) and not self.logged_in(_token(request)):
            return self.error(401, "api")
        return None if all(file.granted for file in files) else self.error(403, "api")

    def _list(self, request: Request, repo: str, revision: str) -> Response:
        files = self._files(repo, revision)
        if (refusal := self._refusal(request, files)) is not None:
            return refusal
        told = [
            {
                "CommitMessage": "upload weights",
                "CommittedDate": 1726665606,
                "CommitterName": "loopback",
                "InCheck": False,
                "IsLFS": True,
                "Mode": "33188",
                "Name": file.at("path").rpartition("/")[2],
                "Path": file.at("path"),
                "Revision": file.content.git_sha1,
                "Sha256": file.told_sha256,
                "Size": file.told_size,
                "Type": "blob",
            }
            for file in files
        ]
        return json_response(
            200,
            {
                "Code": 200,
                "Success": True,
                "Data": {"Files": told},
                "Message": "success",
                "RequestId": "loopback",
            },
        )

    def _file(self, request: Request, repo: str, revision: str, path: str) -> Response:
        files = self._files(repo, revision)
        if (refusal := self._refusal(request, files)) is not None:
            return refusal
        for file in files:
            if file.at("path") == path:
                headers = {}
                if file.told_sha256 is not None:
                    headers["X-Linked-Etag"] = file.told_sha256
                return redirect(302, self.signed_url(file), headers)
        return self.error(404, "door")


def _token(request: Request) -> str | None:
    """Read the token as a bearer or as the cookie that the site's own client sends."""
    if request.bearer is not None:
        return request.bearer
    found = re.search(r"(?:^|;\s*)m_session_id=([^;]+)", request.headers.get("cookie", ""))
    return found[1] if found else None
