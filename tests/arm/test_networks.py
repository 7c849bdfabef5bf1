"""The files of networks on emulated boards: all kinds of numbers and of layers, against this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.weights.find import find_weights
from graft_host.heads.head import Head
from graft_host.heads.novelty import Likeness, Novelty, measure_spread
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.cuts.appended_tail import append_tail
from graft_host.networks.cuts.cutting import front
from graft_host.networks.cuts.tails import tail_of
from graft_host.networks.float_file import write_dynamic, write_float16, write_float32
from graft_host.networks.int8_file import write_int8
from graft_host.networks.quarters import with_quarter_means
from graft_host.networks.ranges import measure
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.networks.scaling import Scaling
from graft_host.support import flatbuffer
from graft_host.tflite.fuse import fuse
from tests.support.arm.arches import INTERPRETERS, PAIRS
from tests.support.networks import branched, largest_error, mobile, outputs_of, random_parameters, unwatched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graft_host.backbones.family import WeightsSource
    from graft_host.networks.layers import Network
    from graft_host.networks.parameters import Parameters
    from tests.support.arm.arches import Runtime

pytestmark = pytest.mark.arm

SCALING = Scaling(127.5, 127.5)
FLOAT_WRITERS = {"float32": write_float32, "float16": write_float16, "dynamic": write_dynamic}
KINDS = ("int8", *FLOAT_WRITERS)
BOUNDS = {"float32": 1e-5, "float16": 1e-5, "dynamic": 0.02}


def _signed(side: int) -> Network:
    """Every third pixel, and the means of the quarters of these; negative numbers, and no convolution."""
    network = NetworkBuilder(side)
    mean = network.bottleneck(network.max_pool("third", network.pixels, 1, stride=3))
    return with_quarter_means(network.finish([mean]), [(mean, "/2x2")])


SIGNED = "signed"
# Wide enough that a dynamic file stores every kernel in int8, with a scale for each filter.
NETWORKS = {"branched": pools_behind_convolutions(branched(48)), "mobile": mobile(48, width=48), SIGNED: _signed(21)}
INCEPTION, TAP, SIDE = "inception", "mixed3", 75
QUARTERED, QUARTERS = "quartered", ("mixed1", "mixed1/2x2", "mixed3/2x2")
"""Inception with the means of the quarters of maps that have sides of 7 and 3."""
NAMES = (*NETWORKS, INCEPTION, QUARTERED)
ALL_RELU = "described"
"""Inception with its pools where they were, so that a ReLU ends each convolution. Only in int8."""
TUNED, CUT = "tuned", "mixed1"
"""Inception with other parameters behind a cut. Only in int8."""
EXACT = (INCEPTION, QUARTERED, SIGNED, ALL_RELU, TUNED)
FUSED, TAPS, CLASSES = "fused", ("mixed1", "mixed3"), 3
"""Inception with two taps and a head on both; in float32 the photo is beyond what the head knows."""
FUSED_KINDS = ("int8", "float32")
FILES = sorted(
    [
        *(f"{name}-{kind}" for name in NAMES for kind in KINDS),
        *(f"{FUSED}-{kind}" for kind in FUSED_KINDS),
        f"{ALL_RELU}-int8",
        f"{TUNED}-int8",
    ]
)

# One start of the emulator runs all files; what is printed names the file that a crash ends.
_PROGRAM = """
import importlib, sys
from pathlib import Path
import numpy as np
folder, runtime = Path(sys.argv[1]), importlib.import_module(sys.argv[2])
for path in sorted(folder.glob("*.tflite")):
    print(path.stem, flush=True)
    interpreter = runtime.Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.load(path.with_suffix(".npy")))
    interpreter.invoke()
    outputs = [interpreter.get_tensor(end["index"]) for end in interpreter.get_output_details()]
    np.savez(Path(sys.argv[3]) / f"{path.stem}.npz", *outputs)
"""


@dataclass(frozen=True)
class Ran:
    """What a board computed.

    Attributes:
        files: the folder of the files and of their inputs.
        outputs: the folder of the outputs.
        runtime: that of the board.
    """

    files: Path
    outputs: Path
    runtime: Runtime

    def both(self, name: str, kind: str) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Each output on the board and on this machine."""
        with np.load(self.outputs / f"{name}-{kind}.npz") as archive:
            there = [archive[key] for key in archive.files]
        path = self.files / f"{name}-{kind}"
        module = INTERPRETERS[self.runtime].partition(".")[0]
        here = outputs_of(path.with_suffix(".tflite").read_bytes(), np.load(path.with_suffix(".npy")), module)
        return list(zip(there, here, strict=True))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each network in each kind of numbers, and an input for each file."""
    folder = tmp_path_factory.mktemp("networks")
    for file in FILES:
        name, _, kind = file.partition("-")
        side = NETWORKS[name].pixels.shape[0] if name in NETWORKS else SIDE
        photos = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), np.uint8)
        (folder / f"{file}.tflite").write_bytes(_data(name, kind, photos))
        scaled = ((photos[:1] - SCALING.mean) / SCALING.std).astype(np.float32)
        np.save(folder / f"{file}.npy", photos[:1] if kind == "int8" else scaled)
    return folder


def _data(name: str, kind: str, photos: NDArray[np.uint8]) -> bytes:
    weights = find_weights("random", 3)
    if name in (INCEPTION, QUARTERED):
        taps = [TAP] if name == INCEPTION else QUARTERS
        return convert(weights, taps, SIDE, kind, photos, 1, None)[0]
    if name == FUSED:
        return _fused(convert(weights, TAPS, SIDE, kind, photos, 1, None)[0], kind, photos)
    if name == ALL_RELU:
        network = weights.family.describe(weights, [TAP], SIDE)
        return _written(network, weights.family.read_parameters(weights, network), kind, photos)
    if name == TUNED:
        return _tuned(weights, photos)
    return _written(NETWORKS[name], random_parameters(NETWORKS[name]), kind, photos)


def _tuned(weights: WeightsSource, photos: NDArray[np.uint8]) -> bytes:
    part = front(convert(weights, [TAP], SIDE, "int8", photos, 1, None)[0], CUT, "it")
    tail = tail_of(weights.family.describe(weights, [TAP], SIDE), CUT)
    maps = np.stack([outputs_of(part, photo[np.newaxis])[0][0] for photo in photos])
    return append_tail(part, tail, random_parameters(tail), maps, 1, unwatched)


def _fused(backbone: bytes, kind: str, photos: NDArray[np.uint8]) -> bytes:
    scaled = ((photos - SCALING.mean) / SCALING.std).astype(np.float32)
    inputs = photos if kind == "int8" else scaled
    scales = [tensor.quantization for tensor in _outputs(backbone)]
    rows = []
    for row in inputs:
        parts = outputs_of(backbone, row[np.newaxis], "ai_edge_litert")
        if kind == "int8":
            parts = [
                (part.astype(np.float32) - scale.zeroPoint[0]) * scale.scale[0]
                for part, scale in zip(parts, scales, strict=True)
            ]
        rows.append(np.concatenate(parts, axis=1)[0])
    known = np.stack(rows).astype(np.float32)
    spread = measure_spread(known)
    # Runtimes may round an int8 bottleneck differently, and beyond the start a step changes the logits a lot.
    start = float(spread.distance(known[:1])[0]) * (2 if kind == "int8" else 1 / 1.02)
    rng = np.random.default_rng(1)
    head = Head(rng.normal(0, 0.5, (known.shape[1], CLASSES)).astype(np.float32), np.zeros(CLASSES, np.float32))
    weight = rng.normal(1, 0.2, known.shape[1]).astype(np.float32)
    values = spread.values(known) @ weight  # a likeness of about 0.02 shrinks the logits of all photos by a third
    likeness = Likeness((0.02 / np.abs(values).mean() * weight).astype(np.float32), 0.0)
    return fuse(backbone, head, known, novelty=Novelty(spread, start, likeness))


def _outputs(backbone: bytes) -> list[Any]:
    graph = flatbuffer.unpack(backbone, "backbone").subgraphs[0]
    return [graph.tensors[place] for place in graph.outputs]


def _written(network: Network, parameters: Mapping[str, Parameters], kind: str, photos: NDArray[np.uint8]) -> bytes:
    if kind != "int8":
        return FLOAT_WRITERS[kind](network, parameters)
    return write_int8(network, parameters, measure(network, parameters, photos, SCALING, 1, unwatched), SCALING)


@pytest.fixture(scope="session", params=PAIRS, ids="-".join)
def ran(request: pytest.FixtureRequest, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Each board with each of its runtimes, after it has run all files."""
    arch, runtime = request.param
    board, outputs = request.getfixturevalue(arch), tmp_path_factory.mktemp("outputs")
    done = board.python("-c", _PROGRAM, files, INTERPRETERS[runtime], outputs, runtime=runtime)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == FILES
    return Ran(files, outputs, runtime)


@pytest.mark.parametrize("name", [*NAMES, ALL_RELU, TUNED])
def test_int8_as_on_this_machine(ran: Ran, name: str) -> None:
    """The same bytes, or a step apart where a convolution has no ReLU: halves below zero are rounded otherwise."""
    for there, here in ran.both(name, "int8"):
        assert there.dtype == here.dtype == np.int8
        assert len(np.unique(here)) > 5
        steps = np.abs(there.astype(int) - here)
        assert steps.max() <= (0 if name in EXACT and ran.runtime == "tflite-runtime" else 1)


@pytest.mark.parametrize("kind", FLOAT_WRITERS)
@pytest.mark.parametrize("name", NAMES)
def test_floats_as_on_this_machine(ran: Ran, name: str, kind: str) -> None:
    for there, here in ran.both(name, kind):
        assert there.dtype == here.dtype == np.float32
        assert largest_error(there, here) <= BOUNDS[kind]


@pytest.mark.parametrize("kind", FUSED_KINDS)
def test_a_head_on_two_taps_as_on_this_machine(ran: Ran, kind: str) -> None:
    """Scores are float32, so they differ only as bottlenecks do: by a step of int8 under LiteRT."""
    ((there, here),) = ran.both(FUSED, kind)
    assert there.dtype == here.dtype == np.float32
    assert there.shape == (1, CLASSES)
    assert 0.34 < here.max() < 0.999
    bound = 1e-5 if kind == "float32" or ran.runtime == "tflite-runtime" else 0.02
    assert np.abs(there - here).max() <= bound
