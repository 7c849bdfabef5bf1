"""Builds a Keras network from a description; only processes of their own import it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graft_device.errors import ExportError
from graft_host.networks.layers import (
    LINEAR,
    Addition,
    AveragePool,
    Concatenation,
    Convolution,
    Depthwise,
    Entrance,
    Layer,
    MaxPool,
    Mean,
    Network,
    QuarterMeans,
    Window,
)
from graft_host.networks.parameters import Parameters, check_parameters
from graft_host.networks.quarters import quarters


def keras_network(network: Network, parameters: Mapping[str, Parameters]) -> Any:
    """Builds the float network.

    Args:
        network: without a ``Requantization``.
        parameters: of its layers.

    Returns:
        A ``keras.Model`` from scaled pixels ``[N,S,S,3]`` to the network's outputs; its output is a list where there
        are several. Its layers have the names of the description. The activation of a pool or an addition is a layer
        after it.

    Raises:
        ExportError: the parameters do not fit, or Keras has no such layer.
    """
    import keras

    check_parameters(network, parameters)
    made: dict[str, Any] = {}
    for layer in network.layers:
        if isinstance(layer, Entrance):
            made[layer.name] = keras.Input(layer.shape, name=layer.name)
            continue
        if isinstance(layer, QuarterMeans):
            made[layer.name] = _quarter_means(keras.layers, layer, made[layer.inputs[0]])
            continue
        inputs = [made[name] for name in layer.inputs]
        values = _layer(keras.layers, layer)(inputs if len(inputs) > 1 else inputs[0])
        activation = _separate_activation(layer)
        if activation != LINEAR:
            values = keras.layers.Activation(activation, name=f"{layer.name}_{activation}")(values)
        made[layer.name] = values
    outputs = [made[name] for name in network.outputs]
    model = keras.Model(made[network.entrance.name], outputs[0] if len(outputs) == 1 else outputs)
    for convolution in network.convolutions:
        values = parameters[convolution.name]
        # Keras has the axes [height, width, channels, filters], and the multiplier of a depthwise kernel last.
        kernel = np.moveaxis(values.kernel, 0, 3)
        model.get_layer(convolution.name).set_weights([kernel, values.bias])
    return model


def _quarter_means(layers: Any, layer: QuarterMeans, image: Any) -> Any:
    """The means of the quarters of a map ``[N,H,W,C]``, ``[N,4C]``; Keras allows no "/" in the name of a layer."""
    height, width = image.shape[1:3]
    means = []
    for part in quarters(height, width):
        rows = (part.top, height - part.top - part.height)
        columns = (part.left, width - part.left - part.width)
        quarter = layers.Cropping2D((rows, columns))(image)
        means.append(layers.GlobalAveragePooling2D()(quarter))
    return layers.Concatenate(name=layer.name.replace("/", "_"))(means)


def _separate_activation(layer: Layer) -> str:
    """The activation that Keras has no place for in the layer itself."""
    if isinstance(layer, Addition) or (isinstance(layer, Window) and not isinstance(layer, Convolution | Depthwise)):
        return layer.activation
    return LINEAR


def _layer(layers: Any, layer: Layer) -> Any:
    for kind, build in _BUILDERS.items():
        if isinstance(layer, kind):
            return build(layers, layer)
    raise ExportError(f"Keras has no layer for {layer.name}, a {type(layer).__name__}")


def _window(layer: Window) -> dict[str, Any]:
    return {"strides": layer.stride, "padding": "same" if layer.padded else "valid", "name": layer.name}


def _convolution(layers: Any, layer: Any) -> Any:
    filters = layer.shape[-1]
    return layers.Conv2D(filters, layer.size, activation=layer.activation, **_window(layer))


def _depthwise(layers: Any, layer: Any) -> Any:
    return layers.DepthwiseConv2D(layer.size, activation=layer.activation, **_window(layer))


_BUILDERS: dict[type[Layer], Callable[[Any, Any], Any]] = {
    Convolution: _convolution,
    Depthwise: _depthwise,
    MaxPool: lambda layers, layer: layers.MaxPooling2D(layer.size, **_window(layer)),
    AveragePool: lambda layers, layer: layers.AveragePooling2D(layer.size, **_window(layer)),
    Concatenation: lambda layers, layer: layers.Concatenate(name=layer.name),
    Addition: lambda layers, layer: layers.Add(name=layer.name),
    Mean: lambda layers, layer: layers.GlobalAveragePooling2D(name=layer.name),
}
