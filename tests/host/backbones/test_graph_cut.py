from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ExportError
from graft_device.runtime import open_model
from graft_host.backbones.extraction import Network
from graft_host.backbones.graph_cut import cut, ordered, outputs_by_depth
from graft_host.support import flatbuffer
from tests.support.host_data import BACKBONE_SIZE, handmade_backbone


def two_outputs(folder: Path) -> bytes:
    """A convolution with its mean, and a deeper convolution with its own mean; the deeper output comes first."""
    model = flatbuffer.unpack(handmade_backbone(folder).path.read_bytes(), "handmade")
    graph = model.subgraphs[0]
    maps = int(graph.operators[1].outputs[0])
    features = int(graph.tensors[maps].shape[-1])
    rng = np.random.default_rng(7)

    def tensor(like: int, name: bytes, data: Any = None, shape: Any = None) -> int:
        source, entry = graph.tensors[like], schema.TensorT()
        entry.name, entry.type, entry.buffer = name, source.type, 0
        entry.shape = np.array(source.shape if shape is None else shape, np.int32)
        entry.quantization = source.quantization
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            model.buffers.append(buffer)
            entry.buffer = len(model.buffers) - 1
        graph.tensors.append(entry)
        return len(graph.tensors) - 1

    _, kernel, bias = (int(index) for index in graph.operators[1].inputs)
    shape = (features, 3, 3, features)
    other = tensor(kernel, b"kernel", rng.integers(-20, 20, shape, dtype=np.int8), shape)
    deeper = tensor(maps, b"deeper", shape=[1, BACKBONE_SIZE // 4, BACKBONE_SIZE // 4, features])
    end = tensor(int(graph.outputs[0]), b"end")
    for template, inputs, output in (
        (1, [maps, other, bias], deeper),
        (2, [deeper, graph.operators[2].inputs[1]], end),
    ):
        step, source = schema.OperatorT(), graph.operators[template]
        step.opcodeIndex, step.builtinOptionsType, step.builtinOptions = (
            source.opcodeIndex,
            source.builtinOptionsType,
            source.builtinOptions,
        )
        step.inputs, step.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        graph.operators.append(step)
    graph.outputs = np.array([end, int(graph.outputs[0])], np.int32)
    return flatbuffer.pack(model)


def test_each_cut_computes_the_same_as_the_whole(tmp_path: Path) -> None:
    whole = two_outputs(tmp_path)
    (tmp_path / "whole.tflite").write_bytes(ordered(whole, 2, "whole"))
    network = Network(tmp_path / "whole.tflite")
    cuts = cut(whole, 2, "whole")
    assert len(cuts[0]) < len(cuts[1]) < len(whole)
    pixels = np.random.default_rng(0).integers(0, 256, (1, BACKBONE_SIZE, BACKBONE_SIZE, 3), np.uint8)
    both = network(pixels)
    assert not np.array_equal(both[0], both[1])
    for data, expected, spec in zip(cuts, both, network.outputs, strict=True):
        (tmp_path / "cut.tflite").write_bytes(data)
        runner = open_model(tmp_path / "cut.tflite", threads=1)
        assert np.array_equal(runner(pixels)[0], expected)
        assert runner.output == spec


def test_the_first_cut_is_the_earlier_network(tmp_path: Path) -> None:
    before = flatbuffer.unpack(handmade_backbone(tmp_path).path.read_bytes(), "before")
    first = flatbuffer.unpack(cut(two_outputs(tmp_path), 2, "whole")[0], "first")
    for part in ("operators", "tensors"):
        assert len(getattr(first.subgraphs[0], part)) == len(getattr(before.subgraphs[0], part))
    kept = [bytes(buffer.data) for buffer in first.buffers if buffer.data is not None]
    assert kept == [bytes(buffer.data) for buffer in before.buffers if buffer.data is not None]


def test_outputs_are_identified_by_their_depth(tmp_path: Path) -> None:
    model = flatbuffer.unpack(two_outputs(tmp_path), "whole")
    assert outputs_by_depth(model) == [int(model.subgraphs[0].outputs[1]), int(model.subgraphs[0].outputs[0])]


def test_another_number_of_outputs_is_an_error(tmp_path: Path) -> None:
    for use in (cut, ordered):
        with pytest.raises(ExportError, match="is not a network with 3 outputs"):
            use(two_outputs(tmp_path), 3, "whole")
