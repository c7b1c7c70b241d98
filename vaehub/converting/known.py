"""Add what the catalog knows of a file to its conversion: its name, and whether fp16 breaks it.

Knows catalogs. The conversion itself knows none, and its bytes do not depend on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from vaehub.converting.casting import DTYPES
from vaehub.converting.contents import LAYOUTS
from vaehub.converting.conversion import Converted, convert
from vaehub.errors import UsageError
from vaehub.model import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from vaehub.catalog import Catalogs
    from vaehub.converting.contents import Layout
    from vaehub.model import Entry


def convert_known(
    path: Path, *, output: Path | None, layout: str | None, dtype: str | None, catalogs: Catalogs
) -> Converted:
    """Convert a file, and say what the catalog knows of it; see :func:`vaehub.api.convert`."""
    for given, known in ((layout, LAYOUTS), (dtype, tuple(DTYPES))):
        if given is not None and given not in known:
            raise UsageError(f"{given!r} is none of: {', '.join(known)}")
    done = convert(path, output=output, layout=cast("Layout | None", layout), dtype=dtype)
    problems = list(done.problems)
    known_as = None
    for entry in catalogs.entries():
        for variant in entry.variants:
            if any(artifact.sha256 == done.origin_sha256 for artifact in variant.artifacts):
                known_as = known_as or f"{entry.id}@{variant.name}"
                problems += overflow(entry, dtype=dtype)
    return done._replace(problems=tuple(dict.fromkeys(problems)), known_as=known_as)


def overflow(entry: Entry, *, dtype: str | None) -> list[Problem]:
    """Warn where a VAE is known to overflow in the precision asked for."""
    if dtype != "fp16" or entry.smoke is None or entry.smoke.fp16 != "nan":
        return []
    return [
        Problem(
            "overflows-in-fp16",
            f"{entry.id} is known to overflow when it is run in fp16: black pictures; its weights "
            "fit, and so it was converted",
            blocking=False,
            hint="use --dtype bf16, or have your UI run it in fp32 (--no-half-vae)",
        )
    ]
