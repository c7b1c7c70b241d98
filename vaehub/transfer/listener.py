"""Who is told how downloads go. Knows no terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Listener(Protocol):
    """Is told of the progress of downloads, from any thread; what it shows is its own affair."""

    def planned(self, artifact_name: str, total: int | None) -> None:
        """Count on an artifact that is to come, now or later; not called where there is but one."""

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        """Begin an artifact, or begin it anew once its size is known."""

    def advanced(self, artifact_name: str, done: int) -> None:
        """Say how many bytes are done now; fewer than before when a host starts over."""

    def finished(self, artifact_name: str) -> None:
        """End an artifact: whole and verified."""

    def abandoned(self, artifact_name: str) -> None:
        """End an artifact that does not come, planned or begun."""

    def note(self, message: str) -> None:
        """Tell a person one line: a source failed, another process is waited for."""


class Silent:
    """Tells nobody; a base for those who want to hear of some things only."""

    def planned(self, artifact_name: str, total: int | None) -> None:
        """Say nothing."""

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        """Say nothing."""

    def advanced(self, artifact_name: str, done: int) -> None:
        """Say nothing."""

    def finished(self, artifact_name: str) -> None:
        """Say nothing."""

    def abandoned(self, artifact_name: str) -> None:
        """Say nothing."""

    def note(self, message: str) -> None:
        """Say nothing."""


SILENT: Listener = Silent()


class Relay:
    """Hands on what one of several downloads tells, under names that are nobody else's.

    It is also where such a download, which runs in a thread of its own, learns that the person
    wants to stop: the thread ends in the next call from which it tells something.
    """

    def __init__(
        self, listener: Listener, *, labels: Mapping[str, str], stopping: Callable[[], bool]
    ) -> None:
        """Make ready.

        Args:
            listener: Is told.
            labels: What an artifact is called, where its own name is not clear enough.
            stopping: Whether to end it; then each call raises :exc:`KeyboardInterrupt`.
        """
        self._listener = listener
        self._labels = labels
        self._stopping = stopping

    def planned(self, artifact_name: str, total: int | None) -> None:
        """Hand it on."""
        self._listener.planned(self._label(artifact_name), total)

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        """Hand it on."""
        self._heed()
        self._listener.started(self._label(artifact_name), total, done)

    def advanced(self, artifact_name: str, done: int) -> None:
        """Hand it on."""
        self._heed()
        self._listener.advanced(self._label(artifact_name), done)

    def finished(self, artifact_name: str) -> None:
        """Hand it on."""
        self._listener.finished(self._label(artifact_name))

    def abandoned(self, artifact_name: str) -> None:
        """Hand it on."""
        self._listener.abandoned(self._label(artifact_name))

    def note(self, message: str) -> None:
        """Hand it on."""
        self._listener.note(message)

    def _label(self, artifact_name: str) -> str:
        return self._labels.get(artifact_name, artifact_name)

    def _heed(self) -> None:
        if self._stopping():
            raise KeyboardInterrupt
