"""Who is told how a download goes. Knows no terminal."""

from __future__ import annotations

from typing import Protocol


class Listener(Protocol):
    """Is told of the progress of downloads; what it shows, and where, is its own affair."""

    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        """Begin an artifact, or begin it anew once its size is known."""

    def advanced(self, artifact_name: str, done: int) -> None:
        """Say how many bytes are done now; fewer than before when a host starts over."""

    def finished(self, artifact_name: str) -> None:
        """End an artifact: whole and verified."""

    def note(self, message: str) -> None:
        """Tell a person one line: a source failed, another process is waited for."""


class _Silent:
    def started(self, artifact_name: str, total: int | None, done: int) -> None:
        """Say nothing."""

    def advanced(self, artifact_name: str, done: int) -> None:
        """Say nothing."""

    def finished(self, artifact_name: str) -> None:
        """Say nothing."""

    def note(self, message: str) -> None:
        """Say nothing."""


SILENT: Listener = _Silent()
"""Tells nobody."""
