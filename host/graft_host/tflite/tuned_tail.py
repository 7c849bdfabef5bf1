"""Reads the parameters of a fine-tuned tail out of a model file.

No weights file has them. The numbers are those of the file, so kernels are rounded to int8.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_device.model import ModelCard
from graft_host.networks.cuts.tails import tail_of
from graft_host.networks.layers import AveragePool, Convolution, Depthwise, Network
from graft_host.networks.parameters import Parameters, check_parameters
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.support import flatbuffer

_TYPES = {"int8": np.int8, "int32": np.int32}


def tuned_parameters(model: Any, card: ModelCard, network: Network, name: str) -> dict[str, Parameters]:
    """The kernels and biases of a model's fine-tuned tail, by layer.

    Args:
        model: an int8 model, a ``schema.ModelT``.
        card: its model card.
        network: of its backbone, as the family describes it.
        name: of the model in errors.

    Returns:
        Of each convolution behind the cut; empty if the model was not fine-tuned.

    Raises:
        ExportError: the file does not have the tail that its card and the family describe.
    """
    cut = card.fine_tuned_behind
    if cut is None:
        return {}
    if cut not in {layer.name for layer in network.layers}:
        raise ExportError(f"{name} was fine-tuned behind {cut}, a layer that its backbone does not have")
    tail = pools_behind_convolutions(tail_of(network, cut))
    tensors = {bytes(tensor.name or b"").decode("utf-8", "replace"): tensor for tensor in model.subgraphs[0].tensors}
    parameters = {}
    for layer in tail.convolutions:
        kernel, bias = (_stored(model, tensors, f"{layer.name}/{part}", name) for part in ("kernel", "bias"))
        parameters[layer.name] = Parameters(kernel, bias + _constant(model, tensors, tail, layer, name))
    check_parameters(tail, parameters)
    return parameters


def _constant(model: Any, tensors: dict[str, Any], tail: Network, layer: Convolution | Depthwise, name: str) -> float:
    """What a convolution's bias lacks: the constant that is subtracted behind the pool that reads it; else 0."""
    for reader in tail.readers(layer.name):
        if isinstance(reader, AveragePool) and f"{reader.name}/constant" in tensors:
            return float(_stored(model, tensors, f"{reader.name}/constant", name)[0])
    return 0.0


def _stored(model: Any, tensors: dict[str, Any], tensor_name: str, name: str) -> NDArray[np.float32]:
    """The real numbers of a constant.

    Raises:
        ExportError: there is none of this name, or it has no scales.
    """
    tensor = tensors.get(tensor_name)
    dtype = None if tensor is None else _TYPES.get(flatbuffer.type_name(tensor))
    if tensor is None or dtype is None:
        raise ExportError(f"{name} has no {tensor_name}, which its fine-tuned tail needs", "copy it again")
    shape, quantization = flatbuffer.shape(tensor), tensor.quantization
    data = model.buffers[tensor.buffer].data
    scales = np.asarray([] if quantization is None or quantization.scale is None else quantization.scale, np.float32)
    axis = 0 if quantization is None else int(quantization.quantizedDimension)
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if data is None or len(data) != size or not 0 <= axis < len(shape) or len(scales) not in {1, shape[axis]}:
        raise ExportError(f"{name} is damaged: {tensor_name} cannot be read", "copy it again")
    real = np.frombuffer(bytes(data), np.dtype(dtype).newbyteorder("<")).reshape(shape)
    spread = [-1 if place == axis else 1 for place in range(len(shape))]
    return np.asarray(real * scales.reshape(spread), np.float32)
