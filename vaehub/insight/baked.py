"""Look at the VAE inside a checkpoint: is there one, is it whole, do its numbers look sound.

Of the file's bytes the header is read and the VAE's tensors, each once, and nothing of the
diffusion model. What makes a file damaged is for :mod:`vaehub.smoke.structure` and
:mod:`vaehub.smoke.findings` to say; whose VAE it is, for :mod:`vaehub.insight.weighing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from vaehub.smoke import structure
from vaehub.smoke.counting import KINDS, Counter
from vaehub.smoke.findings import findings
from vaehub.smoke.report import Reason
from vaehub.weights.architectures import examine
from vaehub.weights.canonical import canonical
from vaehub.weights.checkpoints import row_of
from vaehub.weights.fingerprint import read_part
from vaehub.weights.foreign import kind_of
from vaehub.weights.found import Found
from vaehub.weights.tensors import read_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vaehub.weights.canonical import Part
    from vaehub.weights.checkpoints import Row
    from vaehub.weights.prints import Fingerprint
    from vaehub.weights.tensors import Tensors

State = Literal["whole", "damaged", "missing", "unknown", "no-checkpoint"]
"""``whole``: nothing speaks against it; ``unknown``: something is there that no row of the table of
architectures fits; ``no-checkpoint``: there is no diffusion model in the file."""

_DIFFUSION = ("a checkpoint of", "a diffusion model")
_NATURAL = frozenset({"prefix"})
"""What would be worth a word in a VAE's own file, and is as it should be in a checkpoint."""
_DTYPES = {"F64": "fp64", "F32": "fp32", "F16": "fp16", "BF16": "bf16"}


class Baked(NamedTuple):
    """What looking into a checkpoint has given."""

    kind: str
    """The container."""
    row: Row | None
    """What the checkpoint is; None where no row of that table fits."""
    state: State
    reasons: tuple[Reason, ...] = ()
    found: Found | None = None
    prefix: str = ""
    """What the names of its tensors begin with."""
    dtypes: tuple[str, ...] = ()
    nbytes: int = 0
    """Of its tensors."""
    fingerprint: Fingerprint | None = None
    """None where its numbers were not read."""

    @property
    def families(self) -> tuple[str, ...]:
        """Give the families whose VAEs suit the checkpoint."""
        return self.row.families if self.row is not None else ()


def look(path: Path) -> Baked:
    """Look into a checkpoint.

    Raises:
        IntegrityError: it is no model, or a damaged one, or names what is not harmless.
        OSError: it cannot be read.
    """
    tensors = read_tensors(path)
    shapes = {key: stored.shape for key, stored in tensors.stored.items()}
    inside, found = examine(shapes)
    seen = Baked(tensors.kind, row_of(shapes), "missing")
    if not inside.checkpoint:
        kind = kind_of(shapes) if not isinstance(found, Found) else "a VAE"
        if seen.row is not None or (kind is not None and kind.startswith(_DIFFUSION)):
            return seen
        what = kind or "nothing that vaehub knows"
        told = Reason("no-checkpoint", f"this is {what}, and no checkpoint of a diffusion model")
        return seen._replace(state="no-checkpoint", reasons=(told,))
    held = [tensors.stored[inside.original(name)] for name in inside.shapes]
    seen = seen._replace(
        state="unknown",
        prefix=inside.prefix,
        nbytes=sum(stored.nbytes for stored in held),
        dtypes=tuple(sorted({_DTYPES.get(stored.dtype, stored.dtype) for stored in held})),
    )
    packed = structure.quantised(tensors, inside)
    if packed is not None:
        return seen._replace(state="damaged", reasons=(packed,))
    if not isinstance(found, Found):
        return seen._replace(reasons=(Reason("unknown", found.message),))
    complete = structure.complete(found, inside)
    reasons = tuple(reason for reason in complete if reason.code not in _NATURAL)
    reasons += tuple(_ill_fitting(seen, found, reasons))
    seen = _with_numbers(seen._replace(found=found), tensors)
    reasons += seen.reasons
    state: State = "damaged" if any(reason.verdict for reason in reasons) else "whole"
    return seen._replace(state=state, reasons=reasons)


def _ill_fitting(seen: Baked, found: Found, reasons: tuple[Reason, ...]) -> Iterator[Reason]:
    """Say so where the nearest VAE is none of the checkpoint's own and does not fit either."""
    is_own = not seen.families or not found.families or set(seen.families) & set(found.families)
    codes = {reason.code for reason in reasons}
    if not is_own and "unexpected" in codes and "missing" not in codes:
        # SD1's without its last level is one of the upscaler's, and has an encoder's level over.
        yield Reason(
            "ill-fitting",
            f"it is no whole VAE of {seen.families[0]}; nearest is one of {found.families[0]}, "
            "which lacks some of its tensors: parts are missing, or two were mixed",
            "damaged",
        )


def _with_numbers(seen: Baked, tensors: Tensors) -> Baked:
    """Read the VAE's tensors once, for its fingerprint and for what its numbers show."""
    named = canonical({key: stored.shape for key, stored in tensors.stored.items()})
    counters = {
        part.name: Counter(dtype, part.shape)
        for part in named.parts
        if (dtype := tensors.stored[part.original].dtype) in KINDS
    }

    def count(part: Part, piece: memoryview) -> None:
        if part.name in counters:
            counters[part.name].add(piece)

    fingerprint = read_part(tensors, named, watch=count)
    shown = findings({name: counter.statistics() for name, counter in counters.items()})
    return seen._replace(
        fingerprint=fingerprint,
        reasons=tuple(
            Reason(one.code, one.message, "damaged" if one.gravity == "damaged" else None)
            for one in shown
        ),
    )
