"""Flatbuffers as other programs read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ExportError
from graft_host.networks.file_writer import FileWriter
from graft_host.networks.float_file import write_dynamic, write_float16, write_float32
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layer_writer import write_layer
from graft_host.networks.layers import Layer
from graft_host.networks.ranges import measure
from graft_host.networks.scaling import Scaling
from graft_host.support import flatbuffer
from graft_host.tflite.operators import check_versions
from tests.support.networks import branched, mobile, random_parameters, unwatched

SCALING = Scaling(127.5, 127.5)
KINDS = ("int8", "float32", "float16", "dynamic")


def written(kind: str, network: Any) -> bytes:
    parameters = random_parameters(network)
    if kind != "int8":
        return {"float32": write_float32, "float16": write_float16, "dynamic": write_dynamic}[kind](network, parameters)
    pixels = np.random.default_rng(0).integers(0, 256, (3, *network.pixels.shape), np.uint8)
    return write_int8(network, parameters, measure(network, parameters, pixels, SCALING, 1, unwatched), SCALING)


@pytest.mark.parametrize("made", [branched, mobile])
@pytest.mark.parametrize("kind", KINDS)
def test_every_buffer_starts_at_a_multiple_of_16(kind: str, made: Any) -> None:
    data = written(kind, made(33))
    model = schema.Model.GetRootAs(data)
    starts = []
    for place in range(model.BuffersLength()):
        values = model.Buffers(place).DataAsNumpy()
        if isinstance(values, np.ndarray) and len(values):
            starts.append(values.ctypes.data - np.frombuffer(data, np.uint8).ctypes.data)
    assert len(starts) >= 2 * len(made(33).convolutions)
    assert [start % 16 for start in starts] == [0] * len(starts)
    assert data[4:8] == b"TFL3"


@pytest.mark.parametrize("made", [branched, mobile])
@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_the_same_every_time_and_boards_have_its_operators(kind: str, made: Any) -> None:
    data = written(kind, made(33))
    assert written(kind, made(33)) == data
    model = flatbuffer.unpack(data, "it")
    check_versions(model)
    assert model.version == 3
    codes = [(flatbuffer.builtin(code), code.version) for code in model.operatorCodes]
    assert len(set(codes)) == len(codes)
    assert all(code.deprecatedBuiltinCode == flatbuffer.builtin(code) for code in model.operatorCodes)  # all below 127


@pytest.mark.parametrize("kind", KINDS)
def test_the_signature_and_the_names(kind: str) -> None:
    network = branched(33)
    model = flatbuffer.unpack(written(kind, network), "it")
    (graph,) = model.subgraphs
    names = [tensor.name.decode() for tensor in graph.tensors]
    assert len(set(names)) == len(names)
    assert {layer.name for layer in network.layers[1:]} <= set(names)
    (signature,) = model.signatureDefs
    assert signature.signatureKey == b"serving_default"
    assert [(entry.name, entry.tensorIndex) for entry in signature.inputs] == [(b"image", graph.inputs[0])]
    assert [(entry.name, names[entry.tensorIndex]) for entry in signature.outputs] == [
        (b"output_0", "bottleneck_first"),
        (b"output_1", "bottleneck_second"),
    ]
    assert [names[place] for place in graph.outputs] == ["bottleneck_first", "bottleneck_second"]
    for operator in graph.operators:  # each reads what is there, or what an operator before it computed
        assert all(0 <= place < len(names) for place in (*operator.inputs, *operator.outputs))


def test_one_constant_of_axes_for_all_means() -> None:
    model = flatbuffer.unpack(written("float32", branched(33)), "it")
    assert [tensor.name for tensor in model.subgraphs[0].tensors].count(b"axes") == 1


def test_constants_are_little_endian() -> None:
    file = FileWriter()
    place = file.constant("numbers", np.array([1, 258], np.int32))
    model = flatbuffer.unpack(file.finish(place, [place]), "it")
    assert bytes(model.buffers[model.subgraphs[0].tensors[place].buffer].data) == bytes([1, 0, 0, 0, 2, 1, 0, 0])


def test_a_layer_without_an_operator() -> None:
    class Unknown(Layer):
        """No operator computes it."""

    with pytest.raises(ExportError, match=r"^no operator computes a layer of kind Unknown$"):
        write_layer(FileWriter(), Unknown(name="it", shape=(1,)), [], 0, {})
