"""The int8 network of real weights against the one that TensorFlow's converter writes, on real photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_device.classifier import dequantize, to_input
from graft_device.preprocess import preprocess
from graft_device.runtime import open_model
from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.family import WeightsSource
from graft_host.backbones.weights.find import find_weights
from graft_host.heads.head import fit_softmax
from tests.support.host_data import run_python

pytestmark = pytest.mark.slow

TAP, SIZE = "mixed7", 150
TRAINING = 64
"""Photos that calibrate both networks and train the heads; all others test."""

_CONVERT = """
import sys
from pathlib import Path
import numpy as np
from graft_host.backbones.weights.find import find_weights
from tests.support.converter import int8_inception

weights, (path, photos, tap, output) = find_weights(sys.argv[1]), sys.argv[1:]
pixels = np.load(photos)
Path(output).write_bytes(int8_inception(weights, tap, pixels))
"""


def bottlenecks(path: Path, weights: WeightsSource, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    runner = open_model(path, "litert", threads=1)
    tensors = (to_input(photo, runner.input, weights.mean, weights.std) for photo in pixels)
    return np.stack([dequantize(runner(tensor)[0], runner.output) for tensor in tensors])


def decibels(exact: NDArray[np.float32], stored: NDArray[np.float32]) -> NDArray[np.float64]:
    """The signal to noise ratio of each photo's bottleneck."""
    noise = np.square(stored.astype(np.float64) - exact).sum(1)
    return np.asarray(10 * np.log10(np.square(exact.astype(np.float64)).sum(1) / noise))


def named(values: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The class of each test photo, by a head that was trained on the training photos."""
    train, weights = slice(TRAINING), np.ones(TRAINING)
    (head,) = fit_softmax(values[train], labels[train], weights, 2, (0.01,))
    return head.predict(values[TRAINING:])


def test_no_more_noise_no_fewer_right_no_less_agreement(
    cats_and_dogs: Path, weights_file: Path, tmp_path: Path
) -> None:
    weights = find_weights(str(weights_file))
    paths = [sorted((cats_and_dogs / label).iterdir())[:80] for label in ("cats", "dogs")]
    pairs = [(path, label) for pair in zip(*paths, strict=True) for label, path in enumerate(pair)]
    pixels = np.stack([preprocess(path, SIZE) for path, _ in pairs])
    labels = np.array([label for _, label in pairs])
    np.save(tmp_path / "photos.npy", pixels[:TRAINING])
    files = {name: tmp_path / f"{name}.tflite" for name in ("converter", "ours", "float32")}
    done = run_python(_CONVERT, weights_file, tmp_path / "photos.npy", TAP, files["converter"])
    assert done.returncode == 0, done.stderr
    files["ours"].write_bytes(convert(weights, [TAP], SIZE, "int8", pixels[:32], 2, None)[0])
    files["float32"].write_bytes(convert(weights, [TAP], SIZE, "float32", None, 1, None)[0])
    exact, theirs, ours = (bottlenecks(files[name], weights, pixels) for name in ("float32", "converter", "ours"))
    ratios = [decibels(exact[TRAINING:], stored[TRAINING:]) for stored in (theirs, ours)]
    # One of these photos doubles the bottleneck's range, so its own 8 bits, with headroom, are most of the noise.
    assert np.median(ratios[1]) > np.median(ratios[0]) + 1
    assert np.percentile(ratios[1], 5) > np.percentile(ratios[0], 5) + 0.5
    classes = [named(values, labels) for values in (exact, theirs, ours)]
    right = [int(np.sum(names == labels[TRAINING:])) for names in classes]
    same = [int(np.sum(names == classes[0])) for names in classes]
    assert right[2] >= right[1] - 1  # of 96: one photo at the boundary may fall to either side
    assert same[2] >= same[1] - 1
    assert right[2] > 0.9 * (len(labels) - TRAINING)
