"""Writes tiny models for the tests, in milliseconds and without TensorFlow.

The "backbone" takes the mean colour of the image, ``[red, green, blue]``, as the bottleneck, and the head distinguishes
the three; a model's answer can be computed by hand.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from graft_device.model import ModelCard
from graft_device.model.golden import GOLDEN_NAME, Golden
from graft_host.heads.head import Array, Head
from graft_host.heads.novelty import Novelty, Spread
from graft_host.support import flatbuffer
from graft_host.tflite.fuse import fuse
from graft_host.tflite.metadata import add_metadata, archive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COLOURS = {"red": (230, 20, 30), "green": (15, 220, 25), "blue": (25, 35, 240)}
LABELS = tuple(COLOURS)
SIZE = 32
KERNEL = np.diag(np.array([0.020, 0.018, 0.022], np.float32))
"""Logits per level of mean colour; uneven, so that a wrong normalization changes the softmax."""

NOVELTY = Novelty(Spread(np.full(3, 128, np.float32), np.full(3, 1 / (3 * 80**2), np.float32)), 1.8)
"""Black and white are too far from the known colours, whose distance is 1.7 at most."""

FLOAT_MEAN, FLOAT_STD = 127.5, 127.5

_UINT8, _INT8, _FLOAT32 = schema.TensorType.UINT8, schema.TensorType.INT8, schema.TensorType.FLOAT32


def write_artifact(
    path: Path,
    kind: str = "int8",
    labels: Sequence[str] = LABELS,
    size: int = SIZE,
    kernel: Array | None = None,
    card: ModelCard | None = None,
    novelty: Novelty | None = None,
    checksum: bool = True,
) -> Path:
    """Writes a complete model file, without golden photos.

    Args:
        path: the file to write.
        kind: ``int8`` or ``float32``.
        labels: one for each column of the kernel.
        size: the side of the input, in pixels.
        kernel: ``[3,K]``, for colours from 0 to 255; ``KERNEL`` when None.
        card: a model card in place of the matching one.
        novelty: ``NOVELTY``, or None for a network that flattens no scores.
        checksum: whether the file has the checksum of its network.
    """
    card = card or make_card(kind, size)
    net = add_metadata(network(kind, size, kernel, novelty), card)
    golden = Golden(len(net), hashlib.sha256(net).hexdigest(), ())
    path.write_bytes(net + archive(labels, card, {GOLDEN_NAME: golden.to_json().encode()} if checksum else {}))
    return path


def network(kind: str = "int8", size: int = SIZE, kernel: Array | None = None, novelty: Novelty | None = None) -> bytes:
    """The flatbuffer of backbone and head, without labels and card."""
    kernel = KERNEL if kernel is None else kernel
    bias = np.zeros(kernel.shape[1], np.float32)
    colours = np.random.default_rng(0).uniform(0, 255, (64, 3)).astype(np.float32)
    if kind == "float32":  # the same logits for colours that are normalized to -1 to 1
        head = Head(kernel * np.float32(FLOAT_STD), bias + FLOAT_MEAN * kernel.sum(axis=0))
        return fuse(backbone(kind, size), head, (colours - FLOAT_MEAN) / FLOAT_STD)
    return fuse(backbone(kind, size), Head(kernel, bias), colours, novelty=novelty)


def make_card(kind: str = "int8", size: int = SIZE, resize: str = "squash", **training: Any) -> ModelCard:
    """A model card like those that ``graft train`` writes."""
    return ModelCard(
        kit_version="0.1.0",
        backbone={"name": "mean_colour", "weights": "none", "fingerprint": "0" * 64},
        tap="mixed0",
        image_size=size,
        resize=resize,
        quantization=kind,
        mean=FLOAT_MEAN,
        std=FLOAT_STD,
        training=training,
    )


def backbone(kind: str = "int8", size: int = SIZE) -> bytes:
    """A flatbuffer that computes the mean colour ``[1,3]`` of an image."""
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    shape, mean_shape = [1, size, size, 3], [1, 3]
    if kind == "int8":
        graph.tensors = [
            _tensor(b"input", shape, _UINT8, (1.0, 0)),
            _tensor(b"signed", shape, _INT8, (1.0, -128)),
            _axes(model),
            _tensor(b"colour", mean_shape, _INT8, (1.0, -128)),
        ]
        quantize = _operator(0, [0], 1, schema.BuiltinOptions.QuantizeOptions, schema.QuantizeOptionsT())
        graph.operators = [quantize, _mean(1, 1, 2, 3)]
        model.operatorCodes = [_code(schema.BuiltinOperator.QUANTIZE, 1), _code(schema.BuiltinOperator.MEAN, 2)]
    else:
        graph.tensors = [
            _tensor(b"input", shape, _FLOAT32),
            _axes(model),
            _tensor(b"colour", mean_shape, _FLOAT32),
        ]
        graph.operators = [_mean(0, 0, 1, 2)]
        model.operatorCodes = [_code(schema.BuiltinOperator.MEAN, 1)]
    graph.inputs = np.array([0], np.int32)
    graph.outputs = np.array([len(graph.tensors) - 1], np.int32)
    model.subgraphs = [graph]
    return flatbuffer.pack(model)


def picture(colour: str, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """An image in one of ``COLOURS``."""
    return Image.new("RGB", size, COLOURS[colour])


def _tensor(name: bytes, shape: Sequence[int], kind: int, quantized: tuple[float, int] | None = None) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, np.array(shape, np.int32), kind, 0
    if quantized is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array([quantized[0]], np.float32)
        tensor.quantization.zeroPoint = np.array([quantized[1]], np.int64)
    return tensor


def _axes(model: Any) -> Any:
    """The constant that contains the axes of height and width."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.array([1, 2], "<i4").tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = _tensor(b"axes", [2], schema.TensorType.INT32)
    tensor.buffer = len(model.buffers) - 1
    return tensor


def _mean(code: int, source: int, axes: int, output: int) -> Any:
    return _operator(code, [source, axes], output, schema.BuiltinOptions.ReducerOptions, schema.ReducerOptionsT())


def _operator(code: int, inputs: Sequence[int], output: int, kind: int, options: Any) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = code
    operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    return operator


def _code(builtin: int, version: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, builtin, version
    return code
