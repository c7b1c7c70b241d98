"""Tell from the first bytes whether a download is a model at all, and if not, what it is.

Pure: takes bytes. Knows the pages and messages that hosts send in place of a file, and how each
container begins. Whether a whole file is sound is for :mod:`vaehub.weights.whole`.
"""

from __future__ import annotations

import json
import re
import zlib
from pathlib import PurePath

from vaehub.errors import NotAModel
from vaehub.model import PICKLE_SUFFIXES
from vaehub.weights.safetensors_header import check_length

HEAD_BYTES = 4096
"""How much of a file is enough to judge its beginning."""
SAFETENSORS_SUFFIXES = frozenset({".safetensors", ".sft"})
TEXT_SUFFIXES = frozenset({".json", ".yaml", ".yml", ".txt"})

_ZIP = b"PK\x03\x04"
_QUOTED = 200
_LOGIN_WORDS = re.compile(r"log[ -]?in|sign[ -]?in|password|登录|登陆", re.IGNORECASE)
_CHALLENGE_WORDS = re.compile(r"just a moment|cf-chl|captcha|are you (a )?human", re.IGNORECASE)


def refuse_head(
    head: bytes, *, name: str, content_type: str | None = None, size: int | None = None
) -> None:
    """Refuse a file whose first bytes show that it is not a model.

    Args:
        head: the first bytes, at best :data:`HEAD_BYTES` of them.
        name: the installed name; its suffix says which container is expected.
        content_type: what the host calls it, where it does.
        size: size of the whole file, where it is known.

    Raises:
        NotAModel: the bytes are a page, a message, a pointer or another container.
    """
    if not head:
        raise NotAModel(f"{name}: the file is empty")
    suffix = PurePath(name).suffix.lower()
    if head[:2] == b"\x1f\x8b":
        inside = _gunzip(head)
        _refuse_text(inside, name=name, suffix=suffix, packed="gzip-compressed ")
        raise NotAModel(f"{name}: the host sent it gzip-compressed, not as the file itself")
    if suffix in SAFETENSORS_SUFFIXES:
        if begins_like_safetensors(head):
            check_length(head, size=size, name=name)
            return
    elif suffix in PICKLE_SUFFIXES and _begins_like_pickle(head):
        return
    _refuse_text(head, name=name, suffix=suffix, packed="")
    _refuse_type(content_type, name=name, suffix=suffix)
    if suffix in SAFETENSORS_SUFFIXES:
        if head[:4] == _ZIP:
            raise NotAModel(
                f"{name}: a zip archive (such as a .ckpt or .pt), not a safetensors file"
            )
        check_length(head, size=size, name=name)
        raise NotAModel(f"{name}: no safetensors file: no header where it should begin")
    if suffix in PICKLE_SUFFIXES:
        if begins_like_safetensors(head):
            raise NotAModel(f"{name}: a safetensors file under the name of a pickle")
        raise NotAModel(f"{name}: neither a torch archive nor a pickle")


def begins_like_safetensors(head: bytes) -> bool:
    """Say whether these first bytes could be of a safetensors file and of nothing else."""
    # The length is at most 100 MB, so its upper bytes are zero: no text begins like that.
    return head[4:8] == bytes(4) and head[8:9] == b"{"


def _begins_like_pickle(head: bytes) -> bool:
    return head[:4] == _ZIP or (head[:1] == b"\x80" and 2 <= int.from_bytes(head[1:2], "big") <= 5)


def _refuse_type(content_type: str | None, *, name: str, suffix: str) -> None:
    kind = (content_type or "").partition(";")[0].strip().lower()
    is_text = kind in {"text/html", "application/xhtml+xml", "application/xml", "text/xml"} or (
        kind in {"application/json", "application/problem+json"}
    )
    if is_text and suffix not in TEXT_SUFFIXES:
        raise NotAModel(f"{name}: the host says itself that this is {kind}, and it is no model")


def _refuse_text(head: bytes, *, name: str, suffix: str, packed: str) -> None:
    """Refuse what people read: pages, error messages, pointers."""
    text = _as_text(head)
    if text.startswith("version https://git-lfs"):
        oid = re.search(r"oid sha256:([0-9a-f]{64})", text)
        of = f" to sha256 {oid[1]}" if oid else ""
        raise NotAModel(
            f"{name}: a {packed}Git LFS pointer{of}, not the file it stands for",
            hint="this address serves the repository's text; its files lie elsewhere",
        )
    if text.startswith("<"):
        raise _markup(text, name=name, packed=packed)
    if text[:1] in {"{", "["} and suffix not in TEXT_SUFFIXES:
        message = _json_message(text)
        says = f": “{message}”" if message else ""
        raise NotAModel(f"{name}: the host sent a {packed}JSON message in place of the file{says}")


def _as_text(head: bytes) -> str:
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        text = head.decode("utf-16", errors="replace")
    else:
        text = head.decode("utf-8-sig", errors="replace")
    text = text.lstrip()
    # Binary that happens to begin with a bracket is not a text.
    return "" if "\0" in text[:64] else text


def _markup(text: str, *, name: str, packed: str) -> NotAModel:
    code = re.search(r"<Code>([^<]*)</Code>", text)
    if code or re.match(r"<\?xml(?!.*<html)", text, re.DOTALL | re.IGNORECASE):
        message = re.search(r"<Message>([^<]*)</Message>", text)
        parts = [_quote(found[1]) for found in (code, message) if found]
        says = f": “{': '.join(parts)}”" if parts else ""
        return NotAModel(f"{name}: the storage answered with a {packed}XML error{says}")
    title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
    says = f" (“{_quote(title[1])}”)" if title and title[1].strip() else ""
    if _CHALLENGE_WORDS.search(text):
        return NotAModel(
            f"{name}: the host sent a {packed}page that checks for a browser{says}",
            hint="try again later, from another network, or from another source",
        )
    if _LOGIN_WORDS.search(text):
        return NotAModel(
            f"{name}: the host sent a {packed}login page{says} in place of the file",
            hint="a token for this host is missing or no longer valid",
        )
    return NotAModel(f"{name}: the host sent a {packed}web page{says} in place of the file")


def _json_message(text: str) -> str:
    """Find what an error body says, under the keys that hosts use."""
    keys = ("message", "Message", "msg", "detail", "error", "errors", "code", "Code")
    try:
        body = json.loads(text)
        while isinstance(body, dict):
            body = next((body[key] for key in keys if body.get(key)), "")
        return _quote(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False))
    except (ValueError, RecursionError):
        return _quote(text)


def _quote(text: str) -> str:
    """Put a host's words on one short line without control characters."""
    import html

    line = " ".join(html.unescape(text).split())
    line = "".join(sign for sign in line if sign.isprintable())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"


def _gunzip(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""
