"""Reads TensorFlow's GraphDef (``.pb``) without TensorFlow: the nodes of a frozen graph and the numbers in it.

Tensors stay in the file's bytes until they are needed. Of a graph of 95 MB in a mapped file, only the parts that are
used are read. The field numbers are those of TensorFlow's ``graph.proto``, ``node_def.proto``, ``attr_value.proto``,
``tensor.proto`` and ``tensor_shape.proto``.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.inception_v3.graph_2015.wire import (
    CutShortError,
    WireError,
    fields,
    integers,
    message,
    repeated,
    signed,
    single,
    text,
)

_NODE, _VERSION = 1, 3
_OTHER_FIELDS = {2, _VERSION, 4, 5}  # library, version, versions, debug_info
_FLOAT32 = struct.Struct("<f")
_FLOAT, _INT32 = 1, 3  # DataType
_OTHER_TYPES = {2: "float64", 14: "bfloat16", 19: "float16"}
_MOST_NUMBERS = 1 << 26
"""In one tensor: a few bytes may ask for any number of them; Inception-v3's largest kernel has 1.5 million."""

_HEAD = 4096
_LONGEST = 80

_NO_WEIGHTS = "is not a Keras .h5 weights file, and no frozen TensorFlow graph (.pb) either"
_DAMAGED = "is damaged: its parts do not fit together"
_BEGINNINGS = (
    (rb"\x1f\x8b|PK\x03\x04", "is an archive: unpack it and look for the .pb inside"),
    (rb"\x08\x01\x12", "is a SavedModel, not a frozen graph"),
    (rb"\s*(#[^\n]*\n\s*)*(node|library|versions)\s*\{", "is a graph in text form (.pbtxt), not a binary one (.pb)"),
)


class GraphError(ValueError):
    """A graph cannot be read or is not as it should be. The message follows the file's name in a sentence."""


@dataclass(frozen=True)
class Node:
    """One node of a graph.

    Attributes:
        name: unique in the graph.
        op: its operation, such as ``Conv2D``.
        inputs: the nodes whose output it takes, in order, without those that it only waits for.
        attributes: name to undecoded ``AttrValue``.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, memoryview]

    def text(self, name: str) -> str:
        """An attribute of characters; empty if there is none."""
        return text(single(self._attribute(name), 2))

    def number(self, name: str) -> float:
        """A float attribute; 0 if there is none."""
        found = message(single(self._attribute(name), 4))
        return float(_FLOAT32.unpack(found)[0]) if len(found) == _FLOAT32.size else 0.0

    def flag(self, name: str) -> bool:
        """A boolean attribute; False if there is none."""
        return signed(single(self._attribute(name), 5)) != 0

    def integers(self, name: str) -> tuple[int, ...]:
        """An attribute that lists integers; empty if there is none."""
        return tuple(integers(message(single(self._attribute(name), 1)), 3))

    def tensor(self) -> NDArray[Any]:
        """The value of a ``Const``: float32 or int32, read-only, a view into the file where it can be.

        Raises:
            GraphError: it is not a constant, has another type, or its numbers do not fit its shape.
        """
        if self.op != "Const":
            raise GraphError(f"is not frozen: {shown(self.name)} is a {shown(self.op)}, not a constant")
        data = message(single(self._attribute("value"), 8))
        kind = signed(single(data, 1))
        if kind not in (_FLOAT, _INT32):
            named = _OTHER_TYPES.get(kind, f"TensorFlow's type {kind}")
            raise GraphError(f"does not hold float32 numbers: {shown(self.name)} is of {named}")
        sizes = repeated(message(single(data, 2)), 2)
        shape = tuple(signed(single(message(size), 1)) for size in sizes)
        if min(shape, default=0) < 0 or math.prod(shape) > _MOST_NUMBERS:
            raise GraphError(f"is damaged: {shown(self.name)} claims the shape {shown(str(list(shape)))}")
        values = _numbers(data, kind)
        if len(values) > math.prod(shape):
            raise GraphError(f"is damaged: {shown(self.name)} holds {len(values)} numbers in shape {list(shape)}")
        return _filled(values, math.prod(shape)).reshape(shape)

    def _attribute(self, name: str) -> memoryview:
        return self.attributes.get(name, memoryview(b""))


def read_nodes(data: bytes | memoryview) -> dict[str, Node]:
    """Reads the nodes of a graph.

    Args:
        data: the file.

    Returns:
        Name to node.

    Raises:
        GraphError: it is another kind of file, damaged, or cut short.
    """
    _check_beginning(bytes(data[:_HEAD]))
    nodes: dict[str, Node] = {}
    try:
        for number, value in fields(memoryview(data)):
            if number == _NODE:
                node = _node(message(value))
                if nodes.setdefault(node.name, node) is not node:
                    raise GraphError(_DAMAGED)
            elif number not in _OTHER_FIELDS or isinstance(value, int) != (number == _VERSION):
                raise GraphError(_DAMAGED)
    except (GraphError, WireError) as error:
        if not nodes:
            raise GraphError(_NO_WEIGHTS) from error
        why = "cut short" if isinstance(error, CutShortError) else "damaged"
        raise GraphError(f"is {why}: of a graph, its first {len(nodes)} nodes can be read and no more") from error
    if not nodes:
        raise GraphError(_NO_WEIGHTS)
    return nodes


def shown(name: str) -> str:
    """A text from a file, made fit for a message: printable, in one line, and short."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def _check_beginning(head: bytes) -> None:
    """Raises GraphError if a file's first bytes are those of another kind of file."""
    if not head:
        raise GraphError("is empty: it was cut short, or never written")
    for pattern, what in _BEGINNINGS:
        if re.match(pattern, head):
            raise GraphError(what)


def _node(data: memoryview) -> Node:
    try:
        inputs = [text(value).removesuffix(":0") for value in repeated(data, 3)]
        entries = [message(value) for value in repeated(data, 5)]
        attributes = {text(single(entry, 1)): message(single(entry, 2)) for entry in entries}
        taken = tuple(name for name in inputs if not name.startswith("^"))
        node = Node(text(single(data, 1)), text(single(data, 2)), taken, attributes)
    except WireError as error:  # not the file is cut short then: the node is whole
        raise GraphError(_DAMAGED) from error
    if not node.name or not node.op:
        raise GraphError(_DAMAGED)
    return node


def _numbers(data: memoryview, kind: int) -> NDArray[Any]:
    """What a ``TensorProto`` holds, flat: its raw content, or else its list of values."""
    if kind == _INT32 and not single(data, 4):
        return np.array([value & 0xFFFFFFFF for value in integers(data, 7)], np.uint32).view(np.int32)
    content = message(single(data, 4)) or b"".join(message(value) for value in repeated(data, 5))
    if len(content) % _FLOAT32.size:
        raise GraphError("is damaged: a tensor ends within a number")
    return np.frombuffer(content, "<f4" if kind == _FLOAT else "<i4")


def _filled(values: NDArray[Any], count: int) -> NDArray[Any]:
    """Too few numbers are filled up with the last one, none at all with zeros: TensorFlow's short forms."""
    last = values[-1:] if len(values) else np.zeros(1, values.dtype)
    return values if len(values) == count else np.concatenate([values, np.repeat(last, count - len(values))])
