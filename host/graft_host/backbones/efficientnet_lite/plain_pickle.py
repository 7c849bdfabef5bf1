"""Reads pickles of plain values without running them: nothing that a pickle names is imported or called.

``pickle.Unpickler`` calls and changes what a file names, and can be made to take gigabytes. Here ``pickletools``
splits the bytes into operations, and the few that plain values need are carried out on tuples, lists and dicts.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from graft_device.text import printable

_SHOWN = 80  # characters of a name in a message

_IGNORED = {"PROTO", "FRAME"}
_VALUES = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class PickleError(ValueError):
    """The bytes are no pickle, or it does or names something that plain values do not need."""


@dataclass(frozen=True)
class Name:
    """Something of a module that a pickle names.

    Attributes:
        module: the module's name.
        name: its name in the module.
    """

    module: str
    name: str


@dataclass(frozen=True)
class Meaning:
    """What a pickle may name, and what happens in place of it.

    Attributes:
        kinds: names that stay names, for ``persistent``.
        calls: for each name that may be called, what computes the value from the tuple of arguments.
        persistent: computes the value of a persistent identifier.
    """

    kinds: frozenset[Name]
    calls: Mapping[Name, Callable[[tuple[Any, ...]], Any]]
    persistent: Callable[[Any], Any]


NOTHING = Meaning(frozenset(), {}, lambda _: refuse("it has a persistent identifier"))
"""For pickles of numbers, strings, tuples, lists and dicts."""


def refuse(why: str) -> Any:
    """Raises PickleError."""
    raise PickleError(why)


def read_pickle(file: BinaryIO, meaning: Meaning = NOTHING) -> Any:
    """Reads one pickle of protocol 2 to 5, and leaves the file behind its end.

    Args:
        file: bytes in memory, so that a length in it cannot ask for more than there is.
        meaning: what the pickle may name.

    Raises:
        PickleError: it is damaged, or holds anything else.
    """
    machine = _Machine(meaning)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the text of an operation that is refused next
            for operation, argument, _ in pickletools.genops(file):
                machine.do(operation.name, argument)
        return machine.pop()
    except PickleError:
        raise
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise PickleError("it is damaged") from error


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, meaning: Meaning) -> None:
        self._meaning = meaning
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._operations: dict[str, Callable[[Any], None]] = {
            "MARK": lambda _: self._marks.append(len(self._stack)),
            "TUPLE": lambda _: self._stack.append(tuple(self._marked())),
            "APPEND": lambda _: self._extend([self.pop()]),
            "APPENDS": lambda _: self._extend(self._marked()),
            "SETITEM": lambda _: self._update([self.pop(), self.pop()][::-1]),
            "SETITEMS": lambda _: self._update(self._marked()),
            "BINPUT": self._put,
            "LONG_BINPUT": self._put,
            "MEMOIZE": lambda _: self._put(len(self._memo)),
            "BINGET": lambda index: self._stack.append(self._memo[index]),
            "LONG_BINGET": lambda index: self._stack.append(self._memo[index]),
            "GLOBAL": lambda both: self._name(*both.split(" ", 1)),
            "STACK_GLOBAL": lambda _: self._name(*[self.pop(), self.pop()][::-1]),
            "REDUCE": lambda _: self._call(self.pop(), self.pop()),
            "BUILD": lambda _: self._build(self.pop()),
            "BINPERSID": lambda _: self._stack.append(self._meaning.persistent(self.pop())),
            "STOP": lambda _: None,
        }

    def do(self, operation: str, argument: Any) -> None:
        """Carries out one operation."""
        if operation in _IGNORED:
            return
        if operation in _VALUES:
            self._stack.append(argument)
        elif operation in _CONSTANTS:
            self._stack.append(_CONSTANTS[operation])
        elif operation in _EMPTY:
            self._stack.append(_EMPTY[operation]())
        elif operation in _TUPLES:
            self._stack.append(tuple([self.pop() for _ in range(_TUPLES[operation])][::-1]))
        elif operation in self._operations:
            self._operations[operation](argument)
        else:
            refuse(f"its pickle has the operation {operation}, which no weights need")

    def pop(self) -> Any:
        """The last value, which is taken off the stack; raises IndexError if there is none."""
        if self._marks and len(self._stack) <= self._marks[-1]:
            raise IndexError
        return self._stack.pop()

    def _marked(self) -> list[Any]:
        """The values after the last mark, which are taken off the stack."""
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _extend(self, values: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            refuse("it adds to something that is not a list")
        self._stack[-1].extend(values)

    def _update(self, pairs: list[Any]) -> None:
        target, keys = self._stack[-1], pairs[::2]
        if type(target) is not dict or len(pairs) % 2 or not all(type(key) in {str, int} for key in keys):
            refuse("it has a dict with keys that are not plain")
        target.update(zip(keys, pairs[1::2], strict=True))

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            refuse("it names something by values that are not text")
        wanted = Name(module, name)
        if wanted not in self._meaning.kinds and wanted not in self._meaning.calls:
            refuse(f"it names {printable(f'{module}.{name}'[:_SHOWN])}, which no weights need")
        self._stack.append(wanted)

    def _call(self, arguments: Any, name: Any) -> None:
        if type(name) is not Name or name not in self._meaning.calls or type(arguments) is not tuple:
            refuse("it calls something that no weights need")
        self._stack.append(self._meaning.calls[name](arguments))

    def _build(self, _: Any) -> None:
        """Attributes are not set: PyTorch's only ones are the versions of modules."""
        if type(self._stack[-1]) is not dict:
            refuse("it sets attributes of something that is not a dict")
