"""The float files against Keras's Inception-v3 and TensorFlow's converter, at every tap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_host.backbones.inception_v3.convolutions import TAPS
from graft_host.backbones.weights.find import find_weights
from graft_host.networks.float_file import write_dynamic, write_float16, write_float32
from graft_host.networks.rewrites import pools_behind_convolutions
from tests.support.host_data import REAL_WEIGHTS, run_python
from tests.support.networks import largest_error, outputs_by_signature, outputs_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from graft_host.networks.layers import Network
    from graft_host.networks.parameters import Parameters

pytestmark = pytest.mark.slow

SIZES = (75, 131, 150, 224, 299)
WITH_MAX = 150  # the size at which mixed10 takes the maximum, and the converter runs
REAL_SIZES = (150, 299)
REAL_TAPS = TAPS[: TAPS.index("mixed8") + 1]

# Keras, in a process of its own. Its own loader reads the files, not ours.
_KERAS = """
import sys
from pathlib import Path
import h5py, keras, numpy as np
from keras.src.legacy.saving import legacy_h5_format
from tests.host.backbones.inception_v3.test_keras_reference import REAL_SIZES, REAL_TAPS, SIZES, TAPS, WITH_MAX
from tests.support.converter import convert
from tests.support.keras_inception import with_last_maximum

folder, real = map(Path, sys.argv[1:])
rng = np.random.default_rng(0)

def inception():
    return keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(None, None, 3))

def save(name, network, taps, size):
    network = keras.Model(network.input, [network.get_layer(tap).output for tap in taps])
    pixels = rng.uniform(-1, 1, (1, size, size, 3)).astype(np.float32)
    found = network(pixels, training=False)
    np.savez(folder / f"{name}-{size}.npz", pixels=pixels, **dict(zip(taps, map(np.asarray, found))))

whole = inception()
for layer in whole.layers:
    if type(layer).__name__ == "BatchNormalization":
        n = layer.beta.shape[0]
        layer.set_weights([rng.normal(0, 0.1, n), rng.normal(0, 0.1, n), rng.uniform(0.5, 1.5, n)])
with h5py.File(folder / "whole.h5", "w") as file:
    legacy_h5_format.save_weights_to_hdf5_group(file, whole)
for size in SIZES:
    save("avg", whole, TAPS, size)
with_max = with_last_maximum(whole)
with_max.set_weights(whole.get_weights())
save("max", with_max, TAPS, WITH_MAX)
if real.is_file():
    network = inception()
    network = keras.Model(network.input, network.get_layer("mixed8").output)
    network.load_weights(real)
    for size in REAL_SIZES:
        save("real", network, REAL_TAPS, size)
image = keras.Input((WITH_MAX, WITH_MAX, 3), batch_size=1)
outputs = keras.Model(whole.input, [whole.get_layer(tap).output for tap in TAPS])(image)
file = convert(keras.Model(image, outputs), "float32", 127.5, 127.5, None)
(folder / "converted.tflite").write_bytes(file)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with random weights that Keras wrote, and what it computes with them and with the real ones."""
    folder = tmp_path_factory.mktemp("keras")
    done = run_python(_KERAS, folder, REAL_WEIGHTS)
    assert done.returncode == 0, done.stderr
    return folder


def _described(
    weights: Path, taps: tuple[str, ...], size: int, last_pool: str = "avg"
) -> tuple[Network, dict[str, Parameters]]:
    """The network that returns all positions of some taps, and its parameters."""
    source = replace(find_weights(str(weights)), last_pool=last_pool)
    network = source.family.describe(source, taps, size)
    parameters = source.family.read_parameters(source, network)
    return network.with_outputs(taps), dict(parameters)


def _expected(path: Path) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """The pixels and what each tap is for them."""
    with np.load(path) as archive:
        arrays = dict(archive)
    return arrays.pop("pixels"), arrays


def _compare(data: bytes, path: Path, taps: tuple[str, ...], bound: float) -> None:
    pixels, expected = _expected(path)
    assert list(expected) == list(taps)
    for tap, computed in zip(taps, outputs_of(data, pixels), strict=True):
        assert expected[tap].std() > 0
        assert computed.shape == expected[tap].shape
        assert largest_error(computed, expected[tap]) <= bound, tap


@pytest.mark.parametrize("rewritten", [False, True], ids=["described", "rewritten"])
@pytest.mark.parametrize("size", SIZES)
def test_every_tap_is_that_of_keras(folder: Path, size: int, rewritten: bool) -> None:
    network, parameters = _described(folder / "whole.h5", TAPS, size)
    network = pools_behind_convolutions(network) if rewritten else network
    _compare(write_float32(network, parameters), folder / f"avg-{size}.npz", TAPS, 1e-5)


@pytest.mark.parametrize("size", REAL_SIZES)
def test_every_tap_is_that_of_keras_on_the_real_weights(folder: Path, size: int) -> None:
    if not REAL_WEIGHTS.is_file():
        pytest.skip(f"{REAL_WEIGHTS} is not here")
    network, parameters = _described(REAL_WEIGHTS, REAL_TAPS, size)
    file = write_float32(pools_behind_convolutions(network), parameters)
    _compare(file, folder / f"real-{size}.npz", REAL_TAPS, 1e-5)


def test_mixed10_of_the_2015_graph_takes_the_maximum(folder: Path) -> None:
    network, parameters = _described(folder / "whole.h5", TAPS, WITH_MAX, "max")
    file = write_float32(pools_behind_convolutions(network), parameters)
    _compare(file, folder / f"max-{WITH_MAX}.npz", TAPS, 1e-5)
    expected, other = (_expected(folder / f"{kind}-{WITH_MAX}.npz")[1]["mixed10"] for kind in ("max", "avg"))
    assert largest_error(other, expected) > 0.01  # the test would notice


def test_every_tap_is_that_of_tensorflows_converter(folder: Path) -> None:
    network, parameters = _described(folder / "whole.h5", TAPS, WITH_MAX)
    pixels, _ = _expected(folder / f"avg-{WITH_MAX}.npz")
    theirs = outputs_by_signature((folder / "converted.tflite").read_bytes(), pixels)
    ours = outputs_by_signature(write_float32(pools_behind_convolutions(network), parameters), pixels)
    assert list(ours) == list(theirs) == [f"output_{place}" for place in range(len(TAPS))]
    for name, expected in theirs.items():
        assert ours[name].shape == expected.shape
        assert largest_error(ours[name], expected) <= 1e-5, name


@pytest.mark.parametrize(("write", "bound"), [(write_float16, 5e-3), (write_dynamic, 0.1)])
def test_smaller_files_are_close_to_keras(folder: Path, write: Callable[..., bytes], bound: float) -> None:
    """On the real weights up to mixed8, on random ones after it."""
    for name, weights, taps in (("real", REAL_WEIGHTS, REAL_TAPS), ("avg", folder / "whole.h5", TAPS)):
        if weights.is_file():
            network, parameters = _described(weights, taps, WITH_MAX)
            file = write(pools_behind_convolutions(network), parameters)
            _compare(file, folder / f"{name}-{WITH_MAX}.npz", taps, bound)
