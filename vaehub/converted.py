"""Convert what was fetched, between the store and its place.

Knows where the results wait. Which files that concerns, and what they are called, is decided before
(:mod:`vaehub.targets.remedies`); how a conversion goes is known to :mod:`vaehub.converting`, which
is imported where there is one to do.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING, Literal

from vaehub import durable, staging
from vaehub.errors import DiskFull, TargetNotUsable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vaehub.converting import Conversion
    from vaehub.placing import Fetched
    from vaehub.plan import Step
    from vaehub.store import Store


@contextlib.contextmanager
def convert_all(
    todo: Sequence[Step], fetched: Mapping[str, Fetched], store: Store, *, elsewhere: bool
) -> Iterator[Mapping[str, Fetched]]:
    """Convert those of the fetched files that are to be.

    The same file gives the same bytes, so the store keeps the result as a blob like any other:
    several targets share it. What waits beside its destination is gone afterwards.

    Args:
        todo: What is to be placed.
        fetched: The bytes, per artifact name; the pickles among them lie in the store.
        store: Keeps the results.
        elsewhere: The destinations lie on another file system than the store: the results wait
            there, and none stay in the store.

    Raises:
        NotAModel, UnsafePickle: a file cannot be converted.
        DiskFull, TargetNotUsable: its result cannot be written.
    """
    made = dict(fetched)
    waiting: list[Path] = []
    try:
        for step in todo:
            if step.convert is not None:
                origin = fetched[step.artifact.name]
                path = _waiting_place(step, origin, store, elsewhere=elsewhere)
                waiting.append(path)
                made[step.artifact.name] = _convert(
                    step, origin, path, store, layout=step.convert.layout, keep=not elsewhere
                )
        yield made
    finally:
        for path in waiting:
            with contextlib.suppress(OSError):  # an error that counts is on its way already
                path.unlink(missing_ok=True)


def _waiting_place(step: Step, origin: Fetched, store: Store, *, elsewhere: bool) -> Path:
    if not elsewhere:
        # Whoever is here holds the lock of the origin, and so has this name for itself.
        return store.partial(hashlib.sha256(f"safetensors of {origin.sha256}".encode()).hexdigest())
    ours = staging.folder_of(step.destination)
    staging.sweep(ours)
    try:
        return staging.create(ours)
    except OSError as error:
        raise _not_written(ours, error, None) from error


def _convert(
    step: Step,
    origin: Fetched,
    path: Path,
    store: Store,
    *,
    layout: Literal["ldm"] | None,
    keep: bool,
) -> Fetched:
    from vaehub import converting

    conversion = None
    try:
        conversion = converting.prepare(
            origin.path, name=step.artifact.name, layout=layout, sha256=origin.sha256
        )
        with path.open("wb", buffering=0) as file:
            sha256 = conversion.pour(file)
            os.fsync(file.fileno())
    except OSError as error:
        raise _not_written(path.parent, error, conversion) from error
    if keep:
        # Where another target has it already, all share that one.
        path = store.blob(sha256) if store.has(sha256) else store.adopt(path, sha256)
    return origin._replace(
        path=path,
        sha256=sha256,
        size=conversion.size,
        keep=keep,
        converted_from={
            "name": step.artifact.name,
            "size": origin.size,
            "sha256": origin.sha256,
        },
    )


def _not_written(
    folder: Path, error: OSError, conversion: Conversion | None
) -> DiskFull | TargetNotUsable:
    if error.errno in durable.FULL and conversion is not None:
        return DiskFull(
            f"{folder}: the converted file needs {conversion.size:,} bytes, and they do not fit",
            hint="make room there, and run the same command again",
        )
    return TargetNotUsable(
        f"cannot convert in {folder}: {error.strerror or error}",
        hint="check the owner and the permissions of that folder",
    )
