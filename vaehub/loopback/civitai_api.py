"""What the fake Civitai tells of its models, versions and files, in the site's own shapes.

Knows field names and hash conventions. Serves nothing. BLAKE3 is not told (the standard library
has none), which clients must bear as of any other hash.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaehub.loopback.content import Content
    from vaehub.loopback.host import Publication

_WHEN = "2023-04-12T17:24:46.418Z"
_CHUNK = 1 << 20


def hashes(file: Publication) -> dict[str, str]:
    """Give a file's hashes as the site does: upper-case, CRC32 in reversed byte order."""
    if file.hashes is not None:
        return file.hashes
    told: dict[str, str] = {}
    content = file.content
    if content.size >= 2 << 20:
        told["AutoV1"] = hashlib.sha256(content.read(0x100000, 0x10000)).hexdigest()[:8]
    if file.told_sha256 is not None:
        told["AutoV2"] = file.told_sha256[:10]
        told["SHA256"] = file.told_sha256
    crc = 0
    for start in range(0, content.size, _CHUNK):
        crc = zlib.crc32(content.read(start, _CHUNK), crc)
    told["CRC32"] = crc.to_bytes(4, "little").hex()
    told["AutoV3"] = _autov3(content)
    return {kind: value.upper() for kind, value in told.items()}


def _autov3(content: Content) -> str:
    """Hash the tensors alone: what follows a safetensors header."""
    header = int.from_bytes(content.read(0, 8), "little")
    first = 8 + header if header < 16 << 20 else 8
    digest = hashlib.sha256()
    for start in range(first, content.size, _CHUNK):
        digest.update(content.read(start, _CHUNK))
    return digest.hexdigest()[:12]


def model(files: list[Publication], base: str) -> dict[str, Any]:
    """Give the body of ``models/:id``."""
    first = files[0]
    versions: dict[str, list[Publication]] = {}
    for file in files:
        versions.setdefault(file.at("version"), []).append(file)
    told: dict[str, Any] = {
        "id": int(first.at("model", "1")),
        "name": first.name.rpartition(".")[0],
        "description": None,
        "type": first.model_type,
        "nsfw": False,
        "nsfwLevel": 1,
        "poi": False,
        "minor": False,
        "sfwOnly": False,
        "allowNoCredit": True,
        "allowCommercialUse": ["Image"],
        "allowDerivatives": True,
        "allowDifferentLicense": True,
        "availability": "Public",
        "cosmetic": None,
        "supportsGeneration": False,
        "stats": {"downloadCount": 0, "thumbsUpCount": 0, "thumbsDownCount": 0},
        "creator": {"username": "loopback", "image": None},
        "tags": [],
        "modelVersions": [
            _listed_version(index, published, base)
            for index, published in enumerate(versions.values())
        ],
    }
    if first.archived or first.taken_down:
        told["mode"] = "TakenDown" if first.taken_down else "Archived"
    return told


def _listed_version(index: int, files: list[Publication], base: str) -> dict[str, Any]:
    told = _version(files) | {"index": index, "images": []}
    if files[0].archived or files[0].taken_down:
        return told
    told["files"] = [_file(file, base, primary=file is files[0], terse=True) for file in files]
    told["downloadUrl"] = f"{base}/api/download/models/{files[0].at('version')}"
    return told


def version(files: list[Publication], base: str) -> dict[str, Any]:
    """Give the body of ``model-versions/:id``."""
    first = files[0]
    model_id = int(first.at("model", "1"))
    of_model: dict[str, Any] = {
        "name": first.name.rpartition(".")[0],
        "type": first.model_type,
        "nsfw": False,
        "poi": False,
    }
    told = _version(files) | {
        "modelId": model_id,
        "description": None,
        "air": f"urn:air:sd1:vae:civitai:{model_id}@{first.at('version')}",
        "uploadType": "Created",
        "usageControl": "Download",
        "trainedWords": [],
        "earlyAccessConfig": None,
        "earlyAccessEndsAt": first.early_access,
        "trainingStatus": None,
        "trainingDetails": None,
        "model": of_model,
        "images": [],
    }
    if first.archived or first.taken_down:
        of_model["mode"] = "TakenDown" if first.taken_down else "Archived"
        return told
    told["files"] = [_file(file, base, primary=file is first, terse=False) for file in files]
    told["downloadUrl"] = f"{base}/api/download/models/{first.at('version')}"
    return told


def mini(file: Publication, base: str) -> dict[str, Any]:
    """Give the body of ``model-versions/mini/:id``."""
    return {
        "air": f"urn:air:sd1:vae:civitai:{file.at('model', '1')}@{file.at('version')}",
        "size": _size_kb(file),
        "fileName": file.name,
        "hashes": hashes(file),
        "downloadUrls": [_url(file, base, primary=False)],
        "requireAuth": file.login,
        "checkPermission": file.early_access is not None,
        "earlyAccessEndsAt": file.early_access,
    }


def _version(files: list[Publication]) -> dict[str, Any]:
    return {
        "id": int(files[0].at("version")),
        "name": "v1.0",
        "baseModel": "SD 1.5",
        "baseModelType": "Standard",
        "createdAt": _WHEN,
        "publishedAt": _WHEN,
        "status": "Published",
        "availability": "Public" if files[0].early_access is None else "EarlyAccess",
        "nsfwLevel": 1,
        "stats": {"downloadCount": 0, "thumbsUpCount": 0},
    }


def _size_kb(file: Publication) -> float | None:
    return None if file.told_size is None else file.told_size / 1024


def _url(file: Publication, base: str, *, primary: bool) -> str:
    url = f"{base}/api/download/models/{file.at('version')}"
    if primary:
        return url
    told = {"type": file.type, **(file.metadata or {})}
    return url + "?" + "&".join(f"{key}={value}" for key, value in told.items() if value)


def _file(file: Publication, base: str, *, primary: bool, terse: bool) -> dict[str, Any]:
    told = {
        "id": file.file_id,
        "sizeKB": _size_kb(file),
        "name": file.name,
        "type": file.type,
        "pickleScanResult": "Success",
        "pickleScanMessage": "No Pickle imports",
        "virusScanResult": "Success",
        "virusScanMessage": None,
        "scannedAt": _WHEN,
        "metadata": file.metadata,
        "hashes": hashes(file),
        "downloadUrl": _url(file, base, primary=primary),
    }
    if primary or not terse:
        told["primary"] = primary
    return told
