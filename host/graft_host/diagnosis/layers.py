"""Pairs the layers of a quantized network with those of its float32 counterpart.

Both files come from one Keras network, but the converter may name and order tensors as it likes. So both graphs are
walked backwards from the bottleneck, operator by operator: the inputs of an operator keep their order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from graft_device.errors import ExportError, ModelError
from graft_host.support import flatbuffer
from graft_host.tflite.graph_editor import HEAD_BIAS, HEAD_WEIGHTS

_PASSED_OVER = {"QUANTIZE", "DEQUANTIZE"}
"""Operators that change how numbers are stored, not what they represent."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One tensor of the backbone, in both files.

    Attributes:
        name: Keras's name of the layer, such as ``conv2d_5`` or ``mixed0``; ``pixels`` and ``bottleneck`` at the ends.
        operator: the operator that computes it, such as ``CONV_2D``; ``INPUT`` for the pixels.
        quantized: its index in the quantized file.
        exact: its index in the float32 file.
        inputs: the layers that it is computed from, as places in the list of layers.
    """

    name: str
    operator: str
    quantized: int
    exact: int
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class HeadTensors:
    """The tensors of the head in a fused file, by index.

    Attributes:
        weights: ``[K,D]``.
        bias: ``[K]``.
        bottleneck: the input of the head, ``[1,D]``.
        logits: the output of the head, ``[1,K]``.
    """

    weights: int
    bias: int
    bottleneck: int
    logits: int


def line_up(fused: Any, reference: Any, tap: str, name: str) -> tuple[Layer, ...]:
    """Pairs the tensors of a fused file's backbone with those of a float32 backbone.

    Args:
        fused: a ``schema.ModelT``, backbone and head.
        reference: a ``schema.ModelT`` of the same backbone alone.
        tap: the layer that the bottleneck is taken from.
        name: name of the fused file in errors.

    Returns:
        The layers in the order of computation, the pixels first and the bottleneck last.

    Raises:
        ModelError: the file has no head.
        ExportError: the two are different networks.
    """
    pairs = _Pairs(_Graph(fused), _Graph(reference), name)
    try:
        pairs.place(find_head(fused, name).bottleneck, int(reference.subgraphs[0].outputs[0]))
        return _with_names(pairs.layers, pairs.written, tap)
    except (IndexError, RecursionError) as error:  # a graph of another structure
        raise ExportError(
            f"{name} cannot be compared with the float32 network of its card: its layers are not those of a backbone",
            "train the model again with this version of graftkit",
        ) from error


def find_head(fused: Any, name: str) -> HeadTensors:
    """Finds the head of a fused file by the names that ``fuse`` gives its tensors.

    Raises:
        ModelError: there is none; the message calls the file ``name``.
    """
    graph = fused.subgraphs[0]
    places = {tensor.name: index for index, tensor in enumerate(graph.tensors)}
    weights, bias = places.get(HEAD_WEIGHTS), places.get(HEAD_BIAS)
    if weights is not None and bias is not None:
        for operator in graph.operators:
            if weights in operator.inputs and bias in operator.inputs:
                return HeadTensors(weights, bias, _Graph(fused).source(operator.inputs[0]), int(operator.outputs[0]))
    raise ModelError(f"{name} has no head separate from its backbone", "make the file with 'graft train'")


class _Graph:
    """The one subgraph of a file, walked from its end."""

    def __init__(self, model: Any) -> None:
        graph = model.subgraphs[0]
        self.tensors = graph.tensors
        self._codes = model.operatorCodes
        self._buffers = model.buffers
        self._producers = {int(output): operator for operator in graph.operators for output in operator.outputs}

    def operator(self, tensor: int) -> str:
        """The operator that computes a tensor; ``INPUT`` if none does."""
        made_by = self._producers.get(tensor)
        return "INPUT" if made_by is None else flatbuffer.operator_name(self._codes[made_by.opcodeIndex])

    def source(self, tensor: int) -> int:
        """The tensor itself, or the tensor that was requantized to give it."""
        while self.operator(int(tensor)) in _PASSED_OVER:
            tensor = self._producers[int(tensor)].inputs[0]
        return int(tensor)

    def inputs(self, tensor: int) -> list[int]:
        """The tensors that a tensor is computed from, except the constants in the file."""
        made_by = self._producers.get(tensor)
        used = [] if made_by is None else [int(i) for i in made_by.inputs if i >= 0]
        return [self.source(i) for i in used if not self._constant(i)]

    def _constant(self, tensor: int) -> bool:
        data = self._buffers[self.tensors[tensor].buffer].data
        return data is not None and len(data) > 0

    def shape(self, tensor: int) -> list[int]:
        return flatbuffer.shape(self.tensors[tensor])


class _Pairs:
    """Pairs the tensors of two graphs, starting at their ends."""

    def __init__(self, quantized: _Graph, exact: _Graph, name: str) -> None:
        self.layers: list[Layer] = []
        self.written: list[str] = []
        self._quantized, self._exact, self._name = quantized, exact, name
        self._places: dict[tuple[int, int], int] = {}

    def place(self, quantized: int, exact: int) -> int:
        """The place of a pair in ``layers``, which is after the pairs that it is computed from."""
        known = self._places.get((quantized, exact))
        if known is not None:
            return known
        ours, theirs = self._quantized, self._exact
        inputs, others = ours.inputs(quantized), theirs.inputs(exact)
        same = ours.operator(quantized) == theirs.operator(exact) and ours.shape(quantized) == theirs.shape(exact)
        if not same or len(inputs) != len(others):
            raise ExportError(
                f"{self._name} cannot be compared with the float32 network of its card: where one has "
                f"{ours.operator(quantized)} {ours.shape(quantized)}, the other has {theirs.operator(exact)} "
                f"{theirs.shape(exact)}",
                "train the model again with this version of graftkit",
            )
        sources = tuple(self.place(a, b) for a, b in zip(inputs, others, strict=True))
        self.layers.append(
            Layer(name="", operator=ours.operator(quantized), quantized=quantized, exact=exact, inputs=sources)
        )
        self.written.append(_text(theirs.tensors[exact].name))
        self._places[quantized, exact] = len(self.layers) - 1
        return len(self.layers) - 1


def _with_names(layers: list[Layer], written: list[str], tap: str) -> tuple[Layer, ...]:
    """Names the layers as Keras does, using the names that the converter wrote.

    The converter writes the path of each operation that it merged, such as
    ``net/activation_5_1/Relu;net/conv2d_5_1/convolution;…``, and may add a number to every part of a path. Whether it
    did so is visible at the tap, whose name is known.
    """
    tap_place = layers[-1].inputs[0]
    numbered = re.fullmatch(rf"{re.escape(tap)}_\d+", _part(written[tap_place], layers[tap_place].operator)) is not None
    named = []
    for layer, path in zip(layers, written, strict=True):
        part = _part(path, layer.operator)
        named.append(replace(layer, name=re.sub(r"_\d+$", "", part) if numbered else part))
    named[-1] = replace(named[-1], name="bottleneck")
    return tuple(replace(layer, name="pixels") if layer.operator == "INPUT" else layer for layer in named)


def _part(path: str, operator: str) -> str:
    """The layer in a tensor's name: of a convolution the part that names it, else the part before the operation."""
    paths = [each.split("/") for each in path.split(";")]
    if operator == "CONV_2D":
        paths = [each for each in paths if any(part.startswith("conv2d") for part in each)] or paths
    return paths[0][-2] if len(paths[0]) > 1 else path


def _text(name: bytes | str) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
