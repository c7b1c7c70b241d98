"""Read the value of a pickle without an unpickler: plain values, and inert records for the rest.

An interpreter of the opcodes that can import nothing and call nothing: what a pickle wants built
is handed to ``build``, which knows a few constructors as data (:mod:`vaehub.weights.pickled`).
Neither are keys of maps hashed that could be nested, nor is anything compared or printed: a pickle
of a few kilobytes can make each of these take for ever or overflow the stack of C.

Memory: at most :data:`~vaehub.weights.pickle_walk.LARGEST_PICKLE` bytes of strings, and about a
hundred bytes for each of at most :data:`~vaehub.weights.pickle_walk.MOST_OPCODES` opcodes.
The opcodes are described in Python's ``pickletools``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaehub.errors import NotAModel, UnsafePickle
from vaehub.weights.pickle_walk import MOST_OPCODES, opcodes
from vaehub.weights.pickles import HINT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from vaehub.weights.pickle_walk import Budgeted

_VALUES = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "BYTEARRAY8"),
    }
)
"""Opcodes whose argument is the value."""
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Name:
    """A global that the pickle names; never looked up. Equal to nothing but itself."""

    __slots__ = ("full",)

    def __init__(self, full: str) -> None:
        self.full = full


class Inert:
    """What the pickle builds and we do not: swallows whatever is put into it."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind


class _Mark:
    """Divides the stack; never a value."""


_MARK = _Mark()
_PLAIN_KEYS = (str, float, bytes, type(None), Name)


def read_value(
    file: IO[bytes] | Budgeted,
    *,
    name: str,
    build: Callable[[str, tuple[Any, ...]], object],
    persistent: Callable[[object], object],
) -> object:
    """Read one pickle up to its STOP.

    Args:
        file: at the pickle's first byte; left behind its last.
        name: what to call the file in messages.
        build: makes a value of a global's full name and the arguments it would be called with.
        persistent: makes a value of a persistent id.

    Returns:
        Plain values, :class:`Name`, :class:`Inert`, and what ``build`` and ``persistent`` made.

    Raises:
        NotAModel: this is no pickle that a pickler wrote.
        UnsafePickle: it calls what it made itself, or changes what is made already.
    """
    machine = _Machine(name, build, persistent)
    for count, (opcode, argument, _) in enumerate(opcodes(file, name=name)):
        if count >= MOST_OPCODES:
            raise NotAModel(f"{name}: the pickle in it never seems to end")
        machine.step(opcode, argument)
    return machine.pop()


class _Machine:
    """The stack and the memo of an unpickler."""

    def __init__(
        self,
        name: str,
        build: Callable[[str, tuple[Any, ...]], object],
        persistent: Callable[[object], object],
    ) -> None:
        self._name = name
        self._build = build
        self._persistent = persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, opcode: str, argument: Any) -> None:
        """Do what one opcode says."""
        stack = self._stack
        if opcode in _VALUES:
            stack.append(argument)
        elif opcode in _CONSTANTS:
            stack.append(_CONSTANTS[opcode])
        elif opcode in _TUPLES:
            stack.append(self._pop_many(_TUPLES[opcode]))
        else:
            self._step_further(opcode, argument)

    def _step_further(self, opcode: str, argument: Any) -> None:
        stack = self._stack
        match opcode:
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[int(argument)] = self._top()
            case "MEMOIZE":
                self._memo[len(self._memo)] = self._top()
            case "GET" | "BINGET" | "LONG_BINGET":
                if int(argument) not in self._memo:
                    raise self._damaged("it fetches what it never put down")
                stack.append(self._memo[int(argument)])
            case "MARK":
                stack.append(_MARK)
            case "POP":
                if not stack:
                    raise self._damaged("its stack runs empty")
                stack.pop()
            case "POP_MARK":
                self._since_mark()
            case "DUP":
                stack.append(self._top())
            case "TUPLE":
                stack.append(tuple(self._since_mark()))
            case "EMPTY_LIST":
                stack.append([])
            case "LIST":
                stack.append(self._since_mark())
            case "EMPTY_DICT":
                stack.append({})
            case "DICT":
                items = self._since_mark()
                stack.append({})
                self._set_items(items)
            case "EMPTY_SET":
                stack.append(Inert("set"))
            case "FROZENSET":
                self._since_mark()
                stack.append(Inert("frozenset"))
            case "APPEND":
                self._append([self.pop()])
            case "APPENDS":
                self._append(self._since_mark())
            case "ADDITEMS":
                self._since_mark()
                if not isinstance(self._top(), Inert):
                    raise self._damaged("it adds to what is no set")
            case "SETITEM":
                self._set_items(list(self._pop_many(2)))
            case "SETITEMS":
                self._set_items(self._since_mark())
            case "PERSID":
                stack.append(self._persistent(argument))
            case "BINPERSID":
                stack.append(self._persistent(self.pop()))
            case "PROTO" | "FRAME" | "STOP":
                pass
            case _:
                self._construct(opcode, argument)

    def _construct(self, opcode: str, argument: Any) -> None:
        """Do what an unpickler would import or call something for."""
        stack = self._stack
        match opcode:
            case "GLOBAL":
                stack.append(Name(argument.replace(" ", ".", 1)))
            case "STACK_GLOBAL":
                module, attribute = self._pop_many(2)
                if not isinstance(module, str) or not isinstance(attribute, str):
                    raise self._damaged("a global's name is no text")
                stack.append(Name(f"{module}.{attribute}"))
            case "REDUCE" | "NEWOBJ":
                called, arguments = self._pop_many(2)
                stack.append(self._call(called, arguments))
            case "NEWOBJ_EX":
                called, arguments, options = self._pop_many(3)
                made = self._call(called, arguments)
                stack.append(Inert(called.full) if options else made)
            case "INST":
                items = self._since_mark()
                stack.append(self._call(Name(argument.replace(" ", ".", 1)), tuple(items)))
            case "OBJ":
                items = self._since_mark()
                if not items:
                    raise self._damaged("its stack runs empty")
                stack.append(self._call(items[0], tuple(items[1:])))
            case "BUILD":
                self.pop()
                # A state dict's OrderedDict carries its versions like this.
                if not isinstance(self._top(), Inert | dict):
                    raise UnsafePickle(
                        f"{self._name}: its pickle changes a value after it was made, which no "
                        "checkpoint of weights does: made to mislead",
                        hint=HINT,
                    )
            case _:
                raise self._damaged(f"no checkpoint has the opcode {opcode}")

    def _call(self, called: object, arguments: object) -> object:
        if not isinstance(called, Name):
            raise UnsafePickle(
                f"{self._name}: its pickle calls something it made itself: made to mislead",
                hint=HINT,
            )
        if not isinstance(arguments, tuple):
            raise self._damaged(f"{called.full[:80]!r} is called without a tuple of arguments")
        return self._build(called.full, arguments)

    def _append(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, list):
            target.extend(items)
        elif not isinstance(target, Inert):
            raise self._damaged("it appends to what is no list")

    def _set_items(self, items: list[Any]) -> None:
        target = self._top()
        if len(items) % 2:
            raise self._damaged("a key has no value")
        if isinstance(target, Inert):
            return
        if not isinstance(target, dict):
            raise self._damaged("it sets an item of what is no map")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, str) and key in target:
                raise NotAModel(
                    f"{self._name}: the key {key[:80]!r} stands there twice in one map, and no "
                    "pickler writes that: which of the two is meant, nobody can say"
                )
            target[key if _is_plain(key) else Inert(type(key).__name__)] = value

    def pop(self) -> Any:
        """Take the topmost value."""
        value = self._top()
        self._stack.pop()
        return value

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise self._damaged("its stack runs empty")
        return self._stack[-1]

    def _pop_many(self, count: int) -> tuple[Any, ...]:
        return tuple([self.pop() for _ in range(count)][::-1])

    def _since_mark(self) -> list[Any]:
        stack = self._stack
        for at in range(len(stack) - 1, -1, -1):
            if stack[at] is _MARK:
                items = stack[at + 1 :]
                del stack[at:]
                return items
        raise self._damaged("a mark is missing")

    def _damaged(self, what: str) -> NotAModel:
        return NotAModel(f"{self._name}: the pickle in it is damaged ({what})")


def _is_plain(key: object) -> bool:
    """Say whether a key is hashed in no time."""
    return isinstance(key, _PLAIN_KEYS) or (isinstance(key, int) and key.bit_length() <= 64)
