"""One GET into the partial: from the first missing byte to the end of the answer.

Knows how an answer becomes bytes on disk and when it must not. Refuses to know sources, retries
and what happens next: that is :mod:`vaehub.transfer.fetch`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from vaehub.errors import SizeMismatch, SourceUnreachable, SourceUnusable
from vaehub.transfer.addresses import safe_url, same_origin
from vaehub.transfer.answers import Body, NoSuchRange, read_answer
from vaehub.transfer.failures import unreachable
from vaehub.weights import refuse_head
from vaehub.weights.heads import HEAD_BYTES

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import requests

    from vaehub.hosts.base import Refusal
    from vaehub.model import Download
    from vaehub.transfer.declared import Expected
    from vaehub.transfer.partial import Partial
    from vaehub.transfer.session import Session

CHUNK = 1024 * 1024
_MOMENT = 0.01
"""Seconds."""
_ENOUGH = 128 * 1024
"""Bytes that are worth being handed on."""


class Refused(Exception):
    """The answer was not the file; :func:`vaehub.hosts.base.Host.explain` knows why."""

    def __init__(self, refusal: Refusal, *, redirected: bool) -> None:
        super().__init__(f"{refusal.status} from {refusal.url}")
        self.refusal = refusal
        self.redirected = redirected
        """Another origin than the one asked gave the answer."""


class RangeRefused(Exception):
    """The host does not serve the file from here on; it may serve the whole."""


def pull(
    download: Download,
    partial: Partial,
    *,
    label: str,
    name: str,
    wanted: Expected,
    session: Session,
    advanced: Callable[[int], None],
    whole: bool = False,
) -> None:
    """Get the missing bytes of a file.

    Args:
        download: where they are.
        partial: where they go; holds the bytes so far.
        label: the source in words, under which the partial keeps book of its bytes.
        name: the installed name, whose suffix says what the first bytes must look like.
        wanted: what the whole must be.
        session: asks.
        advanced: is told the position after each piece.
        whole: ask for the whole file, although there are bytes here.

    Raises:
        Offline: ``VAEHUB_OFFLINE`` is set.
        SourceUnreachable: no answer, or it broke off; what came is in the partial.
        SourceUnusable: the answer contradicts the request.
        Refused: the host answered with another status.
        RangeRefused: it answered 416; ask for the whole.
        NotAModel: the first bytes are a page, a message, a pointer; none of them was kept.
        SizeMismatch: the host has a file of another size.
        DiskFull: the bytes do not fit.
        TargetNotUsable: the partial cannot be written.
    """
    asked = 0 if whole else partial.length
    headers = {"Range": f"bytes={asked}-"} if asked else {}
    with session.request(
        "GET", download.url, headers=headers, credentials=download.headers
    ) as response:
        try:
            body = read_answer(response.status_code, response.headers, asked=asked)
        except SourceUnusable as error:
            raise SourceUnusable(f"{safe_url(response.url)}: {error.message}") from None
        if isinstance(body, NoSuchRange) and asked:
            check_total(body.total, wanted, name=name, label=label)
            if body.total == asked:
                return  # nobody knew the size, and everything is here
            raise RangeRefused
        if not isinstance(body, Body):
            raise Refused(
                refusal_of(response), redirected=not same_origin(download.url, response.url)
            )
        source = Answer(response)
        if body.start == 0:
            kind = response.headers.get("Content-Type")
            size = body.total if wanted.size is None else wanted.size
            refuse_head(source.head(), name=name, content_type=kind, size=size)
        check_total(body.total, wanted, name=name, label=label)
        total = wanted.size if wanted.size is not None else body.total
        partial.begin(label)
        at = body.start
        while chunk := source.read(CHUNK):
            if total is not None and at + len(chunk) > total:
                raise SizeMismatch(
                    f"{name}: {label} sends more than the expected {total:,} bytes; stopped there"
                )
            # A host that sends the file from its start, although there are bytes here, takes
            # nothing away: should this answer break off too, nothing would be left.
            partial.receive(label, at, chunk)
            at += len(chunk)
            session.limits.spend(len(chunk), sleep=session.sleep)
            advanced(at)
    if total is not None and at < total:
        raise SourceUnreachable(
            f"{safe_url(response.url)}: the answer ended after {at:,} of {total:,} bytes"
        )


def check_total(total: int | None, wanted: Expected, *, name: str, label: str) -> None:
    """Hold the size that an answer names against the one expected.

    Raises:
        SizeMismatch: they differ.
    """
    if total is not None and wanted.size is not None and total != wanted.size:
        raise SizeMismatch(
            f"{name}: {label} serves a file of another size: "
            f"expected {wanted.size:,} bytes, it has {total:,}"
        )


class Answer:
    """The body of an answer, of which the first bytes may be looked at before they are taken."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self._held = b""
        self._broken: SourceUnreachable | None = None

    @property
    def url(self) -> str:
        """Where it came from, after all redirects; may hold a secret."""
        return str(self._response.url)

    def head(self) -> bytes:
        """Give the first bytes, without taking them.

        Raises:
            SourceUnreachable: the connection broke.
        """
        while len(self._held) < HEAD_BYTES:
            piece = self._receive(HEAD_BYTES - len(self._held))
            if not piece:
                break
            self._held += piece
        return self._held

    def read(self, size: int) -> bytes:
        """Take the next bytes, at most ``size``; none at the end.

        What comes within a moment is handed on together: a TLS record holds 16 KiB, and each
        handing on has its price. A connection that breaks or falls silent loses nothing that it
        had brought.

        Raises:
            SourceUnreachable: the connection broke.
        """
        pieces = [self._held[:size]] if self._held else []
        count = sum(map(len, pieces))
        self._held = self._held[size:]
        until = time.monotonic() + _MOMENT
        while count < size and self._broken is None:
            try:
                piece = self._receive(size - count)
            except SourceUnreachable as error:
                self._broken = error
                break
            if not piece:
                break
            pieces.append(piece)
            count += len(piece)
            if count >= min(_ENOUGH, size) or not self._has_more(until - time.monotonic()):
                break
        if not count and self._broken is not None:
            raise self._broken
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _has_more(self, seconds: float) -> bool:
        """Wait for more bytes; tells whether there are any."""
        from urllib3.util import wait_for_read

        raw = self._response.raw
        if seconds <= 0 or raw.closed:  # closed: this was the last of it
            return False
        try:
            # Whatever has a file descriptor will do.
            return wait_for_read(cast("socket.socket", raw), seconds)
        except (OSError, ValueError):  # closed meanwhile: who reads on is told so
            return False

    def _receive(self, size: int) -> bytes:
        import urllib3

        try:
            # read1 hands on what is there, and waits for no more.
            return bytes(self._response.raw.read1(size, decode_content=False))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise unreachable(self._response.url, error) from None


def refusal_of(response: requests.Response) -> Refusal:
    """Take from an answer what a host needs to explain it."""
    from vaehub.hosts.base import Refusal

    try:
        body = Answer(response).head()
    except SourceUnreachable:
        body = b""  # the status alone says enough
    return Refusal(
        status=response.status_code,
        url=safe_url(response.url),
        headers=response.headers,
        body=body,
        final_host=urlsplit(response.url).netloc,
    )
