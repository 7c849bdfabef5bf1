"""Writes a model's float network as Keras or SavedModel; ``export`` runs this module in a process of its own."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graft_device.errors import ExportError
from graft_host.backbones.family import WeightsSource
from graft_host.backbones.in_tensorflow.keras_network import keras_network
from graft_host.backbones.in_tensorflow.weights_request import from_request
from graft_host.heads.head import Array
from graft_host.networks.parameters import Parameters, named_parameters
from graft_host.support.outside.isolated import serve
from graft_host.support.progress import Progress


def build_network(
    weights: WeightsSource,
    tap: str,
    image_size: int,
    kernel: Array,
    bias: Array,
    tail: Mapping[str, Parameters] | None = None,
) -> Any:
    """Builds the whole float network.

    Args:
        weights: of the backbone, with the input scaling.
        tap: the layer that the bottleneck is taken from, or several with ``+`` between them.
        image_size: input side S.
        kernel: of the head, ``[D,K]``.
        bias: of the head, ``[K]``.
        tail: the parameters of convolutions that were fine-tuned, in place of those of the weights; None for none.

    Returns:
        A ``keras.Model`` from ``image``, float32 RGB pixels 0 to 255 ``[N,S,S,3]``, to ``probabilities`` ``[N,K]``.

    Raises:
        WeightsError: the weights do not fit.
        ExportError: the head is for another tap.
    """
    import keras

    description = weights.family.network(weights, weights.family.taps_of(tap), image_size)
    parameters = {**weights.family.read_parameters(weights, description), **(tail or {})}
    backbone = keras_network(description, parameters)
    if len(description.outputs) > 1:
        joined = keras.layers.Concatenate(name="bottleneck")(backbone.outputs)
        backbone = keras.Model(backbone.input, joined)
    length = backbone.output_shape[-1]
    if len(kernel) != length:
        raise ExportError(f"its head takes {len(kernel)} numbers, {tap} gives {length}: its card is wrong")
    image = keras.Input((image_size, image_size, 3), name="image")
    scale, offset = 1 / weights.std, -weights.mean / weights.std
    normalized = keras.layers.Rescaling(scale, offset, name="normalization")(image)
    bottleneck = keras.Model(backbone.input, backbone.output, name="backbone")(normalized)
    head = keras.layers.Dense(len(bias), activation="softmax", name="probabilities")
    network = keras.Model(image, head(bottleneck), name="graftkit")
    head.set_weights([kernel, bias])
    return network


def save_model(network: Any, output: Path) -> None:
    """Writes a SavedModel whose only signature is ``serving_default``: ``image`` to ``probabilities``."""
    import tensorflow as tf

    def serve(image: Any) -> dict[str, Any]:
        return {"probabilities": network(image, training=False)}

    # Keras's export stores every variable twice (Keras 3.15, TensorFlow 2.21).
    module = tf.Module()
    module.network_variables = [variable.value for variable in network.variables]
    signature = [tf.TensorSpec(network.input_shape, tf.float32, name="image")]
    serving = tf.function(serve, input_signature=signature)
    tf.saved_model.save(module, str(output), signatures={"serving_default": serving})


def _run(request: dict[str, Any], _: Progress) -> None:
    import tensorflow as tf

    weights = from_request(request["weights"])
    with np.load(request["head"]) as head:
        network = build_network(
            weights, request["tap"], request["image_size"], head["kernel"], head["bias"], named_parameters(head)
        )
    output = Path(request["output"])
    try:
        if request["format"] == "keras":
            network.save(output)
        else:
            save_model(network, output)
    except tf.errors.ResourceExhaustedError as error:  # what TensorFlow makes of a full disk
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


if __name__ == "__main__":
    serve(_run)
