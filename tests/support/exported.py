"""Runs Keras and SavedModel exports in a separate process that knows nothing of graftkit."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_KERAS = """
import sys
import keras, numpy
network = keras.models.load_model(sys.argv[1])
assert [t.name for t in network.inputs] == ["image"], network.inputs
# Checked separately: filters of random weights have no mean, so they would not notice an offset.
mean, std = map(float, sys.argv[4:])
ends = network.get_layer("normalization")(numpy.array([[mean - std, mean, mean + std]], "float32"))
assert numpy.allclose(ends, [[-1, 0, 1]], atol=1e-6), ends
numpy.save(sys.argv[3], network.predict(numpy.load(sys.argv[2]).astype("float32"), verbose=0))
assert not any(name.startswith("graft") for name in sys.modules)
"""

_SAVED_MODEL = """
import sys
import numpy, tensorflow
signature = tensorflow.saved_model.load(sys.argv[1]).signatures["serving_default"]
pixels = numpy.load(sys.argv[2]).astype("float32")
said = [signature(image=pixels[i : i + 8])["probabilities"].numpy() for i in range(0, len(pixels), 8)]
numpy.save(sys.argv[3], numpy.concatenate(said))
assert not any(name.startswith("graft") for name in sys.modules)
"""


def exported_scores(
    kind: str, path: Path, pixels: NDArray[np.uint8], folder: Path, mean: float = 127.5, std: float = 127.5
) -> NDArray[np.float32]:
    """The probabilities ``[N,K]`` that an export computes.

    Args:
        kind: ``keras`` or ``saved-model``.
        path: the export.
        pixels: photos ``[N,S,S,3]``.
        folder: where files are exchanged with the process.
        mean: what the normalization inside a Keras file must subtract.
        std: what it must divide by.
    """
    np.save(folder / "pixels.npy", pixels)
    code, files = _KERAS if kind == "keras" else _SAVED_MODEL, (folder / "pixels.npy", folder / "said.npy")
    command = [sys.executable, "-I", "-c", code, *map(str, (path, *files, mean, std))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    scores: NDArray[np.float32] = np.load(folder / "said.npy")
    return scores
