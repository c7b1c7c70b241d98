"""Write the reports that CI systems read, where ``--junit FILE`` and its kin say.

A file that is there already gives way only where it is such a report, or empty: a slip of the
fingers must not cost anybody a model.
"""

from __future__ import annotations

import os
from pathlib import Path

from vaehub import durable
from vaehub.errors import FileInTheWay, TargetNotUsable

_HEAD = 1024


def write(said: str, text: str, *, option: str, mark: bytes) -> None:
    """Write a report; the folders above it are made.

    Args:
        said: Where, as the user has it.
        text: What it is to hold.
        option: How the user said it, for messages.
        mark: What any such report has near its beginning.

    Raises:
        FileInTheWay: something else stands there; it was not touched.
        TargetNotUsable: it cannot be written.
    """
    path = Path(os.path.realpath(Path(said).expanduser()))
    try:
        if not _may_go(path, mark):
            raise FileInTheWay(
                f"{said} is there, and is no report that could give way",
                hint=f"it was not touched; name another file with {option}",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, text.encode("utf-8"))
    except OSError as error:
        raise TargetNotUsable(
            f"cannot write {said}: {error.strerror or error}",
            hint=f"name a file that you may write with {option}",
        ) from error


def _may_go(path: Path, mark: bytes) -> bool:
    if not os.path.lexists(path):
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return not head or mark in head
