"""The scales and zero points of int8 layers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.layers import (
    LINEAR,
    RELU,
    AveragePool,
    Concatenation,
    Convolution,
    Depthwise,
    MaxPool,
    Mean,
    Network,
    Requantization,
)
from graft_host.networks.parameters import Parameters
from graft_host.networks.ranges import LayerRange, Ranges, measure
from graft_host.networks.rewrites import pools_behind_convolutions, ready_for_int8
from graft_host.networks.scales import HEADROOM, choose_scales
from graft_host.networks.scaling import Quantization, Scaling
from tests.support.networks import branched, mobile, random_parameters, unwatched

SIDE = 33
KERAS = Scaling(127.5, 127.5)
PIXELS: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), np.uint8)
NETWORKS = {
    "branched": branched(SIDE),
    "rewritten": pools_behind_convolutions(branched(SIDE)),
    "mobile": mobile(SIDE),
}


def chosen(
    network: Network, parameters: dict[str, Parameters] | None = None, scaling: Scaling = KERAS
) -> tuple[Network, Ranges, dict[str, Quantization]]:
    ranges = measure(network, parameters or random_parameters(network), PIXELS, scaling, 1, unwatched)
    ready = ready_for_int8(network)
    return ready, ranges, choose_scales(ready, ranges, scaling)


def extent(scale: Quantization) -> tuple[float, float]:
    """The smallest and the largest number that it can store."""
    return (-128 - scale.zero_point) * scale.scale, (127 - scale.zero_point) * scale.scale


@pytest.mark.parametrize("name", NETWORKS)
def test_scales_are_equal_where_tflite_demands_it(name: str) -> None:
    network, _, scales = chosen(NETWORKS[name])
    assert set(scales) == {layer.name for layer in network.layers}
    for layer in network.layers:
        if isinstance(layer, (Concatenation, MaxPool, AveragePool)):
            assert {scales[source] for source in layer.inputs} == {scales[layer.name]}, layer.name


@pytest.mark.parametrize("name", NETWORKS)
def test_a_scale_covers_the_range_and_0_is_a_stored_number(name: str) -> None:
    network, ranges, scales = chosen(NETWORKS[name])
    for layer in network.layers[1:]:
        seen = ranges[layer.inputs[0] if isinstance(layer, Requantization) else layer.name.removesuffix("/linear")]
        least, greatest = extent(scales[layer.name])
        step = scales[layer.name].scale
        assert np.float32(step) == step
        assert -128 <= scales[layer.name].zero_point <= 127
        assert least <= np.min(seen.least) + step, layer.name
        assert greatest >= np.max(seen.greatest) - step, layer.name
        joined = any(isinstance(reader, Concatenation) for reader in network.readers(layer.name))
        if isinstance(layer, (Convolution, Depthwise)) and layer.activation != LINEAR and not joined:
            assert least == 0, layer.name


def test_a_bottleneck_has_headroom_and_inner_layers_have_none() -> None:
    network, ranges, scales = chosen(NETWORKS["rewritten"])
    for name, share in (("bottleneck_first", HEADROOM), ("bottleneck_second", HEADROOM), ("stem", 1), ("wide", 1)):
        least, greatest = extent(scales[name])
        reach = np.max(ranges[name].greatest) - np.min(ranges[name].least)
        assert greatest - least == pytest.approx(share * reach, rel=1e-5), name
    assert HEADROOM == 1.25
    assert isinstance(network["bottleneck_first"], Mean)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_scale_does_not_depend_on_what_comes_after_an_output(name: str) -> None:
    network = NETWORKS[name]
    _, _, scales = chosen(network)
    for output in network.outputs:
        alone, _, by_itself = chosen(network.with_outputs([output]))
        for layer in alone.layers:
            assert by_itself[layer.name] == scales[layer.name], layer.name


@pytest.mark.parametrize(
    ("scaling", "scale", "zero_point"),
    [
        (Scaling(127.5, 127.5), 1 / 127.5, 0),
        (Scaling(128, 128), 1 / 128, 0),
        (Scaling(127, 128), 1 / 128, -1),
        (Scaling(0, 255), 1 / 255, -128),
        (Scaling(255, 255), 1 / 255, 127),
        (Scaling(100, 50), 1 / 50, -28),
    ],
)
def test_pixels_are_stored_as_they_are(scaling: Scaling, scale: float, zero_point: int) -> None:
    _, _, scales = chosen(branched(SIDE), scaling=scaling)
    assert scales["pixels"] == Quantization(float(np.float32(scale)), zero_point)
    assert scaling.zero_point - 128 == zero_point


@pytest.mark.parametrize("scaling", [Scaling(127.5, 127.5), Scaling(127, 128), Scaling(123.68, 58.4), Scaling(300, 10)])
def test_the_remainder_is_what_the_zero_point_misses(scaling: Scaling) -> None:
    for pixel in (0, 100, 255):
        stored = (pixel - scaling.zero_point) / scaling.std
        assert stored + scaling.remainder == pytest.approx((pixel - scaling.mean) / scaling.std)
    least, greatest = scaling.extent
    assert (least, greatest) == (-scaling.mean / scaling.std, (255 - scaling.mean) / scaling.std)


def test_a_dead_layer_has_the_scale_of_what_it_reads() -> None:
    network = NETWORKS["rewritten"]
    parameters = random_parameters(network)
    for name in ("stem", "wide", "halved"):
        values = parameters[name]
        parameters[name] = Parameters(values.kernel, np.full_like(values.bias, -1000))
    _, ranges, scales = chosen(network, parameters)
    assert np.max(ranges["stem"].greatest) == 0
    assert scales["stem"] == Quantization(scales["pixels"].scale, 0)
    assert scales["wide"] == Quantization(scales["stem"].scale, 0)
    assert scales["second"] == scales["greatest/second"] == scales["halved"]
    assert scales["second"].scale == pytest.approx(scales["greatest"].scale)


def test_a_dead_branch_does_not_widen_its_join() -> None:
    network = NETWORKS["rewritten"]
    alive = random_parameters(network)
    alive["point"] = Parameters(alive["point"].kernel * np.float32(1e-3), alive["point"].bias)
    alive["wide"] = Parameters(alive["wide"].kernel, np.full_like(alive["wide"].bias, -1000))
    alive["wide_1x3"] = Parameters(alive["wide_1x3"].kernel, np.full_like(alive["wide_1x3"].bias, -1))
    alive["mean_1x1"] = Parameters(alive["mean_1x1"].kernel * 0, np.full_like(alive["mean_1x1"].bias, 1e-3))
    _, ranges, scales = chosen(network, alive)
    assert np.max(ranges["wide_1x3"].greatest) == 0
    least, greatest = extent(scales["first"])
    assert greatest - least == pytest.approx(np.max(ranges["point"].greatest) - np.min(ranges["point"].least), rel=1e-5)


def test_what_a_rectification_reads_has_no_negative_zero_point() -> None:
    """So that ReLU has its threshold at 0 or above it, whatever the convolution's range."""
    for least in (-2.0, -1.0, -0.5, -0.01, 0.0):
        builder = NetworkBuilder(9)
        pool = builder.average_pool("pool", builder.pixels, 3)
        network = builder.finish([builder.convolution("conv", pool, 4, (1, 1), activation=RELU)])
        ready = ready_for_int8(pools_behind_convolutions(network))
        ends = {"pixels": (-1.0, 1.0), "conv": (least, 1.0), "pool": (0.0, 0.8)}
        ranges = {
            name: LayerRange(np.array([low]), np.array([high]), np.zeros(1)) for name, (low, high) in ends.items()
        }
        scales = choose_scales(ready, ranges, KERAS)
        assert scales["conv"] == scales["pool/linear"]
        assert scales["conv"].zero_point == max(0, round(-128 + 255 * -least / (1 - least)))
        assert extent(scales["conv"])[0] <= least + scales["conv"].scale
        assert extent(scales["conv"])[1] == pytest.approx(1, abs=scales["conv"].scale)
        assert extent(scales["pool"])[1] == pytest.approx(0.8 * HEADROOM)
        assert extent(scales["pool"])[0] == 0
