"""What a fingerprint is, how it is put together from its tensors, and how it is written down.

Pure: reads no file. A written fingerprint is data that anybody may have edited; one that is not
what it should be counts as none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from vaehub.weights import sketch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vaehub.weights.kl import Half
    from vaehub.weights.rounding import Precision

VERSION = 1
_TITLE = b"vaehub fingerprint 1\n"
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Print(NamedTuple):
    """What one tensor contributes."""

    name: str
    half: Half
    shape: tuple[int, ...]
    dtype: str
    weights: bytes
    fp16: bytes
    bf16: bytes
    exact: tuple[Precision, ...]
    """The precisions to which it is rounded without any number changing."""
    sketch: bytes
    """Empty where it takes no part in distances."""


class Side(NamedTuple):
    """Digests of a whole autoencoder, or of one half; 64 lower-case hex digits each."""

    weights: str
    """The numbers as they are, and their types."""
    fp16: str
    """Rounded to half precision."""
    bf16: str
    """Rounded to bfloat16."""
    exact: tuple[Precision, ...]
    """The precisions to which rounding changes nothing."""
    outline: str = ""
    """Names and shapes; empty where it is not known."""
    sketch: bytes = b""


class Fingerprint(NamedTuple):
    """All that is kept of an autoencoder."""

    architecture: str | None
    """What it was recognised as; takes no part in any digest."""
    dtypes: tuple[str, ...]
    """The types of its tensors, as safetensors names them."""
    whole: Side
    sides: Mapping[str, Side]
    """``encoder``, ``decoder``, and ``both`` for what belongs to neither alone, as it has."""

    @property
    def text(self) -> str:
        """Give the one line by which people quote it."""
        return f"vf{VERSION}:{self.whole.weights}"


def whole_of(prints: Sequence[Print]) -> Side:
    """Join the tensors of an autoencoder, or of a half, in any order."""
    return Side(
        weights=_join(one.weights for one in prints),
        fp16=_join(one.fp16 for one in prints),
        bf16=_join(one.bf16 for one in prints),
        exact=tuple(
            precision
            for precision in ("fp16", "bf16")
            if all(precision in one.exact for one in prints)
        ),
        outline=outline([(one.name, one.shape) for one in prints]),
        sketch=b"".join(
            one.sketch for one in sorted(prints, key=lambda one: sketch.as_bytes(one.name))
        ),
    )


def outline(tensors: Iterable[tuple[str, tuple[int, ...]]]) -> str:
    """Digest names and shapes: where two are equal, the sketches can be held together."""
    lines = sorted(
        json.dumps([name, list(shape)], separators=(",", ":")) for name, shape in tensors
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _join(digests: Iterable[bytes]) -> str:
    return hashlib.sha256(_TITLE + b"".join(sorted(digests))).hexdigest()


def to_json(fingerprint: Fingerprint, *, sketches: bool) -> dict[str, Any]:
    """Write a fingerprint down.

    Args:
        fingerprint: what to write.
        sketches: also what distances are measured with, some 17 kB of an AutoencoderKL.
    """
    return {
        "version": VERSION,
        "architecture": fingerprint.architecture,
        "dtypes": list(fingerprint.dtypes),
        **_side_json(fingerprint.whole, sketches=False),
        **{half: _side_json(side, sketches=sketches) for half, side in fingerprint.sides.items()},
    }


def _side_json(side: Side, *, sketches: bool) -> dict[str, Any]:
    written: dict[str, Any] = {
        "weights": side.weights,
        "fp16": side.fp16,
        "bf16": side.bf16,
        "exact": list(side.exact),
    }
    if sketches:
        written["outline"] = side.outline
        written["sketch"] = base64.b85encode(side.sketch).decode("ascii")
    return written


def from_json(record: object) -> Fingerprint | None:
    """Read a written fingerprint; None where it is none, or one of another version."""
    if not isinstance(record, dict) or record.get("version", VERSION) != VERSION:
        return None
    architecture, dtypes = record.get("architecture"), record.get("dtypes", [])
    try:
        return Fingerprint(
            architecture=architecture if isinstance(architecture, str) else None,
            dtypes=tuple(map(str, dtypes)) if isinstance(dtypes, list) else (),
            whole=_side(record),
            sides={
                half: _side(record[half])
                for half in ("encoder", "decoder", "both")
                if half in record
            },
        )
    except ValueError:
        return None


def _side(record: object) -> Side:
    if not isinstance(record, dict):
        raise ValueError("no digests")
    digests = [record.get(key) for key in ("weights", "fp16", "bf16")]
    if not all(isinstance(one, str) and _DIGEST.fullmatch(one) for one in digests):
        raise ValueError("no digest")
    exact, outline_, kept = (record.get(key) for key in ("exact", "outline", "sketch"))
    try:
        data = base64.b85decode(kept) if isinstance(kept, str) else b""
    except (ValueError, binascii.Error) as error:
        raise ValueError("no sketch") from error
    if len(data) % sketch.BYTES:
        raise ValueError("a part of a sketch")
    listed = exact if isinstance(exact, list) else []
    weights, fp16, bf16 = map(str, digests)
    return Side(
        weights=weights,
        fp16=fp16,
        bf16=bf16,
        exact=tuple(p for p in cast("tuple[Precision, ...]", ("fp16", "bf16")) if p in listed),
        outline=outline_ if isinstance(outline_, str) else "",
        sketch=data,
    )
