"""A fake Civitai: its REST API, its download address, and a storage that hates credentials.

Knows who may download what and how each refusal is worded; what the API tells of a file is in
:mod:`vaehub.loopback.civitai_api`.
"""

from __future__ import annotations

import json
import re
from typing import ClassVar
from urllib.parse import quote

from vaehub.loopback import civitai_api
from vaehub.loopback.faults import HTML_PAGE, Stage
from vaehub.loopback.host import FakeHost, Publication, storage_error
from vaehub.loopback.server import Request, Response, json_response, redirect, text_response

_BROWSERS = ("mozilla", "chrome", "safari", "firefox", "opera", "edge")
_LOGGED_OUT = "The creator of this asset requires you to be logged in to download it"
_SWITCHED_OFF = "The creator of this asset has disabled downloads on this file"
_ERRORS = {
    401: {"error": "Unauthorized", "message": _LOGGED_OUT},
    403: {"error": "You do not have access to download this file"},
    404: {"error": "File not found"},
    410: {"error": "Model archived, not available for download"},
    429: {
        "error": "We've noticed an unusual amount of downloading from your account. "
        "Contact support@civitai.com or come back later."
    },
    451: {
        "error": "Access to this service is not available in your region due to legal "
        "restrictions.",
        "code": "REGION_BLOCKED",
    },
    500: {"error": "Failed to fetch model version details"},
}


class Civitai(FakeHost):
    """civitai.com and its R2 storage."""

    name: ClassVar[str] = "civitai"
    api_role: ClassVar[str] = "civitai api"
    bytes_role: ClassVar[str] = "civitai storage"

    def accept(self, publication: Publication) -> None:
        """Give the file its id and its metadata."""
        publication.file_id = int(publication.locator.get("file", 900_001 + len(self.published)))
        if publication.metadata is None:
            safe = publication.name.endswith((".safetensors", ".sft"))
            form = str(publication.locator.get("format", "SafeTensor" if safe else "PickleTensor"))
            publication.metadata = {"format": form, "size": "full", "fp": "fp32"}
        if publication.type is None:
            publication.type = str(publication.locator.get("type", "Model"))
        super().accept(publication)

    def stage(self, request: Request) -> Stage:
        """Tell whether a request is about a file or for it."""
        return "door" if request.path.startswith("/api/download/") else "api"

    def error(self, status: int, stage: Stage) -> Response:
        """Give Civitai's usual answer with this status."""
        if stage == "bytes":
            return storage_error(status, "AccessDenied", "Access Denied")
        return json_response(status, _ERRORS.get(status, {"error": f"Error {status}"}))

    def sign(self, publication: Publication, serial: str) -> tuple[str, dict[str, str]]:
        """Give path and query as of Civitai's R2 bucket."""
        return f"/model/1/{publication.file_id}.{publication.name.rpartition('.')[2]}", {
            "X-Amz-Expires": "86400",
            "response-content-disposition": f'attachment; filename="{publication.name}"',
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": serial,
        }

    def answer(self, request: Request) -> Response:
        """Answer for the site itself."""
        agent = request.headers.get("user-agent", "")
        if agent.startswith("Python-urllib/"):
            return text_response(403, "error code: 1010")
        if request.path == "/login" or re.fullmatch(r"/models/\d+", request.path):
            return text_response(200, HTML_PAGE, "text/html; charset=utf-8")
        if found := re.fullmatch(r"/api/download/models/(\d+)", request.path):
            return self._download(request, int(found[1]))
        if request.path == "/api/v1/me":
            if self._token_of(request):
                return json_response(200, {"id": 1, "username": "loopback"})
            return self.error(401, "api")
        return self._api(request) or json_response(404, {"error": "Not found"})

    def _token_of(self, request: Request) -> bool:
        return self.logged_in(request.bearer or request.query.get("token"))

    def _version(self, version: int) -> list[Publication]:
        return [file for file in self.published if file.at("version") == str(version)]

    def _api(self, request: Request) -> Response | None:
        base = self.api_url
        if found := re.fullmatch(r"/api/v1/models/(\d+)", request.path):
            files = [file for file in self.published if file.at("model") == found[1]]
            if not files:
                return json_response(404, {"error": f"No model with id {found[1]}"})
            cache = {"Cache-Control": "public, s-maxage=300, stale-while-revalidate=150"}
            return json_response(200, civitai_api.model(files, base), cache)
        if found := re.fullmatch(r"/api/v1/model-versions/(mini/)?(\d+)", request.path):
            files = self._version(int(found[2]))
            if not files:
                return json_response(404, {"error": "Model not found"})
            if not found[1]:
                return json_response(200, civitai_api.version(files, base))
            asked = request.query.get("modelFileId")
            file = next((file for file in files if str(file.file_id) == asked), files[0])
            return json_response(200, civitai_api.mini(file, base))
        if found := re.fullmatch(r"/api/v1/model-versions/by-hash/([0-9A-Za-z]+)", request.path):
            for file in self.published:
                if found[1].upper() in civitai_api.hashes(file).values():
                    files = self._version(int(file.at("version")))
                    return json_response(200, civitai_api.version(files, base))
            return json_response(404, {"error": "Model not found"})
        if request.path == "/api/v1/model-versions/by-hash" and request.method == "POST":
            return self._by_hashes(json.loads(request.body))
        return None

    def _by_hashes(self, asked: list[str]) -> Response:
        if not 1 <= len(asked) <= 100 or any(len(value) != 64 for value in asked):
            return json_response(400, {"error": "Invalid hashes"})
        wanted = {value.upper() for value in asked}
        found = [
            civitai_api.version(self._version(int(file.at("version"))), "https://undefined")
            for file in self.published
            if civitai_api.hashes(file).get("SHA256") in wanted
        ]
        return json_response(200, found)

    def _download(self, request: Request, version: int) -> Response:
        browser = any(word in request.headers.get("user-agent", "").lower() for word in _BROWSERS)
        files = self._version(version)
        if not files:
            return self.error(404, "door")
        if files[0].archived or files[0].taken_down:
            return self.error(410, "door")
        # The real site forgets the token of a HEAD.
        logged_in = self._token_of(request) and request.method != "HEAD"
        if not logged_in and any(file.login for file in files):
            if browser:
                back = quote(request.path, safe="")
                return redirect(307, f"/login?returnUrl={back}&reason=download-auth")
            return self.error(401, "door")
        if files[0].early_access is not None:
            if browser:
                return redirect(307, f"/models/{files[0].at('model')}")
            return json_response(
                403,
                {
                    "error": "Early Access",
                    "deadline": files[0].early_access,
                    "message": "This asset is in Early Access. You can use Buzz access it now!",
                },
            )
        file = _pick(files, request.query)
        if file is None:
            return self.error(404, "door")
        if file.disabled:
            return json_response(401, {"error": "Unauthorized", "message": _SWITCHED_OFF})
        if not file.granted:
            return self.error(403, "door")
        return redirect(307, self.signed_url(file), {"Cache-Control": "no-store, max-age=0"})


def _pick(files: list[Publication], query: dict[str, str]) -> Publication | None:
    """Choose the file as the site does: by id, or else by type and metadata."""
    if "fileId" in query:
        return next((file for file in files if str(file.file_id) == query["fileId"]), None)
    for file in files:
        told = {"type": file.type, **(file.metadata or {})}
        asked = {key: query[key] for key in ("type", "format", "size", "fp") if key in query}
        if all(told.get(key) in {None, value} for key, value in asked.items()):
            return file
    return None
