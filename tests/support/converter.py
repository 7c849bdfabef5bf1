"""TensorFlow's converter, the reference that files are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.support.progress import Progress


def convert(
    network: Any, mode: str, mean: float, std: float, photos: NDArray[np.uint8] | None, progress: Progress
) -> bytes:
    """Converts a Keras network whose input is scaled pixels ``[1,S,S,3]``.

    Args:
        network: the Keras model.
        mode: ``int8``, ``dynamic``, ``float16`` or ``float32``.
        mean: subtracted from a pixel (0 to 255).
        std: what a pixel is divided by after that.
        photos: uint8 ``[N,S,S,3]``, on which the ranges of the activations are measured for int8.
        progress: called with (photos done, photos).

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
        converter.representative_dataset = lambda: _calibration(photos, mean, std, progress)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _calibration(
    photos: NDArray[np.uint8], mean: float, std: float, progress: Progress
) -> Iterator[list[NDArray[np.float32]]]:
    for index, photo in enumerate(photos):
        pixels = photo.astype(np.float32)
        if index == 0:
            # One black and one white pixel make the input's range 0 to 255, whatever is in the photos.
            pixels[0, 0], pixels[-1, -1] = 0, 255
        yield [(pixels[np.newaxis] - np.float32(mean)) / np.float32(std)]
        progress(index + 1, len(photos))
