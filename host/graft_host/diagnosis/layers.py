"""Pairs the tensors of a quantized network with the layers of its family's description.

What wrote the file may name and order tensors as it likes, so its graph is walked backwards from the bottleneck,
operator by operator: the inputs of an operator keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ExportError, ModelError
from graft_host.networks.layers import (
    Addition,
    AveragePool,
    Concatenation,
    Convolution,
    Depthwise,
    MaxPool,
    Mean,
    Network,
    Pixels,
    QuarterMeans,
)
from graft_host.networks.layers import Layer as Described
from graft_host.networks.quarters import QUARTERS
from graft_host.support import flatbuffer
from graft_host.tflite.graph_editor import HEAD_BIAS, HEAD_WEIGHTS, JOINED

_PASSED_OVER = {"QUANTIZE", "DEQUANTIZE"}
"""Operators that change how numbers are stored, not what they represent."""

_OPERATORS: dict[type[Described], str] = {
    Pixels: "INPUT",
    Convolution: "CONV_2D",
    Depthwise: "DEPTHWISE_CONV_2D",
    MaxPool: "MAX_POOL_2D",
    AveragePool: "AVERAGE_POOL_2D",
    Concatenation: "CONCATENATION",
    Addition: "ADD",
    Mean: "MEAN",
    QuarterMeans: "CONCATENATION",
}


_NAMES: dict[type[Described], str] = {Pixels: "pixels", Mean: "bottleneck", QuarterMeans: "bottleneck"}
"""The names of layers that are called by their kind, as long as there is one of it."""


@dataclass(frozen=True)
class Layer:
    """A layer of the backbone, and its tensor in the quantized file.

    Attributes:
        name: the description's name of the layer, such as ``conv2d_5`` or ``mixed0``; ``pixels`` and ``bottleneck`` at
            the ends, or ``bottleneck_mixed0`` of one of several taps.
        operator: the operator that computes it, such as ``CONV_2D``; ``INPUT`` for the pixels.
        tensor: its index in the quantized file.
        inputs: the layers that it is computed from, as places in the list of layers.
        raised: how many steps its numbers are stored above those of the layer, which a pool and ADD take off again.
    """

    name: str
    operator: str
    tensor: int
    inputs: tuple[int, ...]
    raised: int = 0


@dataclass(frozen=True)
class HeadTensors:
    """The tensors of the head in a fused file, by index.

    Attributes:
        weights: ``[K,D]``.
        bias: ``[K]``.
        bottlenecks: the outputs of the backbone, ``[1,D]`` each, which the head takes side by side.
        logits: the output of the head, ``[1,K]``.
    """

    weights: int
    bias: int
    bottlenecks: tuple[int, ...]
    logits: int


def line_up(fused: Any, network: Network, name: str) -> tuple[Layer, ...]:
    """Finds the tensor of each layer of a network in a fused file.

    Args:
        fused: a ``schema.ModelT``, backbone and head.
        network: with the bottleneck of each tap as an output.
        name: name of the fused file in errors.

    Returns:
        The layers in the order of the network: the pixels first, the bottlenecks last.

    Raises:
        ModelError: the file has no head.
        ExportError: the file has another network.
    """
    graph = _Graph(fused)
    bottlenecks = find_head(fused, name).bottlenecks
    if len(bottlenecks) != len(network.outputs):
        raise _different(name, network[network.outputs[-1]], f"one of {len(bottlenecks)}", f"of {len(network.outputs)}")
    tensors = dict(zip(network.outputs, bottlenecks, strict=True))
    raised: dict[str, int] = {}
    for layer in reversed(network.layers):
        tensor = tensors[layer.name]
        sources = [network[source] for source in layer.inputs]
        if isinstance(layer, AveragePool):
            tensor, steps = graph.before_constant(tensor)
            raised.update(dict.fromkeys(layer.inputs, steps))
        inputs = graph.sources_of(layer, tensor, sources)
        ours = graph.described(tensor, len(inputs))
        theirs = _described(_OPERATORS[type(layer)], [1, *layer.shape], len(sources))
        if ours != theirs:
            raise _different(name, layer, ours, theirs)
        for source, found in zip(sources, inputs, strict=True):
            if tensors.setdefault(source.name, found) != found:
                raise _different(name, source, "two tensors", "one")
    places, several = {layer.name: place for place, layer in enumerate(network.layers)}, len(bottlenecks) > 1
    return tuple(
        Layer(
            name=_name(layer, several=several),
            operator=_OPERATORS[type(layer)],
            tensor=tensors[layer.name],
            inputs=tuple(places[source] for source in layer.inputs),
            raised=raised.get(layer.name, 0),
        )
        for layer in network.layers
    )


def _name(layer: Described, *, several: bool) -> str:
    """The name of a layer for a person; that of a bottleneck has its tap where there are several."""
    if several and isinstance(layer, (Mean, QuarterMeans)):
        return layer.name
    return _NAMES.get(type(layer), layer.name)


@dataclass(frozen=True)
class ConvolutionScales:
    """The scales of a convolution in a quantized file.

    Attributes:
        filters: of its kernel, ``[filters]``.
        source: of the tensor that it reads.
    """

    filters: NDArray[np.float32]
    source: float


def convolution_scales(fused: Any, layer: Layer) -> ConvolutionScales | None:
    """Reads the scales of a convolution; None if the file does not have one for each filter."""
    graph = fused.subgraphs[0]
    (producer,) = (operator for operator in graph.operators if layer.tensor in operator.outputs)
    source, kernel = (_scales(graph.tensors[int(index)]) for index in producer.inputs[:2])
    count = flatbuffer.shape(graph.tensors[layer.tensor])[-1]
    return ConvolutionScales(kernel, float(source[0])) if (len(source), len(kernel)) == (1, count) else None


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
                sources = _Graph(fused).bottlenecks(int(operator.inputs[0]), places.get(JOINED))
                return HeadTensors(weights, bias, sources, int(operator.outputs[0]))
    raise ModelError(f"{name} has no head separate from its backbone", "make the file with 'graft train'")


class _Graph:
    """The one subgraph of a file, walked from its end."""

    def __init__(self, model: Any) -> None:
        graph = model.subgraphs[0]
        self._tensors = graph.tensors
        self._codes = model.operatorCodes
        self._buffers = model.buffers
        self._producers = {int(output): operator for operator in graph.operators for output in operator.outputs}

    def source(self, tensor: int) -> int:
        """The tensor itself, or the tensor that was requantized to give it."""
        while self._operator(int(tensor)) in _PASSED_OVER:
            tensor = self._producers[int(tensor)].inputs[0]
        return int(tensor)

    def bottlenecks(self, tensor: int, joined: int | None) -> tuple[int, ...]:
        """The outputs of the backbone, given what the head reads and the tensor that ``fuse`` joins several in."""
        return tuple(self.inputs(tensor)) if tensor == joined else (self.source(tensor),)

    def before_constant(self, tensor: int) -> tuple[int, int]:
        """The tensor that a constant is subtracted from, and its steps; the tensor itself and 0 if none is."""
        inputs = self.inputs(tensor)
        if self._operator(tensor) != "ADD" or len(inputs) != 1:
            return tensor, 0
        (constant,) = (self._tensors[int(i)] for i in self._producers[tensor].inputs if self._constant(int(i)))
        stored = np.frombuffer(bytes(self._buffers[constant.buffer].data), np.int8)
        real = -float(stored[0]) * float(_scales(constant)[0])
        return inputs[0], round(real / float(_scales(self._tensors[inputs[0]])[0]))

    def inputs(self, tensor: int) -> list[int]:
        """The tensors that a tensor is computed from, except the constants in the file."""
        made_by = self._producers.get(tensor)
        used = [] if made_by is None else [int(i) for i in made_by.inputs if i >= 0]
        return [self.source(i) for i in used if not self._constant(i)]

    def sources_of(self, layer: Described, tensor: int, sources: Sequence[Described]) -> list[int]:
        """The tensors of the layers that a layer is computed from, given its own tensor and these layers."""
        if isinstance(layer, Concatenation):
            return self.joined(tensor, sources)
        return self.quartered(tensor) if isinstance(layer, QuarterMeans) else self.inputs(tensor)

    def quartered(self, tensor: int) -> list[int]:
        """The map whose quarters a join has the means of; the inputs of the join if it is another one."""
        joined = [tensor]
        for operator in ("CONCATENATION", "MEAN", "SLICE"):
            if any(self._operator(place) != operator for place in joined):
                return self.inputs(tensor)
            joined = [source for place in joined for source in self.inputs(place)]
        return list(dict.fromkeys(joined)) if len(joined) == QUARTERS else self.inputs(tensor)

    def joined(self, tensor: int, sources: Sequence[Described]) -> list[int]:
        """The inputs of a join of some layers.

        A join among them that is no layer is replaced by its own inputs: TensorFlow's converter wrote such joins
        within mixed9 and mixed10.
        """
        pending, inputs = self.inputs(tensor), list[int]()
        while pending:
            first = pending.pop(0)
            source = sources[len(inputs)] if len(inputs) < len(sources) else None
            if self._operator(first) == "CONCATENATION" and not isinstance(source, Concatenation):
                pending = self.inputs(first) + pending
            else:
                inputs.append(first)
        return inputs

    def described(self, tensor: int, inputs: int) -> str:
        """What a tensor is: its operator, its shape, and the number of its inputs."""
        return _described(self._operator(tensor), flatbuffer.shape(self._tensors[tensor]), inputs)

    def _operator(self, tensor: int) -> str:
        """The operator that computes a tensor; ``INPUT`` if none does."""
        made_by = self._producers.get(tensor)
        return "INPUT" if made_by is None else flatbuffer.operator_name(self._codes[made_by.opcodeIndex])

    def _constant(self, tensor: int) -> bool:
        data = self._buffers[self._tensors[tensor].buffer].data
        return data is not None and len(data) > 0


def _described(operator: str, shape: Sequence[int], inputs: int) -> str:
    return f"{operator} {list(shape)} of {inputs}"


def _scales(tensor: Any) -> NDArray[np.float32]:
    quantization = tensor.quantization
    stored = None if quantization is None else quantization.scale
    return np.asarray([] if stored is None else stored, np.float32)


def _different(name: str, layer: Described, ours: str, theirs: str) -> ExportError:
    return ExportError(
        f"{name} cannot be compared with the float32 network of its card: layer {layer.name} is {ours} there, and "
        f"{theirs} in float32",
        "train the model again with this version of graftkit",
    )
