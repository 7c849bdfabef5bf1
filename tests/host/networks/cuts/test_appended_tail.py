"""Int8 tails behind fronts, on both runtimes."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.inception_v3.family import FAMILY as INCEPTION
from graft_host.backbones.inception_v3.layers import describe
from graft_host.backbones.weights.find import find_weights
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.cuts.appended_tail import append_tail
from graft_host.networks.cuts.cutting import cut, front
from graft_host.networks.cuts.tails import cut_points, tail_of
from graft_host.networks.equalization import equalized
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layers import RELU, Network
from graft_host.networks.parameters import Parameters
from graft_host.networks.ranges import measure
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.networks.scaling import Scaling
from graft_host.support import flatbuffer
from tests.support.networks import (
    RUNTIMES,
    branched,
    compute,
    decibels,
    mobile,
    outputs_of,
    random_parameters,
    real_outputs_of,
    unwatched,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SCALING = Scaling(127.5, 127.5)
SIDE = 33


def three_taps(side: int) -> Network:
    """A pool and a join behind each of two cuts, and three taps."""
    builder = NetworkBuilder(side)
    end = builder.convolution("stem", builder.pixels, 12, (3, 3), stride=2, activation=RELU)
    taps = []
    for tap in ("early", "middle", "late"):
        mean = builder.convolution(
            f"{tap}_mean", builder.average_pool(f"{tap}_pool", end, 3), 6, (1, 1), activation=RELU
        )
        wide = builder.convolution(f"{tap}_wide", end, 10, (3, 3), activation=RELU)
        end = builder.concatenation(tap, [wide, builder.max_pool(f"{tap}_greatest", end, 3), mean])
        taps.append(builder.bottleneck(end))
    return builder.finish(taps)


NETWORKS = (branched, mobile, three_taps)


def photos(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def whole_file(network: Network, parameters: Mapping[str, Parameters]) -> bytes:
    """The int8 file of a network, as backbones are written."""
    network = pools_behind_convolutions(network)
    ranges = measure(network, parameters, photos(12), SCALING, 1, unwatched)
    parameters, ranges = equalized(network, parameters, ranges, network)
    return write_int8(network, parameters, ranges, SCALING)


def maps_of(data: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.int8]:
    return np.stack([outputs_of(data, photo[np.newaxis])[0][0] for photo in pixels])


def tuned(parameters: Mapping[str, Parameters], tail: Network) -> dict[str, Parameters]:
    """The parameters with other ones in the tail, as training leaves them."""
    others = random_parameters(tail, 5)
    names = {layer.name for layer in tail.convolutions}
    return {name: others[name] if name in names else values for name, values in parameters.items()}


def buffers(data: bytes) -> list[bytes]:
    return [b"" if buffer.data is None else bytes(buffer.data) for buffer in flatbuffer.unpack(data, "it").buffers]


@pytest.mark.parametrize("made", NETWORKS)
def test_a_front_gives_the_map_and_the_bottlenecks_before_the_tail(made: Callable[[int], Network]) -> None:
    network = made(SIDE)
    data = whole_file(network, random_parameters(network))
    for place in cut_points(network, network):
        part = front(data, place, "it")
        outputs = tail_of(network, place).outputs
        kept = [number for number, name in enumerate(network.outputs) if name not in outputs]
        assert len(kept) == len(network.outputs) - len(outputs)
        for photo in photos(3, 1):
            values, *bottlenecks = outputs_of(part, photo[np.newaxis])
            assert values.dtype == np.int8
            assert values.shape == (1, *network[place].shape)
            expected = [outputs_of(data, photo[np.newaxis])[number] for number in kept]
            assert all(map(np.array_equal, bottlenecks, expected))
            assert len(bottlenecks) == len(expected)
        assert set(buffers(part)) < set(buffers(data))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("made", NETWORKS)
def test_the_pretrained_tail_gives_the_bottlenecks_of_the_whole_file(
    made: Callable[[int], Network], runtime: str
) -> None:
    network = made(SIDE)
    parameters = random_parameters(network)
    data = whole_file(network, parameters)
    for place in cut_points(network, network):
        part = front(data, place, "it")
        joined = append_tail(part, tail_of(network, place), parameters, maps_of(part, photos(12)), 1, unwatched)
        for photo in photos(6, 1):
            computed = real_outputs_of(joined, photo[np.newaxis], runtime)
            expected = real_outputs_of(data, photo[np.newaxis], runtime)
            assert [values.shape for values in computed] == [values.shape for values in expected]
            for near, exact in zip(computed, expected, strict=True):
                assert np.linalg.norm(near - exact) < 0.03 * np.linalg.norm(exact), place


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("made", NETWORKS)
def test_a_tuned_tail_gives_its_own_bottlenecks(made: Callable[[int], Network], runtime: str) -> None:
    network = made(SIDE)
    parameters = random_parameters(network)
    data = whole_file(network, parameters)
    for place in cut_points(network, network):
        tail, part = tail_of(network, place), front(data, place, "it")
        changed = tuned(parameters, tail)
        joined = append_tail(part, tail, changed, maps_of(part, photos(12)), 1, unwatched)
        for photo in photos(4, 1):
            expected = compute(network, changed, (photo - SCALING.mean) / SCALING.std)
            for name, computed in zip(
                network.outputs, real_outputs_of(joined, photo[np.newaxis], runtime), strict=True
            ):
                assert decibels(computed[0], expected[name]) > 26, (place, name)


def test_the_front_stays_as_it_is() -> None:
    network = three_taps(SIDE)
    parameters = random_parameters(network)
    part = front(whole_file(network, parameters), "middle", "it")
    tail = tail_of(network, "middle")
    joined = append_tail(part, tail, tuned(parameters, tail), maps_of(part, photos(12)), 1, unwatched)
    assert buffers(joined)[: len(buffers(part))] == buffers(part)
    before, after = (flatbuffer.unpack(data, "it").subgraphs[0] for data in (part, joined))
    for old, new in zip(before.tensors, after.tensors, strict=False):
        assert (old.name, old.type, old.buffer, list(old.shape)) == (new.name, new.type, new.buffer, list(new.shape))
        assert (
            list(old.quantization.scale) == list(new.quantization.scale) if old.quantization else not new.quantization
        )
    for old, new in zip(before.operators, after.operators, strict=False):
        assert (list(old.inputs), list(old.outputs)) == (list(new.inputs), list(new.outputs))
    assert cut(joined, [0, 1], "it") == cut(part, [1, 2], "it")
    names = [after.tensors[place].name.decode() for place in after.outputs]
    assert names == ["bottleneck_early", "bottleneck_middle", "bottleneck_late"]


def test_the_tail_reads_the_very_numbers_of_the_front() -> None:
    network = three_taps(SIDE)
    parameters = random_parameters(network)
    part = front(whole_file(network, parameters), "early", "it")
    maps = maps_of(part, photos(12))
    joined = append_tail(part, tail_of(network, "early"), parameters, maps, 1, unwatched)
    graph = flatbuffer.unpack(joined, "it").subgraphs[0]
    (place,) = (number for number, tensor in enumerate(graph.tensors) if tensor.name == b"early")
    readers = [operator for operator in graph.operators if place in operator.inputs]
    assert len(readers) == 4  # the bottleneck, two convolutions, and the pool
    assert append_tail(part, tail_of(network, "early"), parameters, maps, 3, unwatched) == joined


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_file_with_a_tail_opens_from_memory_and_by_path(tmp_path: Path, runtime: str) -> None:
    network = three_taps(SIDE)
    parameters = random_parameters(network)
    part = front(whole_file(network, parameters), "early", "it")
    joined = append_tail(part, tail_of(network, "early"), parameters, maps_of(part, photos(12)), 1, unwatched)
    (tmp_path / "joined.tflite").write_bytes(joined)
    module = importlib.import_module(f"{runtime}.interpreter")
    interpreter = module.Interpreter(model_path=str(tmp_path / "joined.tflite"))
    interpreter.allocate_tensors()
    photo = photos(1, 3)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo)
    interpreter.invoke()
    by_path = [interpreter.get_tensor(details["index"]) for details in interpreter.get_output_details()]
    assert all(map(np.array_equal, by_path, outputs_of(joined, photo, runtime)))


@pytest.mark.parametrize("taps", [["mixed3"], ["mixed0", "mixed1", "mixed3"]])
def test_inception_behind_a_cut(taps: list[str]) -> None:
    """With the pretrained parameters, about as near to float32 as the whole int8 network is."""
    weights = find_weights("random", 0, INCEPTION)
    pixels = np.random.default_rng(0).integers(0, 256, (10, 75, 75, 3), np.uint8)
    (data, *_), (exact, *_) = (
        convert(weights, taps, 75, quantization, given, 2, None)
        for quantization, given in (("int8", pixels[:6]), ("float32", None))
    )
    network = describe(taps, 75)
    parameters = INCEPTION.read_parameters(weights, network)
    part = front(data, "mixed1", "it")
    joined = append_tail(part, tail_of(network, "mixed1"), parameters, maps_of(part, pixels[:6]), 2, unwatched)

    def error(file: bytes) -> float:
        computed = [np.concatenate(real_outputs_of(file, photo[np.newaxis]), axis=1) for photo in pixels[6:]]
        scaled = [((photo - weights.mean) / weights.std).astype(np.float32)[np.newaxis] for photo in pixels[6:]]
        expected = [np.concatenate(outputs_of(exact, photo), axis=1) for photo in scaled]
        return decibels(np.stack(computed), np.stack(expected))

    assert error(joined) > error(data) - 0.5


@pytest.fixture(scope="module")
def parts() -> tuple[bytes, Network, dict[str, Parameters], NDArray[np.int8]]:
    network = three_taps(SIDE)
    parameters = random_parameters(network)
    part = front(whole_file(network, parameters), "middle", "it")
    return part, tail_of(network, "middle"), parameters, maps_of(part, photos(4))


def test_maps_of_another_kind_are_refused(parts: tuple[bytes, Network, dict[str, Parameters], Any]) -> None:
    part, tail, parameters, maps = parts
    shape = maps.shape[1:]
    with pytest.raises(ExportError, match=rf"the maps are float32 .*, but the tail reads int8 \({shape[0]}, "):
        append_tail(part, tail, parameters, maps.astype(np.float32), 1, unwatched)
    with pytest.raises(ExportError, match="the maps are int8 "):
        append_tail(part, tail, parameters, maps[:, 1:], 1, unwatched)
    with pytest.raises(ExportError, match="there is no photo to measure"):
        append_tail(part, tail, parameters, maps[:0], 1, unwatched)


def test_a_front_of_another_cut_is_refused(parts: tuple[bytes, Network, dict[str, Parameters], Any]) -> None:
    part, _, parameters, maps = parts
    mobile_tail = tail_of(mobile(SIDE), "sum")
    with pytest.raises(ExportError, match=r"the front gives int8 .*, but the tail reads int8 \(1, 17, 17, 8\)"):
        append_tail(part, mobile_tail, parameters, maps, 1, unwatched)


def test_parameters_that_lack_a_layer_are_refused(parts: tuple[bytes, Network, dict[str, Parameters], Any]) -> None:
    part, tail, parameters, maps = parts
    lacking = {name: values for name, values in parameters.items() if name != "late_wide"}
    with pytest.raises(ExportError, match="the network's layer late_wide has no weights"):
        append_tail(part, tail, lacking, maps, 1, unwatched)
    other = {**parameters, "late_wide": replace(parameters["late_wide"], bias=np.zeros(3, np.float32))}
    with pytest.raises(ExportError, match="the bias of layer late_wide is"):
        append_tail(part, tail, other, maps, 1, unwatched)


def test_a_file_without_the_layer_is_not_cut(parts: tuple[bytes, Network, dict[str, Parameters], Any]) -> None:
    part, *_ = parts
    with pytest.raises(ExportError) as error:
        front(part, "late", "backbone.tflite")
    assert error.value.what == "backbone.tflite has no int8 layer late to cut it at"
    assert error.value.remedy == "convert the backbone again with --recalibrate"
