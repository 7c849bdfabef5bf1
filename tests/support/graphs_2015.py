"""Frozen graphs like the release of 2015 in a few kilobytes: all elements of a constant are the same number.

Layout and encoding are written independently of graftkit's own code, from the release's node names and the paper.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

FLOAT, INT32, UINT8, STRING, HALF = 1, 3, 4, 7, 19  # DataType
BLOCKS = ("mixed", *(f"mixed_{number}" for number in range(1, 11)))


@dataclass(frozen=True)
class Type:
    """A DataType, whose encoding differs from an integer's."""

    number: int


@dataclass(frozen=True)
class Tensor:
    """A constant, from a list of values or from raw content."""

    shape: tuple[int, ...]
    values: Sequence[float] = ()
    content: bytes = b""
    kind: int = FLOAT
    packed: bool = True

    def encoded(self) -> bytes:
        listed = b""
        if self.kind == FLOAT:
            data = [struct.pack("<f", value) for value in self.values]
            listed = (
                entry(5, b"".join(data)) if self.packed else b"".join(varint(5 << 3 | 5) + number for number in data)
            )
            listed = listed if data else b""
        elif self.values:
            listed = entry(7, b"".join(varint(int(value)) for value in self.values))
        shape = b"".join(entry(2, entry(1, size)) for size in self.shape)
        return entry(1, self.kind) + entry(2, shape) + (entry(4, self.content) if self.content else b"") + listed


@dataclass
class Node:
    name: str
    op: str
    inputs: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)

    def encoded(self) -> bytes:
        parts = [entry(1, self.name.encode()), entry(2, self.op.encode())]
        parts += [entry(3, name.encode()) for name in self.inputs]
        for key, value in self.attributes.items():
            parts.append(entry(5, entry(1, key.encode()) + entry(2, _attribute(value))))
        return b"".join(parts)


def varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def entry(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def _attribute(value: Any) -> bytes:
    if isinstance(value, float):
        return varint(4 << 3 | 5) + struct.pack("<f", value)
    encoders: dict[type, Callable[[], tuple[int, int | bytes]]] = {
        str: lambda: (2, value.encode()),
        int: lambda: (3, value),
        bool: lambda: (5, int(value)),
        list: lambda: (1, entry(3, b"".join(map(varint, value)))),
        Type: lambda: (6, value.number),
        Tensor: lambda: (8, value.encoded()),
    }
    return entry(*encoders[type(value)]())


class Release:
    """The nodes of the release by name; a test changes them and then writes them.

    Convolution number i has kernel i + 0.25, beta i + 0.5, mean i + 0.75 and variance i + 1, gamma is 1000.
    """

    def __init__(self, last: str = "mixed_10") -> None:
        self.nodes: dict[str, Node] = {}
        self.convolutions: list[str] = []
        self.shapes: list[tuple[int, ...]] = []
        self._pixels()
        end, width = self._stem()
        for scope in BLOCKS[: BLOCKS.index(last) + 1]:
            end, width = self._block(scope, end, width)
        if last == "mixed_10":
            self.add("pool_3", "AvgPool", end, T=Type(FLOAT), ksize=[1, 8, 8, 1], strides=[1] * 4, padding="VALID")
            self.constant("pool_3/_reshape/shape", Tensor((2,), (1, 2048), kind=INT32))
            self.add("pool_3/_reshape", "Reshape", "pool_3", "pool_3/_reshape/shape", T=Type(FLOAT))

    def add(self, name: str, op: str, *inputs: str, **attributes: Any) -> str:
        self.nodes[name] = Node(name, op, list(inputs), attributes)
        return name

    def constant(self, name: str, tensor: Tensor) -> str:
        return self.add(name, "Const", dtype=Type(tensor.kind), value=tensor)

    def convolution(self, name: str, source: str, shape: tuple[int, ...], step: int = 1, padding: str = "SAME") -> str:
        number = len(self.convolutions)
        self.convolutions.append(name)
        self.shapes.append(shape)
        norm = f"{name}/batchnorm"
        self.constant(f"{name}/conv2d_params", Tensor(shape, (number + 0.25,)))
        self.add(
            f"{name}/Conv2D", "Conv2D", source, f"{name}/conv2d_params",
            T=Type(FLOAT), strides=[1, step, step, 1], padding=padding, use_cudnn_on_gpu=True,
        )  # fmt: skip
        values = {"beta": number + 0.5, "gamma": 1000.0, "moving_mean": number + 0.75, "moving_variance": number + 1.0}
        for key, value in values.items():
            self.constant(f"{norm}/{key}", Tensor(shape[3:], (value,)))
        order = [f"{norm}/{key}" for key in ("moving_mean", "moving_variance", "beta", "gamma")]
        self.add(
            norm, "BatchNormWithGlobalNormalization", f"{name}/Conv2D", *order,
            T=Type(FLOAT), variance_epsilon=0.001, scale_after_normalization=False,
        )  # fmt: skip
        return self.add(name, "Relu", self._checked(name, norm), T=Type(FLOAT))

    def pool(self, name: str, source: str, op: str, step: int, padding: str) -> str:
        source = self._checked(name, source)  # as the release has it
        return self.add(
            name, op, source, T=Type(FLOAT), ksize=[1, 3, 3, 1], strides=[1, step, step, 1], padding=padding
        )

    def encoded(self) -> bytes:
        versions = entry(4, entry(1, 8))
        return b"".join(entry(1, node.encoded()) for node in self.nodes.values()) + versions

    def write(self, path: Path) -> Path:
        path.write_bytes(self.encoded())
        return path

    def _checked(self, name: str, source: str) -> str:
        self.add(f"{name}/CheckNumerics", "CheckNumerics", source, T=Type(FLOAT), message=source)
        return self.add(f"{name}/control_dependency", "Identity", source, f"^{name}/CheckNumerics", T=Type(FLOAT))

    def _pixels(self) -> None:
        self.constant("DecodeJpeg/contents", Tensor((), kind=STRING))
        self.add("DecodeJpeg", "DecodeJpeg", "DecodeJpeg/contents", channels=3)
        self.add("Cast", "Cast", "DecodeJpeg", SrcT=Type(UINT8), DstT=Type(FLOAT))
        self.constant("ExpandDims/dim", Tensor((), (0,), kind=INT32))
        self.add("ExpandDims", "ExpandDims", "Cast", "ExpandDims/dim", T=Type(FLOAT))
        self.constant("ResizeBilinear/size", Tensor((2,), (299, 299), kind=INT32))
        self.add("ResizeBilinear", "ResizeBilinear", "ExpandDims", "ResizeBilinear/size", T=Type(FLOAT))
        self.constant("Sub/y", Tensor((), (128.0,)))
        self.add("Sub", "Sub", "ResizeBilinear", "Sub/y", T=Type(FLOAT))
        self.constant("Mul/y", Tensor((), (1 / 128,)))
        self.add("Mul", "Mul", "Sub", "Mul/y", T=Type(FLOAT))

    def _stem(self) -> tuple[str, int]:
        end = self.convolution("conv", "Mul", (3, 3, 3, 32), 2, "VALID")
        end = self.convolution("conv_1", end, (3, 3, 32, 32), 1, "VALID")
        end = self.convolution("conv_2", end, (3, 3, 32, 64))
        end = self.pool("pool", end, "MaxPool", 2, "VALID")
        end = self.convolution("conv_3", end, (1, 1, 64, 80), 1, "VALID")
        end = self.convolution("conv_4", end, (3, 3, 80, 192), 1, "VALID")
        return self.pool("pool_1", end, "MaxPool", 2, "VALID"), 192

    def _chain(
        self, scope: str, source: str, width: int, kernels: Iterable[tuple[int, int, int]], halved: bool = False
    ) -> tuple[str, int]:
        """Convolutions in sequence; with ``halved``, the last one has stride 2."""
        kernels = list(kernels)
        for number, (height, breadth, filters) in enumerate(kernels):
            name = f"{scope}/conv_{number}" if number else f"{scope}/conv"
            last = halved and number == len(kernels) - 1
            step, padding = (2, "VALID") if last else (1, "SAME")
            source = self.convolution(name, source, (height, breadth, width, filters), step, padding)
            width = filters
        return source, width

    def _block(self, scope: str, start: str, width: int) -> tuple[str, int]:
        number = BLOCKS.index(scope)
        if number in {3, 8}:
            ends = self._reduction(scope, start, width)
        elif number < 3:
            ends = self._towers(scope, start, width, [
                [(1, 1, 64)], [(1, 1, 48), (5, 5, 64)], [(1, 1, 64), (3, 3, 96), (3, 3, 96)],
            ])  # fmt: skip
            ends.append(self._pooled(scope, start, width, 64 if number else 32))
        elif number < 8:
            n = {4: 128, 5: 160, 6: 160, 7: 192}[number]
            ends = self._towers(scope, start, width, [
                [(1, 1, 192)], [(1, 1, n), (1, 7, n), (7, 1, 192)],
                [(1, 1, n), (7, 1, n), (1, 7, n), (7, 1, n), (1, 7, 192)],
            ])  # fmt: skip
            ends.append(self._pooled(scope, start, width, 192))
        else:
            ends = [self._chain(scope, start, width, [(1, 1, 320)])]
            for tower, kernels in (("tower", [(1, 1, 384)]), ("tower_1", [(1, 1, 448), (3, 3, 384)])):
                fork, _ = self._chain(f"{scope}/{tower}", start, width, kernels)
                inner = f"{scope}/{tower}/mixed/conv"
                ends.append((self.convolution(inner, fork, (1, 3, 384, 384)), 384))
                ends.append((self.convolution(f"{inner}_1", fork, (3, 1, 384, 384)), 384))
            ends.append(self._pooled(scope, start, width, 192, "AvgPool" if number == 9 else "MaxPool"))
        self.constant(f"{scope}/join/concat_dim", Tensor((), (3,), kind=INT32))
        inputs = [f"{scope}/join/concat_dim", *(name for name, _ in ends)]
        join = self.add(f"{scope}/join", "Concat", *inputs, T=Type(FLOAT), N=len(ends))
        return join, sum(channels for _, channels in ends)

    def _towers(
        self, scope: str, start: str, width: int, towers: list[list[tuple[int, int, int]]]
    ) -> list[tuple[str, int]]:
        names = (scope, f"{scope}/tower", f"{scope}/tower_1")
        return [self._chain(name, start, width, kernels) for name, kernels in zip(names, towers)]

    def _pooled(self, scope: str, start: str, width: int, filters: int, op: str = "AvgPool") -> tuple[str, int]:
        pool = self.pool(f"{scope}/tower_2/pool", start, op, 1, "SAME")
        return self._chain(f"{scope}/tower_2", pool, width, [(1, 1, filters)])

    def _reduction(self, scope: str, start: str, width: int) -> list[tuple[str, int]]:
        if scope == "mixed_3":
            ends = [
                self._chain(scope, start, width, [(3, 3, 384)], halved=True),
                self._chain(f"{scope}/tower", start, width, [(1, 1, 64), (3, 3, 96), (3, 3, 96)], halved=True),
            ]
        else:
            deep = [(1, 1, 192), (1, 7, 192), (7, 1, 192), (3, 3, 192)]
            ends = [
                self._chain(f"{scope}/tower", start, width, [(1, 1, 192), (3, 3, 320)], halved=True),
                self._chain(f"{scope}/tower_1", start, width, deep, halved=True),
            ]
        return [*ends, (self.pool(f"{scope}/pool", start, "MaxPool", 2, "VALID"), width)]
