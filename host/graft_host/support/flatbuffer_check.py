"""Checks that the parts of a ``.tflite`` flatbuffer fit together, so that who works with them need not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

_ENTRY_BYTES = 4
"""The smallest number of bytes that an entry of a list takes in a file."""

_MOST_GRAPHS = 64


def check_size(model: Any, size: int) -> None:
    """Raises ValueError if a flatbuffer lists more than fits into it: entries may share their bytes, but not in ours.

    Args:
        model: a ``schema.Model``, of which nothing has been unpacked yet.
        size: bytes of the file.
    """
    most = size // _ENTRY_BYTES
    if model.SubgraphsLength() > _MOST_GRAPHS:
        raise ValueError("too many graphs")
    for length in _lengths(model):
        most -= length
        if most < 0:
            raise ValueError("its lists are longer than the file")


def _lengths(model: Any) -> Iterator[int]:
    yield model.OperatorCodesLength()
    yield model.BuffersLength()
    yield model.MetadataLength()
    yield model.SignatureDefsLength()
    for index in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(index)
        yield signature.InputsLength() + signature.OutputsLength()
    for index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(index)
        yield graph.TensorsLength() + graph.OperatorsLength()
        for place in range(graph.TensorsLength()):
            tensor = graph.Tensors(place)
            sparsity = tensor.Sparsity()
            yield tensor.VariantTensorsLength() + (0 if sparsity is None else sparsity.DimMetadataLength())


def check_parts(model: Any) -> None:
    """Raises ValueError unless a ``schema.ModelT`` has all lists and every index in it is valid.

    In each graph, an operator's inputs come before its outputs, so that a walk through the graph ends.
    """
    _present(model.subgraphs, model.operatorCodes, model.buffers)
    if not len(model.subgraphs):
        raise ValueError("it has no graph")
    for graph in model.subgraphs:
        _check_graph(graph, len(model.buffers), len(model.operatorCodes))
    for entry in model.metadata or []:
        _within([entry.buffer], len(model.buffers))
    for signature in model.signatureDefs or []:
        _within([signature.subgraphIndex], len(model.subgraphs))
        tensors = model.subgraphs[int(signature.subgraphIndex)].tensors
        _present(signature.inputs, signature.outputs)
        _within((end.tensorIndex for end in (*signature.inputs, *signature.outputs)), len(tensors))


def _check_graph(graph: Any, buffers: int, codes: int) -> None:
    _present(graph.tensors, graph.operators, graph.inputs, graph.outputs)
    if not len(graph.inputs) or not len(graph.outputs):
        raise ValueError("a graph without input or output")
    tensors = len(graph.tensors)
    _within(graph.inputs, tensors)
    _within(graph.outputs, tensors)
    _within((tensor.buffer for tensor in graph.tensors), buffers)
    _within((operator.opcodeIndex for operator in graph.operators), codes)
    for tensor in graph.tensors:
        scale = None if tensor.quantization is None else tensor.quantization.scale
        if scale is not None and not np.isfinite(scale).all():
            raise ValueError("a scale that is not a number")
    settled = {int(index) for index in graph.inputs}
    for operator in graph.operators:
        _present(operator.inputs, operator.outputs)
        if not len(operator.inputs) or not len(operator.outputs):
            raise ValueError("an operator without inputs or outputs")
        _within((index for index in operator.inputs if index != -1), tensors)  # -1 for an optional one
        _within(operator.outputs, tensors)
        settled |= {int(index) for index in operator.inputs}
        made = [int(index) for index in operator.outputs]
        if not settled.isdisjoint(made):
            raise ValueError("an operator changes what was computed before")
        settled |= set(made)


def _present(*lists: Any) -> None:
    if any(entries is None for entries in lists):
        raise ValueError("a list is missing")


def _within(indices: Iterable[int], end: int) -> None:
    if not all(0 <= int(index) < end for index in indices):
        raise ValueError("an index is out of range")
