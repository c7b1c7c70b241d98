"""What a host is, and what all hosts have in common.

Knows the protocol that the modules of this package satisfy, how a locator is read, where a token
may stand, and what a status means where a host has no words of its own. Knows no host.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

from vaehub.errors import (
    LoginRequired,
    RateLimited,
    SourceError,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from vaehub.hosts import reading
from vaehub.settings import TOKEN_VARIABLES
from vaehub.transfer.patience import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaehub.model import Artifact, Download, Source
    from vaehub.settings import Settings
    from vaehub.transfer.session import Session

NO_VERDICT = (SourceUnreachable, SourceUnusable, RateLimited)
"""Failures of an API that say nothing about the file: with a pinned sha256 its bytes may still be
asked for, since a healthy mirror need not have an API at all."""

_HEADER_SAFE = re.compile(r"[!-:<-~]+")  # printable ASCII without the blank and the semicolon


class FileRecord(NamedTuple):
    """What a host's API says of one file."""

    name: str
    size: int | None = None
    sha256: str | None = None
    """Lower-case."""


class ByHash(NamedTuple):
    """What a host says a file with some sha256 is."""

    host: str
    title: str
    """Model and version, in the host's words."""
    page: str
    file: str
    """What the file is called there."""
    locator: Mapping[str, str | int]
    """Of a source that leads to it."""


class Refusal(NamedTuple):
    """The answer to the GET of the bytes, where it was not the bytes."""

    status: int
    url: str
    """Without its query: safe to show."""
    headers: Mapping[str, str]
    body: bytes
    """The first 4 KiB."""
    final_host: str
    """Host, with the port where the address names one, that answered after all redirects."""


class Host(Protocol):
    """A module of this package."""

    def label(self, source: Source) -> str:
        """Name the source in a few words that are safe to print."""

    def page(self, source: Source) -> str:
        """Give the address of the page that a person can open."""

    def locate(
        self, source: Source, artifact: Artifact, *, session: Session, settings: Settings
    ) -> Download:
        """Find out where the bytes are, and what the host says of them.

        Signed addresses are short-lived: call it again before each retry.

        Raises:
            SourceError: the host does not give the file, or the locator is no good.
            IntegrityError: the host holds other bytes than the catalog says.
        """

    def explain(self, source: Source, refusal: Refusal, *, settings: Settings) -> SourceError:
        """Put into words why the host did not send the bytes."""


class LoginHost(Host, Protocol):
    """A module whose host knows tokens."""

    TOKEN_FROM: str
    """Where a person gets a token, in words: ``make an API key on https://...``."""

    def account(self, token: str, *, session: Session, settings: Settings) -> str | None:
        """Ask whose token it is.

        The answer must come from the host itself: whoever it redirects to gets no token, and so has
        no verdict on it.

        Returns:
            The name of the account; None where the host takes the token and tells no name.

        Raises:
            LoginRequired: the host does not take it.
            SourceError: nobody can say.
        """


def locator_text(source: Source, key: str) -> str:
    """Read a key of the locator as text.

    Raises:
        SourceUnusable: the key is missing or empty.
    """
    value = source.locator.get(key)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise SourceUnusable(
            f"this {source.host} source names no {key!r}",
            hint="the catalog's entry is incomplete: run `vaehub catalog check` on it",
        )
    return str(value).strip()


def optional_text(source: Source, key: str) -> str | None:
    """Read a key of the locator that may be missing.

    Raises:
        SourceUnusable: the key is there and holds nothing usable.
    """
    return locator_text(source, key) if source.locator.get(key) is not None else None


def shown(source: Source, *keys: str) -> str:
    """Join the host and parts of its locator for a label; never raises."""
    parts = (source.locator.get(key) for key in keys)
    return reading.one_line(" ".join([source.host, *(str(part) for part in parts if part)]))


def url_path(value: str, *, slashes: bool = True) -> str:
    """Quote one part of a locator for the path of an address.

    Args:
        value: A repository, revision, path or file name.
        slashes: Whether a slash separates folders; else it is quoted too.

    Raises:
        SourceUnusable: the value would climb out of its folder.
    """
    segments = value.split("/") if slashes else [value]
    try:
        if not any(segment in {"", ".", ".."} for segment in segments):
            return "/".join(quote(segment, safe="") for segment in segments)
    except UnicodeEncodeError:  # half a character, as JSON can spell it
        pass
    raise SourceUnusable(f"{reading.one_line(value)!r} is not a path that can be asked for")


def token(settings: Settings, host: str) -> str | None:
    """Give the token of a host, fit to stand in a header.

    Raises:
        LoginRequired: the token holds characters that no header can carry.
    """
    secret = settings.token(host)
    if secret is None:
        return None
    value = secret.reveal()
    if not sendable(value):
        # Caught here because HTTP libraries print the whole header when they refuse it.
        raise LoginRequired(
            f"the {host} token holds a character that does not belong into a token",
            hint=f"set {TOKEN_VARIABLES[host][0]} anew: no blanks, quotes or line breaks",
        )
    return value


def sendable(token: str) -> bool:
    """Tell whether a token is fit to stand in a header."""
    return _HEADER_SAFE.fullmatch(token) is not None


def refused_token(host: str, *, token_from: str) -> LoginRequired:
    """Say that a host does not take a token that it was just asked about."""
    return LoginRequired(
        f"{host} does not accept this token",
        hint=f"it may have expired, or not have been copied whole: {token_from}",
    )


def has_token(settings: Settings, host: str) -> bool:
    """Tell whether the user has given a token for a host."""
    return settings.token(host) is not None


def bearer(settings: Settings, host: str) -> dict[str, str]:
    """Give the credentials most hosts want; empty without a token.

    Raises:
        LoginRequired: the token holds characters that no header can carry.
    """
    value = token(settings, host)
    return {"Authorization": f"Bearer {value}"} if value else {}


def is_elsewhere(refusal: Refusal, *bases: str) -> bool:
    """Tell whether a CDN or storage gave the answer, and not the host at one of its bases."""
    return refusal.final_host.lower() not in {urlsplit(base).netloc.lower() for base in bases}


def storage_error(refusal: Refusal, *, who: str) -> SourceError:
    """Explain a status that came from a host's storage.

    A signed address that has run out is the usual cause, so a client error counts as passing: the
    next attempt asks for a fresh address.
    """
    status, place = refusal.status, refusal.final_host
    if status in {404, 410}:
        return SourceGone(f"the storage behind {who} ({place}) does not hold the file: {status}")
    if status in {400, 401, 403}:
        return SourceUnreachable(
            f"the storage behind {who} ({place}) refuses the address that {who} gave: {status}",
            hint="such addresses run out after a while: try again",
        )
    return verdict(status, who=f"the storage behind {who} ({place})", what="file", refusal=refusal)


def verdict(
    status: int,
    *,
    who: str,
    what: str,
    refusal: Refusal | None = None,
    said: str | None = None,
    wait: float | None = None,
    hint: str | None = None,
) -> SourceError:
    """Put a status into words where the host means by it what everybody does.

    Args:
        status: Of the answer.
        who: The host in words: ``Civitai``.
        what: The thing asked for: ``version 88156``.
        refusal: The answer to the GET of the bytes, for its headers and body.
        said: What the host said; without it, what ``refusal`` holds.
        wait: Seconds after which the host will answer again; without it, its ``Retry-After``.
        hint: What to do next, where the caller knows better than the general rule.
    """
    if said is None and refusal is not None:
        said = reading.said(refusal.body)
    tail = f": {status}, “{said}”" if said else f": {status}"
    if status in {404, 410}:
        gone = "has no" if status == 404 else "has removed"
        return SourceGone(f"{who} {gone} {what}{tail}", hint=hint)
    if status == 429:
        if wait is None and refusal is not None:
            wait = retry_after(
                {"Retry-After": reading.header(refusal.headers, "Retry-After") or ""}
            )
        until = f" for {wait:.0f} s" if wait else ""
        return RateLimited(
            f"{who} asks us to slow down{until}{tail}",
            hint=hint or "wait a while and run the command again",
            retry_after=wait,
        )
    if status == 451:
        return SourceRefused(
            f"{who} does not serve {what} in your region, for legal reasons{tail}",
            hint=hint or "another source of the file may serve you",
        )
    if status == 401:
        return LoginRequired(f"{who} wants a login for {what}{tail}", hint=hint)
    if 400 <= status < 500 and status != 408:
        return SourceRefused(f"{who} refuses {what}{tail}", hint=hint)
    if status == 408 or status >= 500:
        return SourceUnreachable(
            f"{who} is in trouble and cannot serve {what}{tail}",
            hint=hint or "such trouble mostly passes: try again later",
        )
    return SourceUnusable(f"{who} gives an answer for {what} that makes no sense{tail}", hint=hint)
