"""Cuts networks with one output out of a converted network with several, without running the converter."""

from __future__ import annotations

from typing import Any

import numpy as np

from graft_device.errors import ExportError
from graft_host.support import flatbuffer

_OUTPUT_NAME = b"output_0"  # the converter's name for a single output


def outputs_by_depth(model: Any) -> list[int]:
    """The output tensors of a ``schema.ModelT`` with one graph, those that need the fewest operators first.

    A converter may list several outputs in any order. For taps that follow one another, the depth identifies them.
    """
    graph = model.subgraphs[0]
    return sorted((int(index) for index in graph.outputs), key=lambda output: len(_needed(graph, output)))


def ordered(data: bytes, taps: int, name: str) -> bytes:
    """The same network with its outputs in the order of their depth; raises ExportError as ``cut`` does."""
    model = _with_outputs(data, taps, name)
    model.subgraphs[0].outputs = np.array(outputs_by_depth(model), np.int32)
    return flatbuffer.pack(model)


def cut(data: bytes, taps: int, name: str) -> list[bytes]:
    """Cuts out the network that ends at each output, shallowest first. Each contains the shared part unchanged.

    Args:
        data: a flatbuffer of one graph with ``taps`` outputs.
        taps: how many networks to cut.
        name: name of the flatbuffer in errors.

    Raises:
        ExportError: the flatbuffer has another number of graphs or outputs.
    """
    networks = []
    for output in outputs_by_depth(_with_outputs(data, taps, name)):
        model = flatbuffer.unpack(data, name)  # new objects each time, because cutting changes them in place
        _keep(model, output)
        networks.append(flatbuffer.pack(model))
    return networks


def _with_outputs(data: bytes, taps: int, name: str) -> Any:
    model = flatbuffer.unpack(data, name)
    if len(model.subgraphs) != 1 or len(model.subgraphs[0].outputs) != taps:
        raise ExportError(f"{name} is not a network with {taps} outputs, which the converter was asked for")
    return model


def _needed(graph: Any, output: int) -> set[int]:
    """Places of the operators that an output depends on."""
    maker = {int(tensor): place for place, operator in enumerate(graph.operators) for tensor in operator.outputs}
    needed: set[int] = set()
    open_ends = [output]
    while open_ends:
        place = maker.get(open_ends.pop())
        if place is not None and place not in needed:
            needed.add(place)
            open_ends += [int(tensor) for tensor in graph.operators[place].inputs if tensor >= 0]
    return needed


def _keep(model: Any, output: int) -> None:
    """Removes the operators, tensors and buffers that one output does not depend on."""
    graph = model.subgraphs[0]
    graph.operators = [graph.operators[place] for place in sorted(_needed(graph, output))]
    ends = [int(index) for index in graph.inputs]
    used = {*ends, output, *(int(i) for step in graph.operators for i in (*step.inputs, *step.outputs) if i >= 0)}
    places = {old: new for new, old in enumerate(sorted(used))}
    for step in graph.operators:
        step.inputs = _moved(step.inputs, places)
        step.outputs = _moved(step.outputs, places)
    graph.tensors = [graph.tensors[old] for old in sorted(used)]
    graph.inputs, graph.outputs = _moved(ends, places), _moved([output], places)
    _keep_signature(model, places, output)
    _keep_buffers(model)
    _keep_codes(model)


def _keep_signature(model: Any, places: dict[int, int], output: int) -> None:
    for signature in model.signatureDefs or []:
        for end in signature.inputs:
            end.tensorIndex = places[int(end.tensorIndex)]
        signature.outputs = [end for end in signature.outputs if int(end.tensorIndex) == output]
        for end in signature.outputs:
            end.name, end.tensorIndex = _OUTPUT_NAME, places[output]


def _keep_buffers(model: Any) -> None:
    """Keeps buffer 0, the empty one that activations use, and those that a tensor or metadata uses."""
    named = {int(tensor.buffer) for tensor in model.subgraphs[0].tensors}
    named |= {int(entry.buffer) for entry in model.metadata or []}
    kept = sorted({0, *named})
    places = {old: new for new, old in enumerate(kept)}
    for owner in (*model.subgraphs[0].tensors, *(model.metadata or [])):
        owner.buffer = places[int(owner.buffer)]
    model.buffers = [model.buffers[old] for old in kept]
    model.metadataBuffer = None  # an older form of the metadata


def _keep_codes(model: Any) -> None:
    steps = model.subgraphs[0].operators
    kept = sorted({int(step.opcodeIndex) for step in steps})
    places = {old: new for new, old in enumerate(kept)}
    for step in steps:
        step.opcodeIndex = places[int(step.opcodeIndex)]
    model.operatorCodes = [model.operatorCodes[old] for old in kept]


def _moved(indices: Any, places: dict[int, int]) -> Any:
    return np.array([places[int(index)] if index >= 0 else int(index) for index in indices], np.int32)
