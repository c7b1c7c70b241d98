"""A fake Liblib: questions by uuid or hash, both ways to a CDN URL, and ``code`` in every 200.

The real API is not documented; this one has the fields that its clients read. Where nobody has
written down a value (the code of a refusal), any non-zero number stands for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from vaehub.loopback.host import ACTUAL, FakeHost, Publication, storage_error
from vaehub.loopback.server import Request, Response, json_response

if TYPE_CHECKING:
    from vaehub.loopback.faults import Stage

_NOT_LOGGED_IN = 1001
_QUOTA = 1002
_MISSING = 1003


class Liblib(FakeHost):
    """liblib.art and its Aliyun CDN."""

    name: ClassVar[str] = "liblib"
    api_role: ClassVar[str] = "liblib api"
    bytes_role: ClassVar[str] = "liblib cdn"

    def stage(self, request: Request) -> Stage:
        """Tell whether a request is about a file or for it."""
        return "door" if request.path.startswith("/api/www/model/download/") else "api"

    def error(self, status: int, stage: Stage) -> Response:
        """Give Liblib's usual answer: a 200 whose code says no, except for the CDN."""
        if stage == "bytes":
            return storage_error(status, "AccessDenied", "denied by auth_key")
        said = {
            401: (_NOT_LOGGED_IN, "请先登录"),
            404: (_MISSING, "模型不存在"),
            429: (_QUOTA, "下载超过限制"),
        }
        if status in said:
            return _no(*said[status])
        return json_response(status, {"code": status, "msg": "error", "data": None})

    def sign(self, publication: Publication, serial: str) -> tuple[str, dict[str, str]]:
        """Give path and query as of Liblib's CDN, whose path holds the sha256."""
        suffix = publication.name.rpartition(".")[2]
        digest = publication.told_sha256 or publication.content.sha256
        return f"/web/model/{digest}.{suffix}", {
            "auth_key": f"4102444800-{UUID(int=int(serial, 16)).hex}-0-{serial * 4}",
            "attname": publication.name,
        }

    def answer(self, request: Request) -> Response:
        """Answer for the API."""
        path = request.path.removeprefix("/api/www")
        if found := re.fullmatch(r"/model/getByUuid/([0-9a-f]{32})", path):
            return self._model(found[1]) if request.method == "POST" else _not_allowed()
        if found := re.fullmatch(r"/model-version/hash/([0-9a-fA-F]+)", path):
            for file in self.published:
                if (file.told_sha256 or "").lower() == found[1].lower():
                    return _yes(self._version(file))
            return json_response(200, {"code": 0, "msg": "hash值无法找到模型", "data": None})
        if path == "/community/downloadCheck":
            return _yes(True) if request.method == "POST" else _not_allowed()
        if path == "/user/getUserInfo":
            known = self.logged_in(request.headers.get("token"))
            return _yes({"uuid": "0" * 32}) if known else self.error(401, "api")
        if found := re.fullmatch(r"/model/download/([0-9a-f]{32})", path):
            return self._download(request, found[1])
        return _no(_MISSING, "接口不存在")

    def _of_model(self, uuid: str) -> list[Publication]:
        return [file for file in self.published if _model_of(file) == uuid]

    def _model(self, uuid: str) -> Response:
        files = self._of_model(uuid)
        if not files:
            return self.error(404, "api")
        return _yes(
            {
                "id": 1000001,
                "uuid": uuid,
                "name": files[0].name.rpartition(".")[0],
                "modelType": 1,
                "remark": "<p>…</p>",
                "tagsV2": {},
                "versions": [self._version(file) for file in files],
            }
        )

    def _version(self, file: Publication) -> dict[str, Any]:
        number = 2000001 + self.published.index(file)
        return {
            "id": number,
            "uuid": file.at("version"),
            "name": "v1.0",
            "baseType": 1,
            "baseTypeName": "基础算法 v1.5",
            "versionDesc": "<p>…</p>",
            "versionIntro": '{"ckpt":[],"vae":""}',
            "triggerWord": "",
            "createTime": "2024-01-01T00:00:00.000+00:00",
            "downloadCount": 0,
            "runCount": 0,
            "vipUsed": int(file.attachment is None),
            "exclusive": 0,
            "showType": 0,
            "imageGroup": {"coverUrl": "", "images": []},
            "attachment": self._attachment(file, number),
        }

    def _attachment(self, file: Publication, number: int) -> dict[str, Any] | None:
        if file.attachment is not ACTUAL:
            return file.attachment
        source = (
            self.signed_url(file)
            if file.flow == "direct"
            else f"{self.api_url}/api/www/model/download/{_model_of(file)}"
            f"?versionUuid={file.at('version')}"
        )
        return {
            "modelVersionId": number,
            "modelSource": source,
            "modelSourceName": file.name,
            "modelSourceHash": file.told_sha256,
            "modelSourceSize": file.told_size,
        }

    def _download(self, request: Request, uuid: str) -> Response:
        if not self.logged_in(request.headers.get("token")):
            return self.error(401, "door")
        asked = request.query.get("versionUuid")
        for file in self._of_model(uuid):
            if file.at("version") == asked and file.attachment is not None:
                return _yes(self.signed_url(file))
        return self.error(404, "door")


def _model_of(file: Publication) -> str:
    """Give the model's uuid; a locator without one gets its version's, reversed."""
    return file.at("model") or file.at("version")[::-1]


def _yes(data: object) -> Response:
    return json_response(200, {"code": 0, "msg": "", "data": data})


def _no(code: int, message: str) -> Response:
    return json_response(200, {"code": code, "msg": message, "data": None})


def _not_allowed() -> Response:
    return json_response(405, {"code": 405, "msg": "Method Not Allowed", "data": None})
