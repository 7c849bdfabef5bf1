"""The 2015 graph as a source of weights: what is read from it, what is refused, and TensorFlow's own figures for it."""

from __future__ import annotations

import gzip
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_device.errors import WeightsError
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.in_tensorflow.weights_request import from_request, to_request
from graft_host.backbones.inception_v3.convolutions import CONVOLUTIONS, TAPS
from graft_host.backbones.inception_v3.graph_2015.graph import read_graph
from graft_host.backbones.inception_v3.weights import read_weights
from graft_host.backbones.weights.find import check_tap, find_weights
from tests.conftest import SHARED, error_line, graft, graft_device, graft_json
from tests.support.graphs_2015 import BLOCKS, FLOAT, HALF, Node, Release, Tensor, Type, entry
from tests.support.host_data import REAL_WEIGHTS, run_python

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_TOOL = SHARED / "tools" / "make_inception_2015_graph.py"
_PETS = SHARED / "datasets" / "cats_and_dogs"


def _refused(call: Callable[[], object], match: str) -> str:
    """Returns the message of the WeightsError, which must be a single printable line with a remedy."""
    with pytest.raises(WeightsError, match=match) as caught:
        call()
    message = str(caught.value)
    assert message.isprintable()
    return message


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The complete layout."""
    return Release().write(tmp_path_factory.mktemp("graph") / "tensorflow_inception_graph.pb")


# What is read


def test_convolutions_are_read_in_the_order_of_keras_with_their_statistics(release: Path) -> None:
    graph, layout = read_graph(release), Release()
    assert [layer.kernel.shape for layer in graph.layers] == layout.shapes
    for index, layer in enumerate(graph.layers):
        assert layer.kernel.dtype == np.float32
        assert np.unique(layer.kernel).tolist() == [index + 0.25], layout.convolutions[index]
        assert np.unique(layer.beta).tolist() == [index + 0.5]
        assert np.unique(layer.mean).tolist() == [index + 0.75]
        assert np.unique(layer.variance).tolist() == [index + 1.0]
    assert len(graph.layers) == 94


def test_kernels_stay_in_the_file_until_they_are_used(tmp_path: Path) -> None:
    layout = Release("mixed")
    numbers = np.random.default_rng(0).normal(size=(3, 3, 80, 192)).astype("<f4")
    layout.nodes["conv_4/conv2d_params"].attributes["value"] = Tensor(numbers.shape, content=numbers.tobytes())
    path = layout.write(tmp_path / "g.pb")
    kernel = read_graph(path).layers[4].kernel
    assert np.array_equal(kernel, numbers)
    assert not kernel.flags.owndata
    path.write_bytes(path.read_bytes().replace(numbers.tobytes(), bytes(numbers.nbytes)))
    assert not kernel.any()


def test_scaling_and_pooling_are_read_from_the_file(release: Path) -> None:
    weights = find_weights(str(release))
    assert (weights.mean, weights.std, weights.last_pool) == (128.0, 128.0, "max")
    assert (weights.name, weights.path, weights.pretrained) == (release.name, release, True)
    assert from_request(json.loads(json.dumps(to_request(weights)))) == weights


def test_the_graph_is_recognized_by_content_not_by_name(release: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "weights.h5"
    renamed.symlink_to(release)
    assert replace(find_weights(str(renamed)), name=release.name, path=release) == find_weights(str(release))


def test_another_scaling_and_an_average_are_read_as_they_are(tmp_path: Path) -> None:
    layout = Release()
    layout.nodes["Sub/y"].attributes["value"] = Tensor((1,), (100.0,))
    layout.nodes["Mul/y"].attributes["value"] = Tensor((1, 1), content=struct.pack("<f", 1 / 64))
    layout.nodes["mixed_10/tower_2/pool"].op = "AvgPool"
    weights = find_weights(str(layout.write(tmp_path / "g.pb")))
    assert (weights.mean, weights.std, weights.last_pool) == (100.0, 64.0, "avg")


def test_backbones_with_other_pooling_are_cached_separately(release: Path) -> None:
    source = find_weights(str(release))
    keys = {
        BackboneSpec(weights=weights, tap="mixed10", image_size=299, quantization="int8", resize="squash").key
        for weights in (source, replace(source, last_pool="avg"))
    }
    assert len(keys) == 2


@pytest.mark.parametrize("last", range(11))
def test_a_graph_that_was_cut_off_can_be_used_up_to_its_last_join(tmp_path: Path, last: int) -> None:
    source = find_weights(str(Release(BLOCKS[last]).write(tmp_path / "cut.pb")))
    assert source.last_pool == ("max" if last == 10 else "avg")
    check_tap(source, TAPS[last])
    for tap in TAPS[last + 1 :]:
        message = _refused(lambda tap=tap: check_tap(source, tap), f"ends at {TAPS[last]}, before {tap}")  # type: ignore[misc]
        assert f"--tap {TAPS[last]}" in message


def test_joins_behind_a_gap_do_not_count(tmp_path: Path) -> None:
    layout = Release("mixed_5")
    del layout.nodes["mixed_4/join"]
    assert len(read_graph(layout.write(tmp_path / "g.pb")).layers) == CONVOLUTIONS["mixed3"]


@pytest.mark.parametrize("tap", ["mixed0", "mixed8", "mixed10"])
def test_weights_up_to_a_tap_are_the_first_of_the_graph(release: Path, tap: str) -> None:
    count, shapes = CONVOLUTIONS[tap], Release().shapes
    layers = list(read_weights(find_weights(str(release)), tap, shapes[:count]))
    assert [float(layer.kernel.flat[0]) for layer in layers] == [index + 0.25 for index in range(count)]
    _refused(lambda: list(read_weights(find_weights(str(release)), tap, [(1, 1, 3, 3)] * count)), "convolution 0 is")


def test_a_retrained_graph_can_be_used_too(tmp_path: Path) -> None:
    """A graph as ``retrain.py`` writes it, with a new top after the bottleneck."""
    layout = Release()
    layout.add("input/BottleneckInputPlaceholder", "PlaceholderWithDefault", "pool_3/_reshape")
    layout.constant("final_training_ops/weights", Tensor((2048, 2), (0.1,)))
    layout.add("final_result", "MatMul", "input/BottleneckInputPlaceholder", "final_training_ops/weights")
    assert len(read_graph(layout.write(tmp_path / "retrained_graph.pb")).layers) == 94


def test_identity_nodes_change_nothing(tmp_path: Path) -> None:
    layout = Release("mixed")
    layout.add("conv/conv2d_params/read", "Identity", "conv/conv2d_params")
    layout.nodes["conv/Conv2D"].inputs[1] = "conv/conv2d_params/read:0"
    layout.add("Cast/again", "Identity", "Cast", "^conv")
    layout.nodes["ExpandDims"].inputs[0] = "Cast/again"
    layout.nodes["mixed/join"].inputs.append("^conv/CheckNumerics")  # waits for it, and joins nothing
    assert read_graph(layout.write(tmp_path / "g.pb")).layers[0].kernel.flat[0] == 0.25


def test_statistics_are_identified_by_position_not_by_name(tmp_path: Path) -> None:
    layout = Release("mixed")
    norm = layout.nodes["conv_1/batchnorm"]
    norm.inputs[1], norm.inputs[2] = norm.inputs[2], norm.inputs[1]
    layer = read_graph(layout.write(tmp_path / "g.pb")).layers[1]
    assert (layer.mean[0], layer.variance[0], layer.beta[0]) == (2.0, 1.75, 1.5)


def test_a_kernel_of_1_x_1_needs_no_padding(tmp_path: Path) -> None:
    layout = Release("mixed")
    layout.nodes["mixed/conv/Conv2D"].attributes["padding"] = "VALID"
    layout.nodes["conv_3/Conv2D"].attributes["padding"] = "SAME"
    assert len(read_graph(layout.write(tmp_path / "g.pb")).layers) == 12


def _numbers(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=count).astype(np.float32)


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (Tensor((32,), content=_numbers(32).tobytes()), _numbers(32)),
        (Tensor((32,), _numbers(32).tolist()), _numbers(32)),
        (Tensor((32,), _numbers(32).tolist(), packed=False), _numbers(32)),
        (Tensor((32,), (1.0, 2.0, 3.0)), [1.0, 2.0] + 30 * [3.0]),
        (Tensor((32,)), 32 * [0.0]),
    ],
    ids=["raw", "packed", "one by one", "the last one repeated", "zeros"],
)
def test_every_form_of_a_tensor(tmp_path: Path, tensor: Tensor, expected: Sequence[float]) -> None:
    layout = Release("mixed")
    layout.nodes["conv_1/batchnorm/beta"].attributes["value"] = tensor
    assert np.array_equal(read_graph(layout.write(tmp_path / "g.pb")).layers[1].beta, expected)


# What is refused: graphs that compute something else


def _attribute(name: str, key: str, value: Any) -> Callable[[Release], None]:
    return lambda layout: layout.nodes[name].attributes.update({key: value})


def _constant(name: str, *tensor: Any, **options: Any) -> Callable[[Release], None]:
    return _attribute(name, "value", Tensor(*tensor, **options))


def _op(name: str, op: str) -> Callable[[Release], None]:
    return lambda layout: setattr(layout.nodes[name], "op", op)


def _inputs(name: str, *inputs: str) -> Callable[[Release], None]:
    return lambda layout: setattr(layout.nodes[name], "inputs", list(inputs))


def _missing(name: str) -> Callable[[Release], None]:
    return lambda layout: layout.nodes.__delitem__(name)


_JOIN = ("mixed/conv", "mixed/tower/conv_1", "mixed/tower_1/conv_2", "mixed/tower_2/conv")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_attribute("conv/Conv2D", "strides", [1, 1, 1, 1]), r"is 3x3x32/v 3x3x32/v .*, not 3x3x32/2 "),
        (_attribute("conv/Conv2D", "strides", [1, 2, 1, 1]), "branch 1 of mixed/join is 3x3x32/1x2x1x1 VALID "),
        (_attribute("conv/Conv2D", "padding", "SAME"), "branch 1 of mixed/join is 3x3x32/1x2x2x1 SAME "),
        (_attribute("conv_2/Conv2D", "padding", "VALID"), "branch 1 of mixed/join is"),
        (_attribute("conv_2/Conv2D", "dilations", [1, 2, 2, 1]), "branch 1 of mixed/join is"),
        (_attribute("conv_2/Conv2D", "data_format", "NCHW"), "branch 1 of mixed/join is"),
        (_attribute("pool", "ksize", [1, 2, 2, 1]), "branch 1 of mixed/join is .* max1x2x2x1/2"),
        (_attribute("pool", "padding", "SAME"), "branch 1 of mixed/join is"),
        (_op("pool", "AvgPool"), r"branch 1 of mixed/join is .* avg/2"),
        (_op("mixed/tower_2/pool", "MaxPool"), "branch 4 of mixed/join is"),
        (_attribute("mixed/tower_2/pool", "data_format", "NCHW"), "branch 4 of mixed/join is"),
        (_op("mixed/tower_2/pool", "LRN"), r"branch 4 of mixed/join starts at mixed/tower_2/pool \(LRN\), not at Mul"),
        (_op("mixed/conv", "Relu6"), r"starts? at mixed/conv \(Relu6\)"),
        (_inputs("mixed/join", "mixed/join/concat_dim", *reversed(_JOIN)), "branch 1 of mixed/join is"),
        (_inputs("mixed/join", "mixed/join/concat_dim", *_JOIN[:3]), "mixed/join joins 3 branches, not 4"),
        (_inputs("mixed/join", "mixed/join/concat_dim", *_JOIN, _JOIN[0]), "mixed/join joins 5 branches, not 4"),
        (_inputs("mixed/join", "mixed/join/concat_dim"), "mixed/join does not join channels"),
        (_inputs("mixed/join"), "mixed/join takes nothing, which is not there"),
        (_constant("mixed/join/concat_dim", (), (2,), kind=3), "mixed/join does not join channels"),
        (_op("mixed/join", "Pack"), "mixed/join does not join channels"),
        (_inputs("mixed/tower_1/conv/Conv2D", "mixed/conv", "conv_3/conv2d_params"), "branch 3 of mixed/join is"),
        (_constant("conv_1/conv2d_params", (3, 3, 16, 32), (1.0,)), "conv_1 takes 16 channels, not 32"),
        (_constant("conv_1/conv2d_params", (3, 3, 32, 16), (1.0,)), "branch 1 of mixed/join is .*3x3x16"),
        (_constant("conv_1/conv2d_params", (32, 32), (1.0,)), r"kernel of conv_1/Conv2D is \[32, 32\]"),
        (_attribute("conv_1/batchnorm", "scale_after_normalization", True), "conv_1/batchnorm scales by its gamma"),
        (_attribute("conv_1/batchnorm", "variance_epsilon", 1e-5), "adds 1e-05 to variances, not 0.001"),
        (_op("conv_1/batchnorm", "BiasAdd"), "conv_1 follows a BiasAdd, not a batch norm"),
        (_op("conv_1/Conv2D", "QuantizedConv2D"), "conv_1/batchnorm follows a QuantizedConv2D, not a convolution"),
        (_constant("conv_1/batchnorm/beta", (16,), (1.0,)), "batch norm of convolution 1 has another length"),
        (_constant("conv_1/conv2d_params", (3, 3, 32, 32), (np.nan,)), "1 holds numbers that are not finite"),
        (_op("conv_1/conv2d_params", "VariableV2"), "is not frozen: conv_1/conv2d_params is a VariableV2"),
        (_missing("conv_1/conv2d_params"), "conv_1/Conv2D takes conv_1/conv2d_params, which is not there"),
        (_inputs("conv/Conv2D", "conv/control_dependency", "conv/conv2d_params"), "start at conv/batchnorm"),
        (_inputs("conv/Conv2D", "conv_4", "conv/conv2d_params"), "goes in a circle"),
        (_inputs("conv/control_dependency", "conv/control_dependency"), "goes in a circle"),
        (_op("Mul", "Placeholder"), r"its branches start at Mul \(Placeholder\), not at pixels scaled by Sub and Mul"),
        (_op("Sub", "AddN"), "not at pixels scaled by Sub and Mul"),
        (_op("ResizeBilinear", "Tanh"), r"does not start with pixels, but with ResizeBilinear \(Tanh\)"),
        (_inputs("Cast", "Cast"), "does not start with pixels"),
        (_constant("Mul/y", (), (0.0,)), "Mul does not scale pixels by one number"),
        (_constant("Mul/y", (3,), (1.0,)), "Mul does not scale pixels by one number"),
        (_constant("Sub/y", (), (np.inf,)), "Mul does not scale pixels by one number"),
        (_constant("conv/conv2d_params", (1 << 40, 1 << 40), (1.0,)), r"conv/conv2d_params claims the shape"),
        (_constant("conv/conv2d_params", (-1,), (1.0,)), r"claims the shape \[-1\]"),
        (_constant("conv/conv2d_params", (2,), (1.0, 2.0, 3.0)), r"holds 3 numbers in shape \[2\]"),
        (_constant("conv/conv2d_params", (2,), content=b"1234567"), "a tensor ends within a number"),
        (_constant("conv/conv2d_params", (2,), content=b"1234", kind=HALF), "conv/conv2d_params is of float16"),
        (_constant("conv/conv2d_params", (2,), kind=11), "conv/conv2d_params is of TensorFlow's type 11"),
        (_attribute("conv/conv2d_params", "value", Type(FLOAT)), "does not hold float32 numbers"),
    ],
)  # fmt: skip
def test_a_graph_that_computes_something_else(tmp_path: Path, change: Callable[[Release], None], match: str) -> None:
    layout = Release("mixed")
    change(layout)
    path = layout.write(tmp_path / "tensorflow_inception_graph.pb")
    assert str(path) in _refused(lambda: find_weights(str(path)), match)


@pytest.mark.parametrize(
    ("scope", "change"),
    [
        ("mixed_9", _op("mixed_9/tower_2/pool", "MaxPool")),
        ("mixed_3", _op("mixed_3/pool", "AvgPool")),
        ("mixed_4", _inputs("mixed_4/tower/conv_1/Conv2D", "mixed_4/tower/conv", "mixed_4/tower/conv_2/conv2d_params")),
        ("mixed_4", _inputs("mixed_4/conv/Conv2D", "mixed_2/join", "mixed_4/conv/conv2d_params")),
        (
            "mixed_9",
            _inputs("mixed_9/tower/mixed/conv/Conv2D", "mixed_9/conv", "mixed_9/tower/mixed/conv/conv2d_params"),
        ),
    ],
)
def test_every_block_is_checked(tmp_path: Path, scope: str, change: Callable[[Release], None]) -> None:
    layout = Release(scope)
    change(layout)
    _refused(lambda: read_graph(layout.write(tmp_path / "g.pb")), f"is not Inception-v3: branch . of {scope}/join ")


def test_branches_that_share_a_convolution(tmp_path: Path) -> None:
    """Each branch is correct on its own, but the network as a whole is a different one."""
    layout = Release("mixed_4")
    layout.nodes["mixed_4/tower_1/conv_1/Conv2D"].inputs[0] = "mixed_4/tower/conv"
    _refused(lambda: read_graph(layout.write(tmp_path / "g.pb")), "it has 39 convolutions up to mixed_4/join, not 40")


def test_names_in_a_file_cannot_break_the_message(tmp_path: Path) -> None:
    layout = Release("mixed")
    layout.nodes["conv_1/batchnorm"].op = "Evil\n\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}" + 1000 * "x"
    message = _refused(lambda: find_weights(str(layout.write(tmp_path / "g.pb"))), "conv_1 follows a Evil")
    assert len(message) < 400


# What is refused: other files


def _graph(*names: str) -> bytes:
    return b"".join(entry(1, Node(name, "Placeholder").encoded()) for name in names)


def _zipped() -> bytes:
    return b"PK\x03\x04" + bytes(26)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (
            _graph("input", "conv2d0_w", "conv2d0_b", "mixed3a_1x1_w"),
            r"is Inception v1 \(the file in inception5h.zip has",
        ),
        (_graph("input", "MobilenetV1/Conv2d_0/weights", "MobilenetV1/Predictions"), "is MobileNet, not"),
        (_graph("input", "InceptionV3/Conv2d_1a_3x3/weights"), "is Inception-v3 as TF-slim lays it out"),
        (_graph("x", "dense/kernel", "y"), r"is a graph of another network \(from x to y\)"),
        (_graph("x", "x"), "is damaged: of a graph, its first 1 nodes"),
        (entry(1, Node("", "Const").encoded()), "no frozen TensorFlow graph"),
        (_graph("x") + entry(9, b""), "is damaged: of a graph, its first 1 nodes"),
        (_graph("x") + b"\x0b", "is damaged: of a graph, its first 1 nodes"),
        (_graph("x") + entry(1, b"\x0a\x7f"), "is damaged: of a graph, its first 1 nodes"),
        (_graph("x", "y") + b"\x0a\x7fz", "is cut short: of a graph, its first 2 nodes"),
        (entry(4, entry(1, 8)), "no frozen TensorFlow graph"),
        (b"", "is empty: it was cut short"),
        (b"\x08\x01\x12\x8a\x04\x0a", "is a SavedModel, not a frozen graph"),
        (b'# made by hand\nnode {\n  name: "input"\n}\n', r"is a graph in text form \(.pbtxt\)"),
        (b'node {\n  name: "input"\n}\n', r"is a graph in text form \(.pbtxt\)"),
        (gzip.compress(b"tar", mtime=0), "is an archive: unpack it"),
        (_zipped(), "is an archive: unpack it"),
        (b"<html>404 Not Found</html>" * 100, "is not a Keras .h5 weights file, and no frozen TensorFlow graph"),
        (b" \n" * 100_000, "is not a Keras .h5 weights file, and no frozen TensorFlow graph"),
        (bytes(100_000), "is not a Keras .h5 weights file, and no frozen TensorFlow graph"),
        (b"\xff" * 100_000, "is not a Keras .h5 weights file, and no frozen TensorFlow graph"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(100), "is not a Keras .h5 weights file, and no frozen TensorFlow graph"),
    ],
)
def test_a_file_that_is_something_else(tmp_path: Path, data: bytes, match: str) -> None:
    path = tmp_path / "tensorflow_inception_graph.pb"
    path.write_bytes(data)
    message = _refused(lambda: find_weights(str(path)), match)
    assert message.startswith(str(path))
    assert "tensorflow_inception_graph.pb (classify_image_graph_def.pb) of inception-2015-12-05.tgz" in message


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A graph that ends at mixed0, with joins and constants not in the order in which they are needed."""
    return Release("mixed").encoded()


def _read_or_refused(data: bytes, folder: Path) -> int:
    """The number of convolutions that are read; 0 for a file that is properly refused."""
    path = folder / "g.pb"
    path.write_bytes(data)
    try:
        return len(read_graph(path).layers)
    except WeightsError as error:
        message = str(error)
    assert message.isprintable()
    return 0


@settings(max_examples=150)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_graph_that_is_cut_short_is_refused(
    small: bytes, tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    """The join is at the end of the file, and the weights need nothing after it."""
    size = int(share * small.rindex(b"mixed/join"))
    assert _read_or_refused(small[:size], tmp_path_factory.getbasetemp()) == 0


@settings(max_examples=300)
@given(at=st.integers(0), bits=st.integers(1, 255))
def test_a_damaged_byte_causes_no_traceback(
    small: bytes, tmp_path_factory: pytest.TempPathFactory, at: int, bits: int
) -> None:
    data = bytearray(small)
    data[at % len(data)] ^= bits
    assert _read_or_refused(bytes(data), tmp_path_factory.getbasetemp()) in {0, 12}


@settings(max_examples=200)
@given(data=st.binary(max_size=300))
def test_garbage_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    assert _read_or_refused(data, tmp_path_factory.getbasetemp()) == 0


def test_graft_refuses_before_it_reads_a_photo(tmp_path: Path) -> None:
    path = tmp_path / "tensorflow_inception_graph.pb"
    path.write_bytes(_graph("input", "conv2d0_w"))
    for name in ("cats", "dogs"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "broken.jpg").write_bytes(b"no photo")
    done = graft("train", tmp_path / "photos", "-o", tmp_path / "m.tflite", "--weights", path, "--strict")
    assert "is Inception v1" in error_line(done)
    assert not (tmp_path / "m.tflite").exists()


def test_reading_a_graph_needs_no_tensorflow(release: Path) -> None:
    code = """
import sys
from graft_host.backbones.weights.find import check_tap, find_weights
check_tap(find_weights(sys.argv[1]), "mixed10")
print([name for name in ("tensorflow", "keras", "google.protobuf") if name in sys.modules])
"""
    done = run_python(code, release)
    assert done.stdout == "[]\n", done.stderr


# TensorFlow runs the file

_COMPARE = """
import importlib.util, json, sys
from dataclasses import replace
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from graft_device.preprocess import preprocess
from tests.support.keras_inception import build_network
from graft_host.backbones.weights.find import find_weights

folder, tool, real, *photos = map(Path, sys.argv[1:])
spec = importlib.util.spec_from_file_location("tool", tool)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)
pixels = [preprocess(path, 299, "squash") for path in photos]
arrays = {}

def theirs(path):
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(path.read_bytes())
    with tf.Graph().as_default() as whole, tf.compat.v1.Session(graph=whole) as session:
        tf.import_graph_def(graph, name="")
        wanted = ["mixed_8/join:0", "pool_3/_reshape:0"]
        return [session.run(wanted, {"DecodeJpeg:0": photo}) for photo in pixels]

def ours(source, tap):
    network = build_network(source, [tap], 299)
    both = keras.Model(network.input, [network.get_layer(tap).output, network.output])
    scaled = (np.stack(pixels).astype(np.float32) - np.float32(source.mean)) / np.float32(source.std)
    return [np.asarray(found) for found in both(scaled, training=False)]

for seed in (0, 1):
    weights = tool.real_weights(real) if seed and real.is_file() else []
    path = folder / f"seed{seed}.pb"
    path.write_bytes(tool.build(weights, seed).graph.SerializeToString())
    for index, (block, bottleneck) in enumerate(theirs(path)):
        arrays[f"theirs/{seed}/{index}/mixed_8"] = block[0]
        arrays[f"theirs/{seed}/{index}/mixed_8 pooled"] = block[0].mean(axis=(0, 1), dtype=np.float64)
        arrays[f"theirs/{seed}/{index}/pool_3"] = bottleneck[0]
    source = find_weights(str(path))
    block, pooled = ours(source, "mixed8")
    bottleneck = ours(source, "mixed10")[1]
    for index in range(len(pixels)):
        arrays[f"ours/{seed}/{index}/mixed_8"] = block[index]
        arrays[f"ours/{seed}/{index}/mixed_8 pooled"] = pooled[index]
        arrays[f"ours/{seed}/{index}/pool_3"] = bottleneck[index]
    if seed == 0:
        arrays["averaged"] = ours(replace(source, last_pool="avg"), "mixed10")[1]
        arrays["otherwise scaled"] = ours(replace(source, mean=127.5, std=127.5), "mixed8")[1]
np.savez(folder / "arrays.npz", **arrays)
"""
_SEEDS = (0, 1)
_TENSORS = ("mixed_8", "mixed_8 pooled", "pool_3")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, cats_and_dogs: Path) -> Path:
    """A folder of full-size graphs, seed 1 with real weights up to mixed_8, and their outputs."""
    if not _TOOL.is_file():
        pytest.skip(f"what writes the graphs is not at {_TOOL}")
    folder = tmp_path_factory.mktemp("graphs")
    done = run_python(_COMPARE, folder, _TOOL, REAL_WEIGHTS, *sorted(cats_and_dogs.glob("*/*"))[::170])
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def arrays(compared: Path) -> dict[str, NDArray[Any]]:
    with np.load(compared / "arrays.npz") as archive:
        return dict(archive)


def _error(computed: NDArray[Any], expected: NDArray[Any]) -> float:
    """The largest or the root-mean-square difference relative to the expected values, whichever is larger."""
    difference = computed.astype(np.float64) - expected
    return float(
        max(np.abs(difference).max() / np.abs(expected).max(), np.linalg.norm(difference) / np.linalg.norm(expected))
    )


@pytest.mark.slow
@pytest.mark.parametrize("tensor", _TENSORS)
@pytest.mark.parametrize("seed", _SEEDS)
def test_the_bottleneck_is_that_of_tensorflow(arrays: dict[str, NDArray[Any]], seed: int, tensor: str) -> None:
    for index in range(3):
        expected, computed = (arrays[f"{whose}/{seed}/{index}/{tensor}"] for whose in ("theirs", "ours"))
        assert computed.shape == expected.shape
        assert expected.std() > 0
        assert _error(computed, expected) <= 1e-4


@pytest.mark.slow
def test_the_comparison_would_notice_a_difference(arrays: dict[str, NDArray[Any]]) -> None:
    """An average in mixed10's pooling branch, or the scaling of other weights, exceeds the tolerance by far."""
    for index in range(3):
        assert _error(arrays["averaged"][index], arrays[f"theirs/0/{index}/pool_3"]) > 1e-2
        assert _error(arrays["otherwise scaled"][index], arrays[f"theirs/0/{index}/mixed_8 pooled"]) > 5e-4


# The whole recipe


@pytest.mark.slow
def test_the_recipe_of_2015_on_its_own_graph(compared: Path, cats_and_dogs: Path, tmp_path: Path) -> None:
    """Bottlenecks up to the last join, a head by gradient descent at 0.5, and the int8 file on the device side."""
    photos, model = tmp_path / "photos", tmp_path / "m.tflite"
    for name in ("cats", "dogs"):
        (photos / name).mkdir(parents=True)
        for path in sorted((cats_and_dogs / name).iterdir())[:100]:
            (photos / name / path.name).symlink_to(path)
    options = ["--weights", compared / "seed1.pb", "--tap", "mixed10", "--image-size", "75", "--test-percent", "30"]
    recipe = ["--optimizer", "sgd", "--learning-rate", "0.5", "--steps", "500", "--cache", tmp_path / "cache"]
    report = graft_json("train", photos, "-o", model, *options, *recipe)
    assert report["photos"]["test"] >= 40  # fewer would let one photo near 50% decide
    assert report["agreement"] >= 0.95
    inside = graft_json("inspect", model)
    card, operators = inside["card"], {entry["name"]: entry["count"] for entry in inside["operators"]}
    assert (card["mean"], card["std"], card["backbone"]["weights"]) == (128, 128, "seed1.pb")
    assert card["training"]["head"] == {"optimizer": "sgd", "class_weight": "none", "learning_rate": 0.5, "steps": 500}
    assert inside["input"][0]["scale"] == 1 / 128
    assert inside["input"][0]["zero_point"] == 128
    # Two in the stem, one each in mixed3 and mixed8, and the graph's own in mixed10; the mean in the other eight.
    assert (operators["CONV_2D"], operators["MAX_POOL_2D"], operators["AVERAGE_POOL_2D"]) == (94, 5, 8)
    done = graft_device("classify", model, *sorted(photos.glob("*/*"))[:2], "--json")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        assert {prediction["label"] for prediction in json.loads(line)["predictions"]} == {"cats", "dogs"}
