"""Turn the tensors of a file into torch's, mapped and never held twice.

Knows how bytes in a file become a ``torch.Tensor``; where they lie is for
:mod:`vaehub.weights.tensors`. Refuses to know names, shapes that belong together, and modules.

Memory: what is neither converted nor moved is a private mapping of the file, so that its pages are
the system's cache and go away when memory is short; what is converted or moved is read one tensor
at a time, so that the peak is the result and one tensor of the file. A mapped file that another
program cuts short kills the process that reads it, as with every mapping; a store's blobs are
never written to, and a user's file should not be while it is tested.
"""

from __future__ import annotations

import mmap
from collections import Counter
from typing import TYPE_CHECKING

import torch

from vaehub.errors import NotAModel
from vaehub.weights.torch_records import BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vaehub.weights.tensors import Opened, Stored, Tensors

_NAMES: Mapping[str, str] = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "BOOL": "bool",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "C64": "complex64",
    "C128": "complex128",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
}


def torch_dtype(dtype: str) -> torch.dtype | None:
    """Give torch's type for safetensors' name of it, or nothing where this torch has none."""
    found = getattr(torch, _NAMES.get(dtype, ""), None)
    return found if isinstance(found, torch.dtype) else None


def load(
    tensors: Tensors,
    *,
    names: Iterable[str] | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
) -> dict[str, torch.Tensor]:
    """Load tensors of a file.

    Args:
        tensors: what :func:`vaehub.weights.tensors.read_tensors` gave.
        names: those to load; all by default.
        device: where to put them.
        dtype: what to convert floating-point tensors to, as ``Module.to`` does; others stay.

    Returns:
        By name, in the order of ``names``. Tensors that share their bytes in the file share them
        here too. On the CPU, without a conversion, they keep the strides of the file.

    Raises:
        KeyError: there is no tensor of such a name.
        NotAModel: a tensor is of a type that torch has none for, or the file has changed.
        OSError: the file cannot be read.
    """
    chosen = list(tensors.stored) if names is None else list(names)
    return dict(stream(tensors, names=chosen, device=device, dtype=dtype))


def stream(
    tensors: Tensors,
    *,
    names: Iterable[str],
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    mapped: bool = True,
) -> Iterator[tuple[str, torch.Tensor]]:
    """Load tensors one after the other.

    The arguments and errors are those of :func:`load`. Without ``mapped``, no page of the file
    becomes part of this process: each tensor is its own memory, and gone when it is let go.
    """
    chosen = list(names)
    target = torch.device(device)
    mapping: mmap.mmap | None = None
    # Only what comes again is remembered, lest a stream hold everything that went through it.
    again = Counter(_place(tensors.stored[name]) for name in chosen)
    shared: dict[tuple[object, ...], torch.Tensor] = {}
    with tensors.open() as opened:
        for name in chosen:
            stored = tensors.stored[name]
            place = _place(stored)
            if place in shared:
                yield name, shared[place]
                continue
            known = _dtype_of(stored, name=name, file=tensors.name)
            wanted = dtype if dtype is not None and known.is_floating_point else known
            stays = wanted == known and target.type == "cpu" and tensors.byteorder == "little"
            aligned = stored.nbytes and stored.offset % BYTES[stored.dtype] == 0
            if mapped and stays and aligned:
                # Private and writable: torch warns of read-only memory. The file is never written.
                mapping = mapping or mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
                made = _mapped(mapping, stored, known)
            else:
                made = _read(opened, name, stored, known).to(device=target, dtype=wanted)
            if again[place] > 1:
                shared[place] = made
            yield name, made


def _place(stored: Stored) -> tuple[object, ...]:
    return (stored.storage, stored.offset, stored.dtype, stored.shape, stored.strides)


def _mapped(mapping: mmap.mmap, stored: Stored, dtype: torch.dtype) -> torch.Tensor:
    """Look into the mapping, which lives as long as the tensor does."""
    count = stored.span // BYTES[stored.dtype]
    flat = torch.frombuffer(mapping, dtype=dtype, count=count, offset=stored.offset)
    return flat.as_strided(stored.shape, stored.strides)


def _read(opened: Opened, name: str, stored: Stored, dtype: torch.dtype) -> torch.Tensor:
    if not stored.nbytes:
        return torch.empty(stored.shape, dtype=dtype)
    return torch.frombuffer(opened.read(name), dtype=dtype).reshape(stored.shape)


def _dtype_of(stored: Stored, *, name: str, file: str) -> torch.dtype:
    found = torch_dtype(stored.dtype)
    if found is None:
        raise NotAModel(
            f"{file}: the tensor {name[:80]!r} is of the type {stored.dtype}, which torch "
            f"{torch.__version__} has none for: a quantised file, or one for a newer torch",
            hint="take the variant in float16, bfloat16 or float32, or update torch",
        )
    return found
