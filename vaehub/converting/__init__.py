"""Turn a file of weights into a safetensors file, without executing anything and without torch.

``contents`` decides what goes in under which name, ``casting`` changes precision, ``writing`` knows
the format, ``origin`` hashes what comes in, ``result`` places what comes out, ``conversion`` does
it in order, and ``known`` adds what the catalog says of the origin.
No module of this package unpickles or imports torch.
"""

from vaehub.converting.conversion import Conversion, Converted, convert, prepare
from vaehub.converting.known import convert_known

__all__ = ["Conversion", "Converted", "convert", "convert_known", "prepare"]
