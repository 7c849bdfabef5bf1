"""Writes a network with float32 activations: weights in float32, float16, or int8 with a scale for each filter."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from graft_host.networks.file_writer import INPUT_NAME, FileWriter
from graft_host.networks.kernels import along, kernel_scales
from graft_host.networks.layer_writer import write_layer
from graft_host.networks.layers import Convolution, Depthwise, Entrance, Network
from graft_host.networks.parameters import Parameters, check_parameters

_CODES = schema.BuiltinOperator
_HYBRID_VERSIONS = {_CODES.CONV_2D: 5, _CODES.DEPTHWISE_CONV_2D: 6}
"""Those that read int8 kernels with a scale for each filter beside float32 activations."""

_FEW = 1024
"""A smaller kernel stays float32 in a dynamic file, as TensorFlow's converter has it: it would save nothing."""


def write_float32(network: Network, parameters: Mapping[str, Parameters]) -> bytes:
    """A file from scaled pixels, float32 ``[1,S,S,3]``, to the network's outputs, float32.

    Raises:
        ExportError: the parameters do not fit the network.
    """
    return _write(network, parameters, _Constants())


def write_float16(network: Network, parameters: Mapping[str, Parameters]) -> bytes:
    """The file of ``write_float32`` with kernels and biases stored as float16; runtimes compute in float32.

    Raises:
        ExportError: the parameters do not fit the network.
    """
    return _write(network, parameters, _HalfConstants())


def write_dynamic(network: Network, parameters: Mapping[str, Parameters]) -> bytes:
    """The file of ``write_float32`` with int8 kernels; runtimes quantize activations as they compute them.

    Raises:
        ExportError: the parameters do not fit the network.
    """
    return _write(network, parameters, _Int8Constants())


def write_for_ranges(network: Network, parameters: Mapping[str, Parameters]) -> bytes:
    """The file of ``write_dynamic`` with float32 kernels where LiteRT is no faster with int8: in a ``Depthwise``.

    Its outputs differ from those of ``write_float32`` by what rounding kernels to int8 causes.

    Raises:
        ExportError: the parameters do not fit the network.
    """
    return _write(network, parameters, _Int8Convolutions())


class _Constants:
    """How kernels and biases are stored: as they are."""

    def kernel(self, file: FileWriter, layer: Convolution | Depthwise, values: NDArray[np.float32]) -> int:
        return file.constant(f"{layer.name}/kernel", values)

    def bias(self, file: FileWriter, layer: Convolution | Depthwise, values: NDArray[np.float32]) -> int:
        return file.constant(f"{layer.name}/bias", values)


class _HalfConstants(_Constants):
    def kernel(self, file: FileWriter, layer: Convolution | Depthwise, values: NDArray[np.float32]) -> int:
        return self._half(file, f"{layer.name}/kernel", values)

    def bias(self, file: FileWriter, layer: Convolution | Depthwise, values: NDArray[np.float32]) -> int:
        return self._half(file, f"{layer.name}/bias", values)

    def _half(self, file: FileWriter, name: str, values: NDArray[np.float32]) -> int:
        limits = np.finfo(np.float16)
        stored = file.constant(name, np.clip(values, limits.min, limits.max).astype(np.float16))
        wide = file.tensor(f"{name}/float32", values.shape, np.float32)
        file.convert(stored, wide, _CODES.DEQUANTIZE, 3)
        return wide


class _Int8Constants(_Constants):
    def kernel(self, file: FileWriter, layer: Convolution | Depthwise, values: NDArray[np.float32]) -> int:
        if self.stays_float(layer, values):
            return super().kernel(file, layer, values)
        scales = kernel_scales(values, layer.filter_axis)
        rounded = np.rint(values / along(scales, layer.filter_axis)).astype(np.int8)
        return file.constant(f"{layer.name}/kernel", rounded, scales, layer.filter_axis)

    def stays_float(self, _: Convolution | Depthwise, values: NDArray[np.float32]) -> bool:
        return values.size < _FEW


class _Int8Convolutions(_Int8Constants):
    def stays_float(self, layer: Convolution | Depthwise, values: NDArray[np.float32]) -> bool:
        return isinstance(layer, Depthwise) or super().stays_float(layer, values)


def _write(network: Network, parameters: Mapping[str, Parameters], constants: _Constants) -> bytes:
    check_parameters(network, parameters)
    file = FileWriter()
    places: dict[str, int] = {}
    for layer in network.layers:
        name = INPUT_NAME if isinstance(layer, Entrance) else layer.name
        output = places[layer.name] = file.tensor(name, (1, *layer.shape), np.float32)
        if isinstance(layer, Entrance):
            continue
        inputs = [places[source] for source in layer.inputs]
        versions: Mapping[int, int] = {}
        if isinstance(layer, (Convolution, Depthwise)):
            values = parameters[layer.name]
            kernel = constants.kernel(file, layer, values.kernel)
            inputs += [kernel, constants.bias(file, layer, values.bias)]
            if file.is_quantized(kernel):
                versions = _HYBRID_VERSIONS
        write_layer(file, layer, inputs, output, versions)
    return file.finish(places[network.entrance.name], [places[name] for name in network.outputs])
