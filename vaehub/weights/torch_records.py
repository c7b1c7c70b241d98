"""What torch's constructors build, as records: which bytes of which storage make which tensor.

Knows the arguments of torch's rebuilding functions (``torch/_utils.py``) and its persistent ids
(``torch/serialization.py``). Knows neither containers nor files, and builds no tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from vaehub.errors import NotAModel
from vaehub.weights.pickle_values import Inert, Name
from vaehub.weights.pickle_walk import LARGEST_PICKLE

if TYPE_CHECKING:
    from collections.abc import Mapping

BYTES: Mapping[str, int] = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
    "C64": 8,
    "C128": 16,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "F8_E8M0": 1,
    "F8_E4M3FNUZ": 1,
    "F8_E5M2FNUZ": 1,
}
"""Bytes of one element; the names are safetensors', and ``C128``, which that format lacks."""

_STORAGES: Mapping[str, str] = {
    "torch.FloatStorage": "F32",
    "torch.DoubleStorage": "F64",
    "torch.HalfStorage": "F16",
    "torch.BFloat16Storage": "BF16",
    "torch.BoolStorage": "BOOL",
    "torch.ByteStorage": "U8",
    "torch.CharStorage": "I8",
    "torch.ShortStorage": "I16",
    "torch.IntStorage": "I32",
    "torch.LongStorage": "I64",
    "torch.ComplexFloatStorage": "C64",
    "torch.ComplexDoubleStorage": "C128",
}
_UNTYPED = "torch.storage.UntypedStorage"
_DTYPES: Mapping[str, str] = {
    "torch.float32": "F32",
    "torch.float64": "F64",
    "torch.float16": "F16",
    "torch.bfloat16": "BF16",
    "torch.bool": "BOOL",
    "torch.uint8": "U8",
    "torch.int8": "I8",
    "torch.int16": "I16",
    "torch.int32": "I32",
    "torch.int64": "I64",
    "torch.uint16": "U16",
    "torch.uint32": "U32",
    "torch.uint64": "U64",
    "torch.complex64": "C64",
    "torch.complex128": "C128",
    "torch.float8_e4m3fn": "F8_E4M3",
    "torch.float8_e5m2": "F8_E5M2",
    "torch.float8_e8m0fnu": "F8_E8M0",
    "torch.float8_e4m3fnuz": "F8_E4M3FNUZ",
    "torch.float8_e5m2fnuz": "F8_E5M2FNUZ",
}
_MOST_DIMENSIONS = 64


class Storage(NamedTuple):
    """A run of bytes that one or several tensors look into."""

    key: str
    dtype: str | None
    """None where the storage itself has no type."""
    nbytes: int
    """Bytes that the pickle claims the whole storage has."""
    item: int
    """Bytes of one element of the storage."""
    start: int
    """First byte of this view in the whole storage; not zero in files of before torch 0.4 alone."""


class Built(NamedTuple):
    """One tensor as the pickle describes it, its numbers not yet held against the storage."""

    storage: Storage
    dtype: str
    start: int
    """First element, counted in the storage's view."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements."""


class Builder:
    """Makes records of what a pickle wants built, and remembers the storages it met."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = LARGEST_PICKLE
        self.storages: dict[str, Storage] = {}
        """By key: each whole storage."""

    def build(self, full: str, arguments: tuple[Any, ...]) -> object:
        """Make a record of a call.

        Raises:
            NotAModel: torch's own function could not be called like that.
        """
        match full, arguments:
            case "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2", [
                Storage() as storage,
                start,
                shape,
                strides,
                *_,
            ]:
                return self._tensor(storage, storage.dtype, start, shape, strides)
            case "torch._utils._rebuild_tensor_v3", [
                Storage() as storage,
                start,
                shape,
                strides,
                _,
                _,
                Name() as dtype,
                *_,
            ]:
                if dtype.full not in _DTYPES:
                    raise self._foreign(dtype.full)
                return self._tensor(storage, _DTYPES[dtype.full], start, shape, strides)
            case (
                "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state",
                [Built() as tensor, *_],
            ):
                return tensor
            case "torch._tensor._rebuild_from_type_v2", [Name() as called, _, tuple() as inner, *_]:
                if called.full == full:  # a type in a type would be recursion without end
                    return Inert(full)
                return self.build(called.full, inner)
            case "torch.Size", [tuple() | list() as lengths]:
                self._spend(8 * len(lengths))
                return tuple(lengths)
            case "collections.OrderedDict", [list() as pairs]:
                return self._map(pairs)
            case "collections.OrderedDict" | "collections.defaultdict" | "builtins.dict", _:
                return {}
            case "_codecs.encode", [str() as text, *_]:
                self._spend(len(text))
                return text.encode("latin-1", "replace")
            case _ if full.startswith("torch._utils._rebuild"):
                raise NotAModel(f"{self._name}: its pickle calls {full} with what is no tensor")
        return Inert(full)

    def persistent(self, identity: object) -> object:
        """Make a record of a storage that lies outside the pickle.

        Raises:
            NotAModel: the id is none of torch's, or contradicts an earlier one.
        """
        match identity:
            case ["storage", Name() as kind, str() as key, _, int() as count, *view]:
                pass
            case _:
                raise NotAModel(f"{self._name}: its pickle refers to something that is no storage")
        if kind.full not in _STORAGES and kind.full != _UNTYPED:
            raise self._foreign(kind.full)
        dtype = _STORAGES.get(kind.full)
        item = BYTES[dtype] if dtype else 1
        if not _is_count(count):
            raise NotAModel(f"{self._name}: the storage {key[:40]!r} claims {count} elements")
        whole = Storage(key, dtype, count * item, item, 0)
        if self.storages.setdefault(key, whole) != whole:
            raise NotAModel(f"{self._name}: the storage {key[:40]!r} has two types or sizes")
        match view:
            case [] | [None]:
                return whole
            case [[_, int() as start, int() as length]] if (
                _is_count(start) and _is_count(length) and start + length <= count
            ):
                return whole._replace(start=start * item)
        raise NotAModel(f"{self._name}: a view reaches beyond the storage {key[:40]!r}")

    def _tensor(
        self, storage: Storage, dtype: str | None, start: object, shape: object, strides: object
    ) -> Built:
        if dtype is None:
            raise NotAModel(f"{self._name}: a tensor of its pickle has no type")
        if (
            not _is_count(start)
            or not _are_counts(shape)
            or not _are_counts(strides)
            or len(shape) != len(strides)
        ):
            raise NotAModel(f"{self._name}: a tensor of its pickle has no valid shape")
        return Built(storage, dtype, start, shape, strides)

    def _map(self, pairs: list[Any]) -> dict[Any, Any]:
        self._spend(8 * len(pairs))
        found = {}
        for pair in pairs:
            match pair:
                case [str() as key, value]:
                    found[key] = value
                case _:
                    raise NotAModel(
                        f"{self._name}: an OrderedDict in its pickle has no valid items"
                    )
        return found

    def _foreign(self, kind: str) -> NotAModel:
        return NotAModel(
            f"{self._name}: holds a tensor of {kind[:60]}: quantised, or of a type that no VAE has"
        )

    def _spend(self, size: int) -> None:
        """Let copies made over and over again end before the memory does."""
        self._left -= size
        if self._left < 0:
            raise NotAModel(f"{self._name}: the pickle in it unfolds to more than any VAE's")


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**63


def _are_counts(value: object) -> TypeGuard[tuple[int, ...]]:
    return (
        isinstance(value, tuple)
        and len(value) <= _MOST_DIMENSIONS
        and all(_is_count(length) for length in value)
    )
