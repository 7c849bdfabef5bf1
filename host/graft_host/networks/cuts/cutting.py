"""Cuts a network's file down to some of its outputs, or to what is before a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ExportError
from graft_host.networks.file_writer import INPUT_NAME, signature
from graft_host.support import flatbuffer

_CONVOLUTIONS = {schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D}


def cut(network: bytes, places: Sequence[int], name: str) -> bytes:
    """A network without the outputs that are not wanted, and without what only they need.

    The result is byte for byte what the writers of this package write for these outputs alone.

    Args:
        network: a flatbuffer with one graph and one input.
        places: of the wanted outputs among its outputs.
        name: of the network in errors.

    Raises:
        ExportError: the flatbuffer is damaged, or is not such a network.
    """
    model = _unpacked(network, name)
    graph = model.subgraphs[0]
    return _cut_to(model, [int(graph.outputs[place]) for place in places])


def front(network: bytes, layer: str, name: str) -> bytes:
    """The part of a network's file before a place where it can be cut, with the buffers of the file.

    Args:
        network: an int8 file of ``write_int8``.
        layer: one of ``cut_points``, whose map is the first output: int8 ``[1,H,W,C]``. The outputs of the network
            follow that have no convolution between this layer and them, in their order.
        name: of the network in errors.

    Raises:
        ExportError: the flatbuffer is damaged, or has no such layer.
    """
    model = _unpacked(network, name)
    graph = model.subgraphs[0]
    named = [place for place, tensor in enumerate(graph.tensors) if bytes(tensor.name or b"") == layer.encode()]
    if len(named) != 1 or graph.tensors[named[0]].type != schema.TensorType.INT8:
        raise ExportError(
            f"{name} has no int8 layer {layer} to cut it at", "convert the backbone again with --recalibrate"
        )
    behind = _behind(model, named[0])
    return _cut_to(model, [*named, *(int(output) for output in graph.outputs if int(output) not in behind)])


def _behind(model: Any, cut: int) -> set[int]:
    """The tensors that are computed from a tensor, with a convolution in between."""
    reached, behind = {cut}, set[int]()
    for operator in model.subgraphs[0].operators:
        inputs, outputs = ({int(place) for place in places} for places in (operator.inputs, operator.outputs))
        convolves = flatbuffer.builtin(model.operatorCodes[operator.opcodeIndex]) in _CONVOLUTIONS
        if inputs & behind or (convolves and inputs & reached):
            behind |= outputs
        elif inputs & reached:
            reached |= outputs
    return behind


def _unpacked(network: bytes, name: str) -> Any:
    model = flatbuffer.unpack(network, name)
    if len(model.subgraphs) != 1 or len(model.subgraphs[0].inputs) != 1:
        raise ExportError(f"{name} is not a backbone: it does not have one graph with one input")
    return model


def _cut_to(model: Any, outputs: list[int]) -> bytes:
    """The network that computes only some tensors, which become its outputs."""
    graph = model.subgraphs[0]
    entrance = int(graph.inputs[0])
    needed = {entrance, *outputs}
    before = _first_readers(graph.operators)
    graph.operators = _needed(graph.operators, needed)
    after = _first_readers(graph.operators)

    computed = {entrance, *(int(output) for operator in graph.operators for output in operator.outputs)}

    def order(tensor: int) -> tuple[int, bool]:
        """Where writers put a tensor: a constant that operators share is behind the output of the first of them."""
        shared = tensor not in computed and after[tensor] != before[tensor]
        return (after[tensor], True) if shared else (tensor, False)

    ordered = sorted(needed, key=order)
    tensors = {old: new for new, old in enumerate(ordered)}
    graph.tensors = [graph.tensors[old] for old in tensors]
    for operator in graph.operators:
        operator.inputs = np.array([tensors.get(int(place), -1) for place in operator.inputs], np.int32)
        operator.outputs = np.array([tensors[int(place)] for place in operator.outputs], np.int32)
    graph.inputs = np.array([tensors[entrance]], np.int32)
    graph.outputs = np.array([tensors[place] for place in outputs], np.int32)
    _renumber_buffers(model)
    _renumber_codes(model)
    named = {f"output_{place}": int(output) for place, output in enumerate(graph.outputs)}
    model.signatureDefs = [signature({INPUT_NAME: int(graph.inputs[0])}, named)]
    model.metadata = model.metadataBuffer = None
    return flatbuffer.pack(model)


def _first_readers(operators: Sequence[Any]) -> dict[int, int]:
    """The output of the first operator that reads each tensor."""
    readers: dict[int, int] = {}
    for operator in operators:
        for tensor in operator.inputs:
            readers.setdefault(int(tensor), int(operator.outputs[0]))
    return readers


def _needed(operators: Sequence[Any], needed: set[int]) -> list[Any]:
    """The operators that some tensors need; adds the tensors that these operators read and compute."""
    kept = []
    for operator in reversed(operators):
        if needed.intersection(map(int, operator.outputs)):
            needed.update(int(place) for place in (*operator.inputs, *operator.outputs) if place >= 0)
            kept.append(operator)
    return kept[::-1]


def _renumber_buffers(model: Any) -> None:
    buffers = [schema.BufferT()]  # the first is empty: that of activations
    places = {0: 0}
    for tensor in model.subgraphs[0].tensors:
        if tensor.buffer not in places:
            places[tensor.buffer] = len(buffers)
            buffers.append(model.buffers[tensor.buffer])
        tensor.buffer = places[tensor.buffer]
    model.buffers = buffers


def _renumber_codes(model: Any) -> None:
    places: dict[int, int] = {}
    for operator in model.subgraphs[0].operators:
        operator.opcodeIndex = places.setdefault(operator.opcodeIndex, len(places))
    model.operatorCodes = [model.operatorCodes[old] for old in places]
