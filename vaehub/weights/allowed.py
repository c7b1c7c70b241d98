"""The globals that a pickled VAE may name: tensors and plain containers.

Each is either a constructor that only fills memory, or an inert class. Notably absent:
``torch.storage._load_from_bytes``, which unpickles its argument, and everything that takes a
callable or a name to look up.
"""

from __future__ import annotations

_STORAGES = (
    *("BFloat16", "Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short"),
    *("ComplexDouble", "ComplexFloat", "QInt8", "QInt32", "QUInt8", "QUInt4x2", "QUInt2x4"),
)
_DTYPES = (
    *("bfloat16", "bool", "complex64", "complex128", "float16", "float32", "float64"),
    *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)

ALLOWED = frozenset(
    {
        "collections.OrderedDict",
        # Python 2 and 3 names of the same plain container.
        "__builtin__.set",
        "builtins.set",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state",
        "torch._utils._rebuild_device_tensor_from_numpy",
        "torch.Size",
        "torch.Tensor",
        "torch.nn.parameter.Parameter",
        "torch.device",
        "torch.storage.TypedStorage",
        "torch.storage.UntypedStorage",
        *(f"torch.{kind}Storage" for kind in _STORAGES),
        *(f"torch.{kind}" for kind in _DTYPES),
        # numpy 2 renamed its core package; arrays are filled from bytes in the same pickle.
        "numpy.dtype",
        "numpy.ndarray",
        "numpy.core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy._core.multiarray._reconstruct",
        # How protocol 2 writes bytes.
        "_codecs.encode",
        # Checkpoints of the training loop that SD 1.x came from carry the class of a callback as
        # a key beside the weights; kl-f8-anime2.ckpt does. AUTOMATIC1111's own restricted
        # unpickler (modules/safe.py) lets both spellings through for that reason. Naming the class
        # runs nothing but its module's import.
        "pytorch_lightning.callbacks.model_checkpoint",
        "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    }
)
"""Full names, module and attribute joined by a dot."""
