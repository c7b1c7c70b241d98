"""An answer whose body is still on its way, whoever brings it.

Two bring one: a connection of ours (:mod:`vaehub.transfer.wire`), which is quick to start and puts
the bytes straight where they are wanted, and requests (:mod:`vaehub.transfer.borrowed`), which
knows every proxy there is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self


class Closing(ABC):
    """Whatever is closed at the end of a ``with``."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Reply(Protocol):
    """The answer to one request; the caller closes it, or uses it as a context manager."""

    @property
    def url(self) -> str:
        """What was asked; may hold a secret."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Looked up without regard to case."""

    def receive_into(self, buffer: memoryview) -> int:
        """Receive what is there, and wait for no more than the first byte.

        Returns:
            How many bytes came; 0 at the end.

        Raises:
            SourceUnreachable: the connection broke, or fell silent for too long.
        """

    def has_more(self, seconds: float) -> bool:
        """Wait for more; tells whether there is something to receive."""

    def close(self) -> None:
        """Let go of it, with whatever has not come yet."""

    def __enter__(self) -> Self:
        """Give it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
