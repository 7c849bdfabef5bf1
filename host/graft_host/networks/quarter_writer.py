"""Writes the operators that compute the means of the quarters of a map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_host.networks.quarters import quarters

if TYPE_CHECKING:
    from graft_host.networks.file_writer import FileWriter

_CODES, _OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions


def write_quarter_means(file: FileWriter, name: str, source: int, output: int, versions: Mapping[int, int]) -> None:
    """Adds a SLICE and a MEAN for each quarter, and a CONCATENATION of the means.

    In int8, MEAN may have another scale than the map, and tflite-runtime rounds it to the same bits on x86 and on Arm.
    AVERAGE_POOL_2D is as fast, but has the scale of the map, which is 1.6 to 4.3 times as coarse in Inception-v3.
    DEPTHWISE_CONV_2D rounds differently on Arm, and takes LiteRT 15 times as long.

    Args:
        file: to add to.
        name: of the layer.
        source: the tensor of the map.
        output: the tensor of the means, ``[1,4C]``.
        versions: of operators, by their number in the schema; 1 for others.
    """
    _, height, width, channels = file.shape(source)
    parts = quarters(height, width)
    extent = (1, parts[0].height, parts[0].width, channels)
    size = file.constant(f"{name}/size", np.array(extent, np.int32))
    means = []
    for place, part in enumerate(parts):
        start = file.constant(f"{name}/start_{place}", np.array([0, part.top, part.left, 0], np.int32))
        quarter = file.tensor_like(source, f"{name}/quarter_{place}", extent)
        version = versions.get(_CODES.SLICE, 1)
        file.add(_CODES.SLICE, version, [source, start, size], quarter, _OPTIONS.SliceOptions, schema.SliceOptionsT())
        means.append(file.tensor_like(output, f"{name}/mean_{place}", (1, channels)))
        file.mean(quarter, means[-1], versions)
    options = schema.ConcatenationOptionsT()
    options.axis, options.fusedActivationFunction = 1, schema.ActivationFunctionType.NONE
    version = versions.get(_CODES.CONCATENATION, 1)
    file.add(_CODES.CONCATENATION, version, means, output, _OPTIONS.ConcatenationOptions, options)
