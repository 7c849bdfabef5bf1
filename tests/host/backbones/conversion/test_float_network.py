"""The float network against Keras's own: built here and read by our code, built and read by Keras's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft_device.errors import WeightsError
from graft_host.backbones.inception_v3.convolutions import CONVOLUTIONS, TAPS
from graft_host.backbones.inception_v3.keras_h5 import convolution_names
from graft_host.backbones.inception_v3.layer_weights import random_weights
from graft_host.backbones.weights.find import check_tap, find_weights
from tests.support.host_data import REAL_WEIGHTS, run_python

if TYPE_CHECKING:
    from pathlib import Path

# All that needs TensorFlow, in one process. Keras's own loader goes by topological order, ours by layer number.
_SCRIPT = """
import json, sys
from dataclasses import replace
from pathlib import Path
import h5py, keras, numpy as np
from keras.src.legacy.saving import legacy_h5_format
from tests.support.keras_inception import build_network
from graft_host.backbones.inception_v3.convolutions import CONVOLUTIONS, TAPS
from graft_host.backbones.weights.find import find_weights

folder, real = map(Path, sys.argv[1:])
rng = np.random.default_rng(0)
photo = rng.uniform(-1, 1, (1, 75, 75, 3)).astype(np.float32)
facts, arrays = {}, {}

def inception(tap):
    whole = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(75, 75, 3))
    return keras.Model(whole.input, [whole.get_layer(name).output for name in TAPS[: TAPS.index(tap) + 1]])

def means(network):
    return [np.asarray(each).mean(axis=(1, 2)) for each in network(photo, training=False)]

def ours(source, tap):
    return np.asarray(build_network(source, [tap], 75)(photo, training=False))

# Keras writes the whole network in its old layout, with its own names and numbers.
whole = inception("mixed10")
for layer in whole.layers:
    if type(layer).__name__ == "BatchNormalization":
        n = layer.beta.shape[0]
        layer.set_weights([rng.normal(0, 0.1, n), rng.normal(0, 0.1, n), rng.uniform(0.5, 1.5, n)])
with h5py.File(folder / "whole.h5", "w") as file:
    legacy_h5_format.save_weights_to_hdf5_group(file, whole)
whole.save_weights(folder / "keras3.weights.h5")
expected = means(whole)
# By now Keras numbers layers from 95 on: the order of the numbers counts, not the numbers.
for tap in ("mixed1", "mixed10"):
    arrays[f"keras/{tap}"] = expected[TAPS.index(tap)]
    arrays[f"ours/{tap}"] = ours(find_weights(str(folder / "whole.h5")), tap)

if real.is_file():
    network = inception("mixed8")
    network.load_weights(real)
    arrays["keras/real"] = means(network)[-1]
    arrays["ours/real"] = ours(find_weights(str(real)), "mixed8")

network = build_network(find_weights("random", 5), ["mixed0"], 75)
kernels = [layer.kernel for layer in network.layers if type(layer).__name__ == "Conv2D"]
kernels.sort(key=lambda kernel: int(kernel.path.split("/")[0].rsplit("_", 1)[1]))
facts["shapes"] = [list(kernel.shape) for kernel in kernels]
arrays["random"] = np.asarray(kernels[6])
facts["convolutions"] = {}
layers = [layer for layer in whole.layers if type(layer).__name__ == "Conv2D"]
facts["total"] = len(layers)
for tap in TAPS:
    part = keras.Model(whole.input, whole.get_layer(tap).output)
    facts["convolutions"][tap] = sum(type(layer).__name__ == "Conv2D" for layer in part.layers)
facts["input"], facts["output"] = list(network.input_shape), list(network.output_shape)
for kind in ("avg", "max"):
    whole = build_network(replace(find_weights("random", 5), last_pool=kind), ["mixed10"], 75)
    layers = whole.get_config()["layers"]
    pools = [layer for layer in layers if layer["class_name"] in ("AveragePooling2D", "MaxPooling2D")]
    sources = [layer["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] for layer in pools]
    facts[f"pools/{kind}"] = [[source, layer["class_name"]] for source, layer in zip(sources, pools)]
    kernels = [layer for layer in whole.layers if type(layer).__name__ == "Conv2D"]
    kernels.sort(key=lambda layer: int(layer.name.rsplit("_", 1)[1]))
    arrays[f"last/{kind}"] = np.asarray(kernels[-1].kernel)
np.savez(folder / "arrays.npz", **arrays)
(folder / "facts.json").write_text(json.dumps(facts))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the weights that Keras wrote, and its outputs."""
    folder = tmp_path_factory.mktemp("keras")
    done = run_python(_SCRIPT, folder, REAL_WEIGHTS)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def arrays(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(folder / "arrays.npz") as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def facts(folder: Path) -> dict[str, Any]:
    contents: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    return contents


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixed1", "mixed10", "real"])
def test_the_bottleneck_is_that_of_keras(arrays: dict[str, np.ndarray[Any, Any]], name: str) -> None:
    if name == "real" and f"keras/{name}" not in arrays:
        pytest.skip(f"{REAL_WEIGHTS} is not here")
    expected, computed = arrays[f"keras/{name}"], arrays[f"ours/{name}"]
    assert computed.shape == expected.shape
    assert expected.std() > 0
    np.testing.assert_allclose(computed, expected, rtol=1e-3, atol=1e-4 * float(np.abs(expected).max()))


@pytest.mark.slow
def test_a_network_up_to_a_tap_has_the_stated_convolutions(facts: dict[str, Any]) -> None:
    assert facts["convolutions"] == CONVOLUTIONS
    assert facts["total"] == CONVOLUTIONS[TAPS[-1]] == 94
    assert facts["input"] == [None, 75, 75, 3] or facts["input"] == [1, 75, 75, 3]
    assert facts["output"][1:] == [256]


@pytest.mark.slow
def test_only_mixed10s_pooling_takes_the_maximum(
    facts: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]
) -> None:
    # Other layers before a pooling have numbers in their names, which differ from network to network.
    mean, maximum = (
        [(source if source.startswith("mixed") else "", kind) for source, kind in facts[f"pools/{last}"]]
        for last in ("avg", "max")
    )
    place = mean.index(("mixed9", "AveragePooling2D"))
    assert maximum == [*mean[:place], ("mixed9", "MaxPooling2D"), *mean[place + 1 :]]
    assert len(mean) == 13
    assert np.array_equal(arrays["last/avg"], arrays["last/max"])


@pytest.mark.slow
def test_random_weights_are_assigned_to_the_right_layers(
    facts: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]
) -> None:
    shapes = [tuple(shape) for shape in facts["shapes"]]
    assert len(shapes) == 12
    assert np.array_equal(arrays["random"], random_weights(shapes, 5)[6].kernel)


@pytest.mark.slow
def test_weights_that_keras_writes_in_its_old_layout_reach_every_tap(folder: Path) -> None:
    assert len(convolution_names(folder / "whole.h5")) == 94
    check_tap(find_weights(str(folder / "whole.h5")), "mixed10")


@pytest.mark.slow
def test_weights_that_keras_writes_in_its_new_layout_are_refused(folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"not in Keras's notop layout") as caught:
        check_tap(find_weights(str(folder / "keras3.weights.h5")), "mixed0")
    assert "\n" not in str(caught.value)
