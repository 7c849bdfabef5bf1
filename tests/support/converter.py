"""TensorFlow's converter, the reference that files are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.family import WeightsSource
from tests.support.keras_inception import build_network


def int8_inception(weights: WeightsSource, tap: str, photos: NDArray[np.uint8]) -> bytes:
    """Converts Keras's Inception-v3 up to a tap, calibrated on photos of its input side ``[N,S,S,3]``."""
    network = build_network(weights, [tap], photos.shape[1])
    return convert(network, "int8", weights.mean, weights.std, photos)


def convert(network: Any, mode: str, mean: float, std: float, photos: NDArray[np.uint8] | None) -> bytes:
    """Converts a Keras network whose input is scaled pixels ``[1,S,S,3]``.

    Args:
        network: the Keras model.
        mode: ``int8``, ``dynamic``, ``float16`` or ``float32``.
        mean: subtracted from a pixel (0 to 255).
        std: what a pixel is divided by after that.
        photos: uint8 ``[N,S,S,3]``, on which the ranges of the activations are measured for int8.

    Returns:
        The flatbuffer. For int8 its input is uint8 pixels and its outputs are int8 bottlenecks; for the other modes
        both are float32.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode == "int8":
        if photos is None or len(photos) == 0:
            raise ValueError("int8 needs photos to calibrate with")
        converter.representative_dataset = lambda: _calibration(photos, mean, std)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _calibration(photos: NDArray[np.uint8], mean: float, std: float) -> Iterator[list[NDArray[np.float32]]]:
    for index, photo in enumerate(photos):
        pixels = photo.astype(np.float32)
        if index == 0:
            # One black and one white pixel make the input's range 0 to 255, whatever is in the photos.
            pixels[0, 0], pixels[-1, -1] = 0, 255
        yield [(pixels[np.newaxis] - np.float32(mean)) / np.float32(std)]
