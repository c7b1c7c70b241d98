"""List the globals of one pickle by reading its opcodes; nothing is ever unpickled.

Where a name cannot be read off the opcodes with certainty, the pickle is refused: an unpickler
would run what we could not see. Knows opcodes; knows neither files nor which globals are fine.
"""

from __future__ import annotations

import pickletools
from typing import TYPE_CHECKING, Any

from vaehub.errors import NotAModel, UnsafePickle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

LARGEST_PICKLE = 64 * 1024 * 1024
"""Bytes of opcodes; a VAE's take about ten kilobytes, a whole training state's a few megabytes."""
MOST_OPCODES = 500_000

_STRINGS = frozenset({"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"})
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_EXTENSIONS = frozenset({"EXT1", "EXT2", "EXT4"})
# No effect on the stack, so they may stand between a string and its use.
_SILENT = frozenset({"PROTO", "FRAME"})
_NUMBERS = frozenset({"INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1"})
_HIGHEST_PROTOCOL = 5


class Budgeted:
    """A binary file that ends, with an error, after so many bytes.

    A pickle may claim a string of gigabytes; without a budget, looking at it would read them.
    """

    def __init__(self, file: IO[bytes], *, budget: int, name: str) -> None:
        self._file = file
        self._left = budget
        self._name = name

    def read(self, size: int) -> bytes:
        """Read exactly as a file does."""
        return self._spend(self._file.read(min(size, self._left + 1)))

    def readline(self) -> bytes:
        """Read to the end of the line, as text opcodes want it."""
        return self._spend(self._file.readline(self._left + 1))

    def tell(self) -> int:
        """Give the position in the file."""
        return self._file.tell()

    def _spend(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise NotAModel(
                f"{self._name}: the pickle in it is larger than {LARGEST_PICKLE:,} bytes: "
                "more than any VAE's"
            )
        return data


class _Trail:
    """What is certainly known of the top of the unpickler's stack, and of its memo."""

    def __init__(self) -> None:
        self.top: list[str | None] = []
        self.memo: dict[int, str | None] = {}

    def follow(self, opcode: str, argument: Any) -> None:
        if opcode in _STRINGS:
            self.top.append(argument)
        elif opcode in _GETS:
            self.top.append(self.memo.get(int(argument)))
        elif opcode in _PUTS:
            self.memo[int(argument)] = self.top[-1] if self.top else None
        elif opcode == "MEMOIZE":
            self.memo[len(self.memo)] = self.top[-1] if self.top else None
        elif opcode not in _SILENT:
            self.top.clear()


class _Frames:
    """Sees to it that frames hold whole opcodes, as every pickler writes them.

    An unpickler reads a frame at once, wherever STOP stands, and the two of Python differ in what
    they do when an opcode crosses its end. In a file of several pickles such a frame would make
    them read other opcodes than we do.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._end: int | None = None

    def follow(self, opcode: str, argument: Any, position: int) -> None:
        askew = False
        if self._end is not None and position >= self._end:
            askew = position != self._end
            self._end = None
        if opcode == "FRAME":
            askew = askew or self._end is not None
            self._end = position + 9 + argument
        elif opcode == "STOP" and self._end is not None:
            askew = askew or position + 1 != self._end
        if askew:
            raise UnsafePickle(f"{self._name}: a frame in its pickle is askew: made to mislead")


def walk(file: IO[bytes] | Budgeted, *, name: str) -> tuple[set[str], object]:
    """Read one pickle up to its STOP.

    Args:
        file: at the pickle's first byte; left behind its last.
        name: what to call the file in messages.

    Returns:
        The globals it names (``module.attribute``), and its value where that is a plain number.

    Raises:
        NotAModel: this is no pickle, or an endless one.
        UnsafePickle: a global's name cannot be read off the opcodes.
    """
    found: set[str] = set()
    trail = _Trail()
    frames = _Frames(name)
    number: object = None
    for count, (opcode, argument, position) in enumerate(opcodes(file, name=name)):
        if count >= MOST_OPCODES:
            raise NotAModel(f"{name}: the pickle in it never seems to end")
        frames.follow(opcode, argument, position)
        match opcode:
            case "PROTO" if argument > _HIGHEST_PROTOCOL:
                raise NotAModel(f"{name}: pickle protocol {argument} is unknown")
            case "GLOBAL" | "INST":
                found.add(_joined(argument, name=name))
            case "STACK_GLOBAL":
                found.add(_from_stack(trail.top, name=name))
            case _ if opcode in _EXTENSIONS:
                raise UnsafePickle(
                    f"{name}: names a global by a number (opcode {opcode}), so nobody can say which"
                )
        trail.follow(opcode, argument)
        if opcode != "STOP":
            number = argument if opcode in _NUMBERS else None
    return found, number


def opcodes(file: IO[bytes] | Budgeted, *, name: str) -> Iterator[tuple[str, Any, int]]:
    """Yield (opcode, argument, position) up to STOP, and say that damage is damage.

    Raises:
        NotAModel: this is no pickle.
    """
    try:
        for opcode, argument, position in pickletools.genops(file):  # type: ignore[arg-type]
            yield opcode.name, argument, position or 0
    except NotAModel:
        raise
    # pickletools raises whatever its readers meet: struct, Unicode, overflow ...
    except Exception as error:
        raise NotAModel(f"{name}: the pickle in it is damaged ({error})") from error


def _joined(argument: str, *, name: str) -> str:
    module, _, attribute = argument.partition(" ")
    if not module or not attribute or " " in attribute:
        raise UnsafePickle(f"{name}: names a global that is not one name: {argument[:80]!r}")
    return f"{module}.{attribute}"


def _from_stack(top: list[str | None], *, name: str) -> str:
    if len(top) < 2 or top[-1] is None or top[-2] is None:
        raise UnsafePickle(
            f"{name}: computes the name of a global while it is loaded: made to mislead"
        )
    return f"{top[-2]}.{top[-1]}"
