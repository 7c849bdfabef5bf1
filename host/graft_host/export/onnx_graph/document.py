"""Writes a model file as an ONNX model, from pixels to probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, checker, helper, shape_inference

from graft_device import __version__
from graft_device.errors import ExportError, GraftError
from graft_device.model import ModelFile
from graft_device.system.plain import read_plain
from graft_host.export.format import INPUT, OUTPUT
from graft_host.export.onnx_graph.operators import write_operator
from graft_host.export.onnx_graph.writer import Writer
from graft_host.export.stored_graph import read_graph

PRODUCER = "graftkit"

OPSET = 13
"""The first that has a scale for each filter, in the range of converters: RKNN-Toolkit2 takes 12 to 19."""

_IR_VERSION = 7
"""The version of the file format that came with the opset: older programs refuse newer files."""


def onnx_model(model: ModelFile, metadata: Mapping[str, str], *, quantized: bool) -> onnx.ModelProto:
    """The ONNX model of a file: RGB pixels 0 to 255, float32 ``[1,3,S,S]``, to probabilities, float32 ``[1,K]``.

    Its numbers are those of the file: nothing is rounded again.

    Args:
        model: a ``.tflite`` file that ``graft train`` wrote.
        metadata: texts that the model carries, by name.
        quantized: whether activations of an int8 file are rounded to int8 as the file does it, between QuantizeLinear
            and DequantizeLinear. Otherwise all numbers are float32, kernels being what their integers represent.

    Raises:
        ExportError: the file has an operator that is not known, or is damaged.
    """
    source = read_graph(read_plain(model.path), str(model.path))
    graph = Writer(source, quantized=quantized)
    size = model.card.image_size
    try:
        _scale_pixels(graph, model)
        for operator in source.operators:
            write_operator(graph, operator)
        image = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, 3, size, size])
        written = graph.finish(image, OUTPUT, len(model.labels), PRODUCER)
        made = helper.make_model(
            written,
            producer_name=PRODUCER,
            producer_version=__version__,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
        )
        helper.set_model_props(made, dict(metadata))
        made = shape_inference.infer_shapes(made, check_type=True, strict_mode=True, data_prop=True)
        checker.check_model(made)
    except GraftError as error:
        raise ExportError(f"{model.path} could not be exported: {error.what}", error.remedy) from error
    except (
        ValueError, KeyError, IndexError, TypeError, AttributeError, ZeroDivisionError,
        checker.ValidationError, shape_inference.InferenceError,
    ) as error:  # fmt: skip
        raise ExportError(f"{model.path} has a graph that cannot be read", "copy it again") from error
    return made


def _scale_pixels(graph: Writer, model: ModelFile) -> None:
    """Adds the scaling of pixels: that of the uint8 input of an int8 file, and that of the card for other files."""
    index = graph.source.input
    tensor = graph.source.tensors[index]
    offset, scale = np.float32(model.card.mean), np.float32(1) / np.float32(model.card.std)
    if tensor.dtype == np.uint8:
        if tensor.quantization is None:
            raise ValueError("the input has no scale")
        offset, scale = np.float32(tensor.quantization.zero_point[0]), tensor.quantization.scale[0]
    centred = graph.node("Sub", [INPUT, graph.scalar("pixels/mean", float(offset))], "pixels/centred")
    graph.settle(index, graph.node("Mul", [centred, graph.scalar("pixels/scale", float(scale))], "pixels"))
