"""Inception-v3 up to one or several taps as Keras builds it, the reference that our network is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graft_host.backbones.family import WeightsSource
from graft_host.backbones.inception_v3.layer_weights import ConvWeights
from graft_host.backbones.inception_v3.weights import read_weights


def build_network(source: WeightsSource, taps: Sequence[str], image_size: int) -> Any:
    """Builds the float network from scaled pixels to the bottlenecks of some taps.

    Args:
        source: weights that reach the last tap.
        taps: ``mixed0`` to ``mixed10``, in the order of their depth.
        image_size: input side S, 75 or more.

    Returns:
        A ``keras.Model`` from ``[1,S,S,3]`` float32 to each tap's output averaged over its positions, ``[1,D]``; its
        output is a list where there are several taps.

    Raises:
        WeightsError: the weights do not fit.
    """
    whole = _inception(source, taps[-1], image_size)
    if len(taps) == 1:
        return _weighted(whole, _pooled(whole, taps[0], "bottleneck"), source, taps[0])
    outputs = [_pooled(whole, tap, f"bottleneck_{tap}") for tap in taps]
    return _weighted(whole, outputs, source, taps[-1])


def _inception(source: WeightsSource, tap: str, image_size: int) -> Any:
    import keras

    whole = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(image_size, image_size, 3))
    return with_last_maximum(whole) if source.last_pool == "max" and tap == "mixed10" else whole


def _pooled(whole: Any, tap: str, name: str) -> Any:
    import keras

    return keras.layers.GlobalAveragePooling2D(name=name)(whole.get_layer(tap).output)


def _weighted(whole: Any, outputs: Any, source: WeightsSource, tap: str) -> Any:
    """The network up to the outputs, with weights; the last output is that of the tap."""
    import keras

    network = keras.Model(whole.input, outputs)
    convolutions, norms = _layers(network, "Conv2D"), _layers(network, "BatchNormalization")
    shapes = [tuple(int(n) for n in layer.kernel.shape) for layer in convolutions]
    for conv, norm, weights in zip(convolutions, norms, read_weights(source, tap, shapes), strict=True):
        _assign(conv, norm, weights)
    return network


def with_last_maximum(whole: Any) -> Any:
    """Inception-v3 whose last pooling takes the maximum instead of the mean."""
    import keras

    # Layers are in the order of their depth, and mixed10 has one average pooling.
    last = [layer for layer in whole.layers if isinstance(layer, keras.layers.AveragePooling2D)][-1]

    def copied(layer: Any) -> Any:
        if layer is last:
            return keras.layers.MaxPooling2D.from_config({**layer.get_config(), "name": "mixed10_max_pooling"})
        return type(layer).from_config(layer.get_config())

    return keras.models.clone_model(whole, clone_function=copied)


def _layers(network: Any, kind: str) -> list[Any]:
    """The network's layers of a class in the order of creation, which their numbers show."""

    def number(layer: Any) -> int:
        tail = layer.name.rsplit("_", 1)[-1]
        return int(tail) if tail.isdigit() else -1

    return sorted((layer for layer in network.layers if type(layer).__name__ == kind), key=number)


def _assign(conv: Any, norm: Any, weights: ConvWeights) -> None:
    conv.set_weights([weights.kernel])
    norm.set_weights([weights.beta, weights.mean, weights.variance])
