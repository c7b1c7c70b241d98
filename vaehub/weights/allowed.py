"""The globals that a pickled VAE may name: tensors and plain containers.

:data:`ALLOWED` is what the loader of a UI may be given; :data:`HARMLESS` is what our own reader,
which calls nothing, passes over besides. Each of the allowed is either a constructor that only
fills memory, or an inert class. Notably absent from both: ``torch.storage._load_from_bytes``, which
unpickles its argument, and everything that takes a callable or a name to look up.
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

_LIGHTNING = (
    "callbacks.base.Callback",
    "callbacks.early_stopping.EarlyStopping",
    "callbacks.lr_monitor.LearningRateMonitor",
    "callbacks.model_checkpoint.ModelCheckpoint",
    "callbacks.progress.base.ProgressBarBase",
    "utilities.parsing.AttributeDict",
)
_PLAIN = (
    *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list"),
    *("object", "set", "str", "tuple"),
)
_PATHS = ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath")

HARMLESS = frozenset(
    {
        # How current torch writes tensors of the types without a storage class of their own
        # (float8, uint16 ...), and tensors that carry attributes.
        "torch._utils._rebuild_tensor_v3",
        "torch._tensor._rebuild_from_type_v2",
        "torch.serialization._get_layout",
        # What training leaves beside the weights: options, paths, dates, counters.
        "argparse.Namespace",
        "collections.Counter",
        "collections.defaultdict",
        "collections.deque",
        "datetime.datetime",
        "datetime.timedelta",
        "numpy.core.multiarray.array",
        *(f"numpy.{kind}" for kind in ("bool_", "float32", "float64", "int32", "int64")),
        *(f"numpy.dtypes.{kind}DType" for kind in ("Bool", "Float32", "Float64", "Int64")),
        *(f"{module}.{kind}" for module in ("pathlib", "pathlib._local") for kind in _PATHS),
        *(f"{module}.{kind}" for module in ("__builtin__", "builtins") for kind in _PLAIN),
        *(f"{module}._reconstructor" for module in ("copy_reg", "copyreg")),
        *(f"{m}.{kind}" for m in ("pytorch_lightning", "lightning.pytorch") for kind in _LIGHTNING),
        "omegaconf.base.ContainerMetadata",
        "omegaconf.base.Metadata",
        "omegaconf.dictconfig.DictConfig",
        "omegaconf.listconfig.ListConfig",
        "omegaconf.nodes.AnyNode",
        "typing.Any",
    }
)
"""Names that real checkpoints carry beside their weights, for our own reader alone.

:mod:`vaehub.weights.pickle_values` has an inert stand-in for them and calls none, so a file that
names them can be judged and converted. They are no reason to install a pickle: the loader of a UI
imports and calls them, or gives up on them.
"""
