"""The switches with which a fake host goes wrong.

Knows what can go wrong, at which stage and how often. Knows no host: what a host says in its own
words (the body of a 429, a login page) the host itself tells through :class:`Words`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from vaehub.loopback.content import BytesContent, Content, Flipped, Inverted, Resized
from vaehub.loopback.server import Delivery, Response, json_response, redirect, text_response

if TYPE_CHECKING:
    from collections.abc import Callable

Stage = Literal["api", "door", "bytes"]
"""``api``: questions about a file. ``door``: the host's address of the file, which mostly
redirects. ``bytes``: the CDN or storage that sends it. For plain files all three are one."""

Ranges = Literal["honest", "ignored", "as 200", "from zero"]

HTML_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Just a moment...</title></head>
<body><h1>Sign in</h1><p>You need to be signed in to see this page.</p></body></html>
"""


class Words(Protocol):
    """How a host puts an error."""

    def error(self, status: int, stage: Stage) -> Response:
        """Give the host's usual answer with this status at this stage."""


@dataclass
class Course:
    """What is to happen to one request."""

    instead: Response | None = None
    """Given in place of the true answer."""
    alter: list[Callable[[Content], Content]] = field(default_factory=list)
    ranges: Ranges = "honest"
    delivery: Delivery = field(default_factory=Delivery)

    @property
    def is_refusal(self) -> bool:
        """Whether the true answer is not given at all."""
        return self.instead is not None or self.delivery.hang_up


@dataclass
class _Switch:
    stage: Stage
    left: int | None
    """Answers still to spoil; None stands for all."""
    spoil: Callable[[Course], None]
    body_only: bool
    """Whether an answer without a body (to HEAD) is left alone."""
    skip: int = 0
    """Answers to leave alone before the first is spoiled."""


class Faults:
    """The switches of one host. Each lasts for ``times`` answers, or until :meth:`clear`."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._switches: list[_Switch] = []
        self._lock = threading.Lock()
        self.uses_per_url: int | None = None
        """Requests that a signed URL is good for; None stands for any number."""

    def clear(self) -> None:
        """Go back to normal."""
        with self._lock:
            self._switches.clear()
            self.uses_per_url = None

    def course(self, stage: Stage, method: str) -> Course:
        """Say what is to happen to a request, and count it down."""
        course = Course()
        with self._lock:
            for switch in self._switches:
                if switch.stage != stage or (switch.body_only and method == "HEAD"):
                    continue
                if switch.skip:
                    switch.skip -= 1
                    continue
                switch.spoil(course)
                if switch.left is not None:
                    switch.left -= 1
            self._switches = [switch for switch in self._switches if switch.left != 0]
        return course

    def _add(
        self,
        spoil: Callable[[Course], None],
        *,
        stage: Stage = "bytes",
        times: int | None = None,
        body_only: bool = True,
        skip: int = 0,
    ) -> None:
        with self._lock:
            self._switches.append(_Switch(stage, times, spoil, body_only, skip))

    def _instead(self, response: Response, stage: Stage, times: int | None) -> None:
        def spoil(course: Course) -> None:
            course.instead = response

        self._add(spoil, stage=stage, times=times, body_only=False)

    # The answer is another one.

    def status(
        self,
        status: int,
        *,
        at: Stage = "door",
        times: int | None = None,
        retry_after: str | int | None = None,
    ) -> None:
        """Answer with a status in the host's own words."""
        response = self._words.error(status, at)
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        self._instead(response, at, times)

    def answer(self, response: Response, *, at: Stage = "door", times: int | None = None) -> None:
        """Answer with exactly this."""
        self._instead(response, at, times)

    def html_page(self, *, at: Stage = "bytes", times: int | None = None) -> None:
        """Answer 200 with a web page, as login and bot walls do."""
        self._instead(text_response(200, HTML_PAGE, "text/html; charset=utf-8"), at, times)

    def json_error(self, *, at: Stage = "bytes", times: int | None = None) -> None:
        """Answer 200 with an error told in JSON."""
        self._instead(json_response(200, {"error": "Something went wrong"}), at, times)

    def lfs_pointer(self, *, times: int | None = None) -> None:
        """Send the Git LFS pointer in place of the file."""

        def spoil(course: Course) -> None:
            course.alter.append(_pointer)

        self._add(spoil, times=times)

    def redirect_to(
        self, url: str, *, status: int = 302, at: Stage = "door", times: int | None = None
    ) -> None:
        """Send the client elsewhere."""
        self._instead(redirect(status, url), at, times)

    def hang_up(self, *, at: Stage = "bytes", times: int | None = None, skip: int = 0) -> None:
        """End the connection without an answer, once ``skip`` answers have been given."""

        def spoil(course: Course) -> None:
            course.delivery.hang_up = True

        self._add(spoil, stage=at, times=times, body_only=False, skip=skip)

    # The bytes are others.

    def flip_byte(self, offset: int, *, times: int | None = None) -> None:
        """Change one byte; a negative offset counts from the end."""
        self._alter(lambda content: Flipped(content, offset), times)

    def wrong_bytes(self, *, times: int | None = None) -> None:
        """Change every byte and keep the size."""
        self._alter(Inverted, times)

    def truncate(self, size: int, *, times: int | None = None) -> None:
        """Have only the first ``size`` bytes, and say so in Content-Length."""
        self._alter(lambda content: Resized(content, size), times)

    def append(self, count: int, *, times: int | None = None) -> None:
        """Have ``count`` bytes too many, and say so in Content-Length."""
        self._alter(lambda content: Resized(content, content.size + count), times)

    def _alter(self, change: Callable[[Content], Content], times: int | None) -> None:
        def spoil(course: Course) -> None:
            course.alter.append(change)

        self._add(spoil, times=times)

    # The bytes are right and the way is bad.

    def cut_after(self, count: int, *, times: int | None = 1) -> None:
        """End the connection after ``count`` bytes of the body."""

        def spoil(course: Course) -> None:
            course.delivery.cut_after = count

        self._add(spoil, times=times)

    def stall(self, after: int = 0, *, seconds: float = 3600.0, times: int | None = 1) -> None:
        """Fall silent after some bytes of the body, with the connection open."""

        def spoil(course: Course) -> None:
            course.delivery.cut_after = after
            course.delivery.stall = seconds

        self._add(spoil, times=times)

    def slow(self, bytes_per_second: int, *, times: int | None = None) -> None:
        """Send no faster than this."""

        def spoil(course: Course) -> None:
            course.delivery.rate = bytes_per_second

        self._add(spoil, times=times)

    def no_length(self, *, times: int | None = None) -> None:
        """Send in chunks, without Content-Length."""

        def spoil(course: Course) -> None:
            course.delivery.chunked = True

        self._add(spoil, times=times)

    def ignore_range(self, *, times: int | None = None) -> None:
        """Answer a Range request with 200 and the whole file."""
        self._ranges("ignored", times)

    def range_as_200(self, *, times: int | None = None) -> None:
        """Answer a Range request rightly, but with status 200 and a Content-Range."""
        self._ranges("as 200", times)

    def range_from_zero(self, *, times: int | None = None) -> None:
        """Answer a Range request with 206 and a range that was not asked for."""
        self._ranges("from zero", times)

    def _ranges(self, ranges: Ranges, times: int | None) -> None:
        def spoil(course: Course) -> None:
            course.ranges = ranges

        self._add(spoil, times=times)

    def expire_after(self, requests: int) -> None:
        """Let each signed URL serve so many requests, then refuse it as expired."""
        self.uses_per_url = requests


def _pointer(content: Content) -> Content:
    return BytesContent(
        b"version https://git-lfs.github.com/spec/v1\n"
        b"oid sha256:%b\nsize %d\n" % (content.sha256.encode(), content.size)
    )
