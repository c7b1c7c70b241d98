"""A fake Hugging Face: resolve, model info, paths-info and tree, with gated repositories.

Knows the headers and error codes that the official client reads. Has no Xet: the header that
would announce it is left out, so that clients take the plain way.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs

from vaehub.loopback.host import FakeHost, Publication, send, spoiled, storage_error
from vaehub.loopback.server import Request, Response, json_response, redirect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.loopback.faults import Stage

_RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
_API = re.compile(
    r"/api/models/(?P<repo>[^/]+/[^/]+)"
    r"(?:/(?P<verb>revision|paths-info|tree)/(?P<revision>[^/]+)(?:/(?P<path>.*))?)?"
)


class HuggingFace(FakeHost):
    """The Hub and its CDN."""

    name: ClassVar[str] = "huggingface"
    api_role: ClassVar[str] = "huggingface api"
    bytes_role: ClassVar[str] = "huggingface cdn"

    def stage(self, request: Request) -> Stage:
        """Tell whether a request is about a file or for it."""
        return "door" if _RESOLVE.fullmatch(request.path) else "api"

    def error(self, status: int, stage: Stage) -> Response:
        """Give the Hub's usual answer with this status."""
        if stage == "bytes":
            return storage_error(status, "AccessDenied", "Access denied")
        said = {
            401: (None, "Invalid credentials in Authorization header"),
            403: (None, "Access to this resource is disabled."),
            404: ("EntryNotFound", "Entry not found"),
            429: (None, "We had to rate limit your IP. Please retry later."),
            500: (None, "Internal Error - We're working hard to fix this as soon as possible!"),
        }
        code, message = said.get(status, (None, f"Error {status}"))
        return _refuse(status, code, message)

    def sign(self, publication: Publication, serial: str) -> tuple[str, dict[str, str]]:
        """Give path and query as of the Hub's CDN."""
        return f"/xet-bridge-us/{publication.content.sha256}", {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Expires": "3600",
            "X-Amz-Signature": serial,
        }

    def answer(self, request: Request) -> Response:
        """Answer for the Hub itself."""
        if found := _RESOLVE.fullmatch(request.path):
            return self._resolve(request, found["repo"], found["revision"], found["path"])
        if request.path == "/api/whoami-v2":
            if not self.logged_in(request.bearer):
                return self.error(401, "api")
            return json_response(200, {"type": "user", "id": "0" * 24, "name": "loopback"})
        if found := _API.fullmatch(request.path):
            return self._api(request, **found.groupdict())
        return _refuse(404, None, "Sorry, we can't find the page you are looking for.")

    def _files(self, repo: str, revision: str) -> list[Publication]:
        return [
            file
            for file in self.published
            if file.at("repo") == repo and revision in {"main", file.at("revision"), _commit(file)}
        ]

    def _missing(self, request: Request, repo: str) -> Response:
        """Say that there is no such repository, which an anonymous client may not be told."""
        if any(file.at("repo") == repo for file in self.published):
            return _refuse(404, "RevisionNotFound", "Invalid rev id")
        if self.logged_in(request.bearer):
            return _refuse(404, "RepoNotFound", "Repository not found")
        return _refuse(401, "RepoNotFound", "Invalid username or password.")

    def _resolve(self, request: Request, repo: str, revision: str, path: str) -> Response:
        if request.bearer is not None and not self.logged_in(request.bearer):
            return self.error(401, "door")
        files = self._files(repo, revision)
        if not files:
            return self._missing(request, repo)
        file = next((file for file in reversed(files) if file.at("path") == path), None)
        if file is None:
            commit = {"X-Repo-Commit": _commit(files[0])}
            return _refuse(404, "EntryNotFound", "Entry not found", commit)
        if file.disabled:
            return self.error(403, "door")
        if file.login or file.gated:
            restricted = f"Access to model {repo} is restricted."
            if not self.logged_in(request.bearer):
                code = "GatedRepo" if file.gated else "RepoNotFound"
                return _refuse(401, code, restricted + " Please log in.")
            if not file.granted:
                where = f" Visit {self.api_url}/{repo} to ask for access."
                return _refuse(403, "GatedRepo", restricted + where)
        headers = {"X-Repo-Commit": _commit(file), "Accept-Ranges": "bytes"}
        if not file.lfs:
            headers["ETag"] = f'"{file.content.git_sha1}"'
            course = self.faults.course("bytes", request.method)
            if course.is_refusal:
                return spoiled(course)
            return send(request, file.content, headers, course)
        if file.told_sha256 is not None:
            headers["X-Linked-Etag"] = f'"{file.told_sha256}"'
            headers["ETag"] = headers["X-Linked-Etag"]
        if file.told_size is not None:
            headers["X-Linked-Size"] = str(file.told_size)
        return redirect(302, self.signed_url(file), headers)

    def _api(
        self, request: Request, repo: str, verb: str | None, revision: str | None, path: str | None
    ) -> Response:
        files = self._files(repo, revision or "main")
        if not files:
            return self._missing(request, repo)
        match verb:
            case "paths-info":
                asked = set(_asked_paths(request))
                return json_response(
                    200, [_entry(file) for file in files if file.at("path") in asked]
                )
            case "tree":
                return json_response(
                    200,
                    [_entry(file) for file in files if file.at("path").startswith(path or "")],
                )
        return json_response(200, _info(repo, files, blobs=request.query.get("blobs") is not None))


def _commit(file: Publication) -> str:
    """Give the commit of a file: its revision where that is one, else a made-up one."""
    revision = file.at("revision", "main")
    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    return hashlib.sha1(file.at("repo").encode(), usedforsecurity=False).hexdigest()


def _refuse(
    status: int, code: str | None, message: str, headers: dict[str, str] | None = None
) -> Response:
    headers = dict(headers or {})
    headers["X-Error-Message"] = message
    if code is not None:
        headers["X-Error-Code"] = code
    return json_response(status, {"error": message}, headers)


def _asked_paths(request: Request) -> Iterator[str]:
    """Read ``paths`` from a form or from JSON; the official client has sent both."""
    text = request.body.decode()
    if request.headers.get("content-type", "").startswith("application/json"):
        paths = json.loads(text)["paths"]
        yield from [paths] if isinstance(paths, str) else paths
    else:
        yield from parse_qs(text).get("paths", [])


def _entry(file: Publication) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "file",
        "oid": file.content.git_sha1,
        "size": file.told_size,
        "path": file.at("path"),
    }
    if file.lfs and file.told_sha256 is not None:
        entry["lfs"] = {"oid": file.told_sha256, "size": file.told_size, "pointerSize": 134}
    return entry


def _info(repo: str, files: list[Publication], *, blobs: bool) -> dict[str, Any]:
    siblings = []
    for file in files:
        sibling: dict[str, Any] = {"rfilename": file.at("path")}
        if blobs:
            entry = _entry(file)
            sibling |= {"size": entry["size"], "blobId": entry["oid"]}
            if "lfs" in entry:
                lfs = entry["lfs"]
                sibling["lfs"] = {
                    "sha256": lfs["oid"],
                    "size": lfs["size"],
                    "pointerSize": lfs["pointerSize"],
                }
        siblings.append(sibling)
    return {
        "_id": "0" * 24,
        "id": repo,
        "modelId": repo,
        "sha": _commit(files[0]),
        "private": False,
        "gated": "manual" if files[0].gated else False,
        "disabled": files[0].disabled,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": siblings,
    }
