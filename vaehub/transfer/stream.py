"""One GET into the partial: from the first missing byte to the end of the answer.

Knows how an answer becomes bytes on disk and when it must not. Refuses to know sources, retries
and what happens next: that is :mod:`vaehub.transfer.fetch`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vaehub.errors import SizeMismatch, SourceUnreachable, SourceUnusable
from vaehub.transfer.addresses import safe_url, same_origin
from vaehub.transfer.answers import Body, NoSuchRange, read_answer
from vaehub.weights import refuse_head
from vaehub.weights.heads import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaehub.hosts.base import Refusal
    from vaehub.model import Download
    from vaehub.transfer.declared import Expected
    from vaehub.transfer.partial import Partial
    from vaehub.transfer.reply import Reply
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
    with session.get(download.url, headers=headers, credentials=download.headers) as reply:
        try:
            body = read_answer(reply.status, reply.headers, asked=asked)
        except SourceUnusable as error:
            raise SourceUnusable(f"{safe_url(reply.url)}: {error.message}") from None
        if isinstance(body, NoSuchRange) and asked:
            check_total(body.total, wanted, name=name, label=label)
            if body.total == asked:
                return  # nobody knew the size, and everything is here
            raise RangeRefused
        if not isinstance(body, Body):
            raise Refused(refusal_of(reply), redirected=not same_origin(download.url, reply.url))
        source = Answer(reply)
        if body.start == 0:
            kind = reply.headers.get("Content-Type")
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
            f"{safe_url(reply.url)}: the answer ended after {at:,} of {total:,} bytes"
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

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._held = b""
        self._buffer = memoryview(b"")
        self._broken: SourceUnreachable | None = None

    @property
    def url(self) -> str:
        """Where it came from, after all redirects; may hold a secret."""
        return self._reply.url

    def head(self) -> bytes:
        """Give the first bytes, without taking them.

        Raises:
            SourceUnreachable: the connection broke.
        """
        while len(self._held) < HEAD_BYTES:
            piece = memoryview(bytearray(HEAD_BYTES - len(self._held)))
            count = self._reply.receive_into(piece)
            if not count:
                break
            self._held += piece[:count]
        return self._held

    def read(self, size: int) -> memoryview:
        """Take the next bytes, at most ``size``; none at the end.

        What comes within a moment is handed on together: a TLS record holds 16 KiB, and each
        handing on has its price. A connection that breaks or falls silent loses nothing that it
        had brought.

        Returns:
            Bytes that stay as they are until the next call.

        Raises:
            SourceUnreachable: the connection broke.
        """
        if len(self._buffer) < size:
            self._buffer = memoryview(bytearray(size))
        count = min(len(self._held), size)
        self._buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        until = time.monotonic() + _MOMENT
        while count < size and self._broken is None:
            try:
                came = self._reply.receive_into(self._buffer[count:size])
            except SourceUnreachable as error:
                self._broken = error
                break
            if not came:
                break
            count += came
            if count >= min(_ENOUGH, size) or not self._reply.has_more(until - time.monotonic()):
                break
        if not count and self._broken is not None:
            raise self._broken
        return self._buffer[:count].toreadonly()


def refusal_of(reply: Reply) -> Refusal:
    """Take from an answer what a host needs to explain it."""
    from vaehub.hosts.base import Refusal

    try:
        body = Answer(reply).head()
    except SourceUnreachable:
        body = b""  # the status alone says enough
    return Refusal(
        status=reply.status,
        url=safe_url(reply.url),
        headers=reply.headers,
        body=body,
        final_host=urlsplit(reply.url).netloc,
    )
