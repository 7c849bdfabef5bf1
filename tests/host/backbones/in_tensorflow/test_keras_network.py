"""Keras networks from descriptions, against numpy and the float file."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft_host.networks.float_file import write_float32
from graft_host.networks.layers import RELU, RELU6, Addition, Network
from graft_host.networks.rewrites import pools_behind_convolutions
from tests.support.host_data import run_python
from tests.support.networks import branched, compute, largest_error, mobile, outputs_of, random_parameters

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 33

# Keras runs in a process of its own, and so does what builds its networks.
_SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
from graft_host.backbones.in_tensorflow.keras_network import keras_network
from tests.host.backbones.in_tensorflow.test_keras_network import NETWORKS, pixels
from tests.support.networks import random_parameters

folder, names = Path(sys.argv[1]), {}
for name, network in NETWORKS.items():
    model = keras_network(network, random_parameters(network))
    outputs = model(pixels(), training=False)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    np.savez(folder / f"{name}.npz", *map(np.asarray, outputs))
    names[name] = [layer.name for layer in model.layers]
(folder / "names.json").write_text(json.dumps(names))
"""


def pixels() -> Any:
    return np.random.default_rng(1).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)


def _activated() -> Network:
    """``mobile`` with an activation on its addition."""
    network = mobile(SIDE)
    layers = (replace(each, activation=RELU6) if isinstance(each, Addition) else each for each in network.layers)
    return Network(tuple(layers), network.outputs)


NETWORKS = {
    "branched": branched(SIDE),
    "mobile": mobile(SIDE),
    "pools with activations": pools_behind_convolutions(branched(SIDE)),
    "addition with activation": _activated(),
    "one output": branched(SIDE).with_outputs(["second"]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what Keras computes."""
    folder = tmp_path_factory.mktemp("keras")
    done = run_python(_SCRIPT, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_outputs_are_those_of_the_description_and_of_the_float_file(folder: Path, name: str) -> None:
    network = NETWORKS[name]
    parameters = random_parameters(network)
    with np.load(folder / f"{name}.npz") as archive:
        outputs = [archive[key] for key in archive.files]
    for place, photo in enumerate(pixels()):
        exact = compute(network, parameters, photo)
        ours = outputs_of(write_float32(network, parameters), photo[np.newaxis])
        for output, keras, file in zip(network.outputs, outputs, ours, strict=True):
            assert keras[place].shape == exact[output].shape
            assert largest_error(keras[place], exact[output]) <= 1e-6
            assert largest_error(keras[place], file[0]) <= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_layers_keep_the_names_of_the_description(folder: Path, name: str) -> None:
    names = json.loads((folder / "names.json").read_text())[name]
    added = {"pools with activations": {f"mean_{RELU}"}, "addition with activation": {f"sum_{RELU6}"}}
    assert sorted(names) == sorted({layer.name for layer in NETWORKS[name].layers} | added.get(name, set()))
