"""Makes the int8 backbone from its weights: graftkit, TensorFlow's converter, and ai-edge-quantizer.

Usage: ``python -m benchmarks.contenders.making CONTENDER REQUEST`` makes one, from start to exit; the request is JSON.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.worker import Job
from graft_device.classifier import scaled
from graft_device.preprocess import preprocess
from graft_host.backbones.weights.find import find_weights

Pixels = NDArray[np.uint8]


def graftkit(request: dict[str, Any]) -> Job:
    """Uses ``backbones.conversion.convert``, as ``graft train`` does; reading the weights is timed too."""
    from graft_host.backbones.conversion.convert import convert

    weights, pixels = find_weights(request["weights"]), _pixels(request)

    def run() -> bytes:
        (file,) = convert(weights, [request["tap"]], request["image_size"], "int8", pixels, request["threads"], None)
        return file

    return _job(run, request)


def converter(request: dict[str, Any]) -> Job:
    """Builds the network with Keras and converts it; that is timed, the import of TensorFlow is not."""
    importlib.import_module("tensorflow")
    from tests.support.converter import int8_inception

    weights, pixels = find_weights(request["weights"]), _pixels(request)
    return _job(lambda: int8_inception(weights, request["tap"], pixels), request)


def quantizer(request: dict[str, Any]) -> Job:
    """Quantizes graftkit's float32 file, whose writing is timed too, with ai-edge-quantizer."""
    package = importlib.import_module("ai_edge_quantizer")
    recipe = importlib.import_module("ai_edge_quantizer.recipe").static_wi8_ai8()
    from graft_host.backbones.conversion.convert import convert

    weights = find_weights(request["weights"])
    pixels = scaled(_pixels(request), weights.mean, weights.std)

    def run() -> bytes:
        (file,) = convert(weights, [request["tap"]], request["image_size"], "float32", None, 1, None)
        made = package.Quantizer(file, recipe)
        photos = [{"image": photo[np.newaxis]} for photo in pixels]
        ranges = made.calibrate({"serving_default": photos}, num_threads=request["threads"])
        return bytes(made.quantize(ranges, enable_progress_report=False).quantized_model)

    return _job(run, request)


def noise(request: dict[str, Any]) -> Job:
    """The signal-to-quantization-noise ratio in dB of each photo's bottleneck, for several files of one network."""
    from graft_host.backbones.conversion.convert import convert

    weights, pixels = find_weights(request["weights"]), _pixels(request)

    def run() -> dict[str, list[float]]:
        (file,) = convert(weights, [request["tap"]], request["image_size"], "float32", None, 1, None)
        exact = _bottlenecks(file, pixels, weights.mean, weights.std)
        ratios = {}
        for name, path in request["files"].items():
            errors = _bottlenecks(Path(path).read_bytes(), pixels, weights.mean, weights.std) - exact
            ratios[name] = (10 * np.log10((exact**2).sum(1) / (errors**2).sum(1))).tolist()
        return ratios

    return Job(run, lambda ratios: ratios)


def _job(run: Callable[[], bytes], request: dict[str, Any]) -> Job:
    def describe(file: bytes) -> dict[str, Any]:
        Path(request["output"]).write_bytes(file)
        return {"bytes": len(file)}

    return Job(run, describe)


def _pixels(request: dict[str, Any]) -> Pixels:
    return np.stack([preprocess(path, request["image_size"]) for path in request["photos"]])


def _bottlenecks(file: bytes, pixels: Pixels, mean: float, std: float) -> NDArray[np.float64]:
    """The real numbers that a file computes for photos, ``[N,D]``, whatever the types of its input and output."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter(model_content=file)
    interpreter.allocate_tensors()
    entrance, end = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    rows = []
    for photo in pixels:
        tensor: NDArray[Any] = photo[np.newaxis]
        if entrance["dtype"] != np.uint8:
            tensor = scaled(tensor, mean, std)
        if entrance["dtype"] == np.int8:
            scale, zero_point = entrance["quantization"]
            tensor = np.clip(np.rint(tensor / scale + zero_point), -128, 127).astype(np.int8)
        interpreter.set_tensor(entrance["index"], tensor)
        interpreter.invoke()
        row = interpreter.get_tensor(end["index"])[0].astype(np.float64)
        scale, zero_point = end["quantization"]
        rows.append((row - zero_point) * scale if scale else row)
    return np.stack(rows)


def main() -> None:
    """Makes one backbone."""
    makers = {"graftkit": graftkit, "converter": converter, "quantizer": quantizer}
    makers[sys.argv[1]](json.loads(sys.argv[2])).run()


if __name__ == "__main__":
    main()
