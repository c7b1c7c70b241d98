"""Hash the file that is converted, and meanwhile hold it against the checksums it carries itself.

Knows threads. The hash takes longer than anything else, so it begins before the file is looked at;
where looking at it fails, nobody waits for the hash.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

from vaehub.errors import NotAModel
from vaehub.weights.checksums import wrong_storages

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from vaehub.weights.tensors import Tensors

_CHUNK = 256 << 10


class Hashing:
    """Hashes a file in a thread of its own, from entering to leaving the context."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = threading.Event()
        self._outcome: str | OSError = ""
        self._thread = threading.Thread(target=self._work, name="vaehub hashing", daemon=True)

    def __enter__(self) -> Hashing:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def sha256(self) -> str:
        """Wait for the hash: 64 lower-case hex digits.

        Raises:
            OSError: the file cannot be read.
        """
        self._thread.join()
        if isinstance(self._outcome, OSError):
            raise self._outcome
        return self._outcome

    def _work(self) -> None:
        try:
            digest = hashlib.sha256()
            buffer = memoryview(bytearray(_CHUNK))
            with self._path.open("rb", buffering=0) as file:
                while (count := file.readinto(buffer)) and not self._stop.is_set():
                    digest.update(buffer[:count])
            self._outcome = digest.hexdigest()
        except OSError as error:
            self._outcome = error


def check(tensors: Tensors) -> None:
    """Refuse an archive whose bytes are not what it says of them itself.

    Raises:
        NotAModel: they are not.
        OSError: the file cannot be read.
    """
    if not tensors.checksums:
        return
    wrong = wrong_storages(tensors)
    if wrong:
        named = [key for key, stored in tensors.stored.items() if stored.storage in wrong]
        shown = ", ".join(key[:80] for key in named[:3])
        raise NotAModel(
            f"{tensors.name}: damaged: the checksums in it say other bytes for {len(named)} of its "
            f"tensors: {shown}",
            hint="fetch it anew",
        )
