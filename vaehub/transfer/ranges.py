"""One request for a range of a file.

Knows what an answer to a range must look like, and when it is none. Writes nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from vaehub.errors import SourceUnusable
from vaehub.transfer.addresses import safe_url, same_origin
from vaehub.transfer.answers import Body, NoSuchRange, read_answer
from vaehub.transfer.stream import Answer, Refused, check_total, refusal_of
from vaehub.weights import refuse_head
from vaehub.weights.heads import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaehub.transfer.declared import Expected
    from vaehub.transfer.lane import Address
    from vaehub.transfer.session import Session


class RangesIgnored(Exception):
    """The host sends the whole file, whatever range it is asked for."""


@contextmanager
def open_range(
    address: Address,
    start: int,
    end: int,
    *,
    session: Session,
    wanted: Expected,
    name: str,
    label: str,
) -> Iterator[Answer]:
    """Ask a source for bytes; gives the answer, of which nothing has been taken.

    Args:
        address: Where they are.
        start: The first byte.
        end: The one after the last.
        session: Asks.
        wanted: What the whole file must be.
        name: The installed name, whose suffix says what the first bytes must look like.
        label: The source in words.

    Raises:
        RangesIgnored: the host does not serve ranges.
        SourceUnreachable: no answer.
        Refused: the host answered with another status.
        SourceUnusable, NotAModel, SizeMismatch: the answer cannot be this file.
        Offline: ``VAEHUB_OFFLINE`` is set.
    """
    with session.get(
        address.url,
        headers={"Range": f"bytes={start}-{end - 1}"},
        credentials=address.credentials,
    ) as reply:
        try:
            body = read_answer(reply.status, reply.headers, asked=start)
        except SourceUnusable as error:
            raise SourceUnusable(f"{safe_url(reply.url)}: {error.message}") from None
        if body is None:
            moved = not same_origin(address.download.url, reply.url)
            raise Refused(refusal_of(reply), redirected=moved)
        if isinstance(body, Body) and "Content-Range" not in reply.headers:
            raise RangesIgnored
        check_total(body.total, wanted, name=name, label=label)
        if isinstance(body, NoSuchRange):
            raise RangesIgnored
        answer = Answer(reply)
        # A few bytes, of which the rest is here already, look like nothing.
        if start == 0 and end >= min(HEAD_BYTES, wanted.size or HEAD_BYTES):
            kind = reply.headers.get("Content-Type")
            refuse_head(answer.head(), name=name, content_type=kind, size=wanted.size)
        yield answer
