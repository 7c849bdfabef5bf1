"""Means of the quarters of a map, on both runtimes, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.cuts.cutting import cut
from graft_host.networks.depthwise_means import with_depthwise_means
from graft_host.networks.float_file import write_dynamic, write_float16, write_float32
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layers import LINEAR, RELU, Network
from graft_host.networks.quarters import quarters, with_quarter_means
from graft_host.networks.ranges import measure
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.networks.scaling import Scaling
from graft_host.support import flatbuffer
from graft_host.tflite.operators import check_versions, operators
from tests.support.networks import (
    RUNTIMES,
    branched,
    compute,
    decibels,
    largest_error,
    outputs_of,
    quarter_means,
    random_parameters,
    real_outputs_of,
    unwatched,
)

SCALING = Scaling(127.5, 127.5)
KINDS = [(write_float32, 1e-5), (write_float16, 2e-3), (write_dynamic, 0.05)]


def photos(side: int, count: int = 6) -> NDArray[np.uint8]:
    """Photos whose quarters differ in brightness."""
    rng = np.random.default_rng(side)
    ramp = np.linspace(0, 1, side)[:, None, None] * np.linspace(0.3, 1, side)[None, :, None]
    return np.asarray(rng.integers(0, 256, (count, side, side, 3)) * ramp, np.uint8)


def scaled(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray((pixels.astype(np.float32) - 127.5) / 127.5)


def single(side: int, activation: str = RELU, *, window: tuple[int, int] = (1, 1)) -> Network:
    """One convolution whose map has the side of the photo, its mean and the means of its quarters."""
    network = NetworkBuilder(side)
    end = network.convolution("it", network.pixels, 12, window, padded=False, activation=activation)
    mean = network.bottleneck(end)
    return with_quarter_means(network.finish([mean]), [(mean, ""), (mean, "/2x2")])


def grids(side: int) -> Network:
    """Joins and pools, with both taps as means and as means of quarters."""
    network = branched(side)
    return with_quarter_means(network, [(name, ending) for name in network.outputs for ending in ("", "/2x2")])


def int8(network: Network, pixels: NDArray[np.uint8]) -> bytes:
    parameters = random_parameters(network)
    return write_int8(network, parameters, measure(network, parameters, pixels, SCALING, 1, unwatched), SCALING)


@given(st.integers(1, 60), st.integers(1, 60))
def test_quarters_have_half_the_sides_and_share_the_middle_of_an_odd_side(height: int, width: int) -> None:
    covered = np.zeros((height, width), int)
    parts = quarters(height, width)
    assert [(part.top > 0, part.left > 0) for part in parts] == [
        (height > 1 and below, width > 1 and right) for below in (False, True) for right in (False, True)
    ]
    for part in parts:
        assert (part.height, part.width) == ((height + 1) // 2, (width + 1) // 2)
        assert (part.top, part.left) in {(top, left) for top in (0, height // 2) for left in (0, width // 2)}
        covered[part.top : part.top + part.height, part.left : part.left + part.width] += 1
    shared = [
        np.array([2 if side % 2 and place == side // 2 else 1 for place in range(side)]) for side in covered.shape
    ]
    assert np.array_equal(covered, np.outer(*shared))


@settings(max_examples=25)
@given(side=st.integers(1, 24), runtime=st.sampled_from(RUNTIMES), kind=st.sampled_from(KINDS))
def test_float_files_have_the_means_of_quarters(side: int, runtime: str, kind: tuple[object, float]) -> None:
    network, (write, error) = single(side), kind
    parameters, photo = random_parameters(network), photos(side)[0]
    assert callable(write)
    computed = outputs_of(write(network, parameters), scaled(photo)[np.newaxis], runtime)
    layers = compute(network, parameters, scaled(photo))
    assert [output.shape for output in computed] == [(1, 12), (1, 48)]
    assert largest_error(computed[1][0], quarter_means(layers["it"])) < error


@settings(max_examples=25)
@given(side=st.integers(1, 24), runtime=st.sampled_from(RUNTIMES), activation=st.sampled_from([RELU, LINEAR]))
def test_int8_files_have_the_means_of_quarters_with_a_scale_of_their_own(
    side: int, runtime: str, activation: str
) -> None:
    """Each is within a step of the mean of the stored map; tflite-runtime rounds twice."""
    network, pixels = single(side, activation), photos(side)
    data = int8(network, pixels)
    model = flatbuffer.unpack(data, "it")
    check_versions(model)
    graph = model.subgraphs[0]
    (place,) = (place for place, tensor in enumerate(graph.tensors) if tensor.name == b"it")
    graph.outputs = np.append(graph.outputs, place).astype(np.int32)
    whole = flatbuffer.pack(model)
    scale = float(graph.tensors[graph.outputs[1]].quantization.scale[0])
    assert scale <= 1.25 * float(graph.tensors[place].quantization.scale[0]) * (1 + 1e-6)
    for photo in pixels[:3]:
        _, ours, stored = real_outputs_of(whole, photo[np.newaxis], runtime)
        assert np.abs(ours[0] - quarter_means(stored[0])).max() <= scale * (1 + 1e-4)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("side", [16, 29, 32, 47])
def test_quarters_of_joins_are_close_to_those_of_numpy(side: int, runtime: str) -> None:
    network, pixels = pools_behind_convolutions(grids(side)), photos(side)
    assert network.outputs == tuple(f"bottleneck_{tap}{end}" for tap in ("first", "second") for end in ("", "/2x2"))
    parameters = random_parameters(network)
    data = int8(network, pixels)
    for place in range(4):
        ours, exact = [], []
        for photo in pixels:
            ours.append(real_outputs_of(data, photo[np.newaxis], runtime)[place][0])
            exact.append(compute(network, parameters, scaled(photo))[network.outputs[place]])
        assert decibels(np.stack(ours), np.stack(exact)) > 25


def test_the_quarters_of_a_single_position_are_that_position() -> None:
    data = int8(single(1), photos(1))
    mean, cells = (values[0] for values in outputs_of(data, photos(1)[:1]))
    assert mean.shape == (12,)
    assert np.array_equal(cells, np.tile(cells[:12], 4))


def test_a_map_need_not_be_square() -> None:
    network = single(9, window=(1, 9))
    assert network["it"].shape == (9, 1, 12)
    photo, parameters = photos(9)[0], random_parameters(network)
    computed = outputs_of(write_float32(network, parameters), scaled(photo)[np.newaxis])[1][0]
    assert largest_error(computed, quarter_means(compute(network, parameters, scaled(photo))["it"])) < 1e-5
    top, right, bottom, _ = np.split(computed, 4)
    assert np.array_equal(top, right)
    assert not np.array_equal(top, bottom)


@pytest.mark.parametrize("places", [(0,), (1,), (2,), (3,), (0, 1), (1, 2), (1, 3), (0, 2, 3)])
@pytest.mark.parametrize("kind", ["int8", "float32", "dynamic"])
def test_what_is_cut_is_what_is_written_alone(places: tuple[int, ...], kind: str) -> None:
    network, pixels = grids(33), photos(33)
    parameters = random_parameters(network)
    ranges = measure(network, parameters, pixels, SCALING, 1, unwatched)
    kinds = {
        "int8": lambda part: write_int8(part, parameters, ranges, SCALING),
        "float32": lambda part: write_float32(part, parameters),
        "dynamic": lambda part: write_dynamic(part, parameters),
    }
    whole, alone = (kinds[kind](part) for part in (network, network.with_outputs(network.outputs[p] for p in places)))
    assert cut(whole, places, "it") == alone


def test_the_faster_form_has_the_same_bits() -> None:
    network, pixels = pools_behind_convolutions(grids(48)), photos(48)
    data = int8(network, pixels)
    faster = with_depthwise_means(data, "it")
    assert faster is not None
    assert "SLICE" in {operator.name for operator in operators(flatbuffer.unpack(faster, "it"))}
    for photo in pixels:
        pairs = zip(outputs_of(data, photo[np.newaxis]), outputs_of(faster, photo[np.newaxis]), strict=True)
        assert all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def test_what_is_not_the_mean_of_a_map_has_no_quarters() -> None:
    network = NetworkBuilder(8)
    end = network.convolution("it", network.pixels, 2, (1, 1))
    with pytest.raises(ExportError, match="it is not the mean of a map, so it has no quarters"):
        with_quarter_means(network.finish([end]), [(end, "/2x2")])
