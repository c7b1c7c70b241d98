"""Blank out secrets in texts that others made, before anybody sees them."""

from __future__ import annotations

import re
from functools import cache

_PUBLIC_PARAMETERS = {"fileId", "format", "modelVersionId", "tab", "type", "versionUuid"}
"""Those of pages that we send people to; any other may be a signature."""


def redact(text: str) -> str:
    """Blank out queries of addresses and anything that looks like a token.

    The last line of defence: what vaehub says itself holds none to begin with.
    """
    userinfo, query, tokens = _patterns()
    text = query.sub(_query, userinfo.sub(r"\1", text))
    for pattern, replacement in tokens:
        text = pattern.sub(replacement, text)
    return text


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], list[tuple[re.Pattern[str], str]]]:
    # Compiled when first needed: a command that says nothing odd never needs them.
    bearer = r"(?i)\b(bearer|basic)\s+(?=\S*[\d_=-])[\w.~+/=-]{8,}"
    named = (
        r"(?i)(token|api_?key|authorization|cookie)(['\"]?\s*[=:]\s*['\"]?)"
        r"(?!bearer|basic)(?=[^\s]*\d)[^\s'\",;)}*]{12,}"
    )
    return (
        re.compile(r"(?i)\b(https?://)[^\s/@'\"<>]+@"),
        re.compile(r"(?i)\b(https?://[^\s?'\"<>]*)\?([^\s'\"<>]*)"),
        [
            (re.compile(bearer), r"\1 ***"),
            (re.compile(named), r"\1\2***"),
            (re.compile(r"\bhf_[A-Za-z0-9]{8,}"), "hf_***"),
        ],
    )


def _query(match: re.Match[str]) -> str:
    names = {part.partition("=")[0] for part in match[2].rstrip(".,;:)").split("&")}
    return match[0] if names <= _PUBLIC_PARAMETERS else f"{match[1]}?…"
