"""Writes a network's tail in int8 behind a front that stays as it is.

The tail's kernels are rounded weight by weight. ``round_kernels`` took up to 3 s for the deepest cuts of
EfficientNet-Lite0, and no bottleneck came nearer to float32: it pays only in the first layers, where errors grow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.networks.equalization import equalized
from graft_host.networks.file_writer import FileWriter
from graft_host.networks.int8_file import append_int8
from graft_host.networks.layers import Network
from graft_host.networks.parameters import Parameters
from graft_host.networks.ranges import measure
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.networks.scaling import Quantization
from graft_host.support import flatbuffer
from graft_host.support.progress import Progress


def append_tail(
    front: bytes,
    tail: Network,
    parameters: Mapping[str, Parameters],
    maps: NDArray[np.int8],
    threads: int,
    progress: Progress,
) -> bytes:
    """A front with an int8 tail behind it; the buffers of the front stay as they are.

    Args:
        front: a file from ``cutting.front``, whose first output is the map of the cut.
        tail: from ``tail_of``, with the outputs that the front lacks.
        parameters: float32, of the tail's convolutions by layer name, as the family's ``read_parameters`` names them.
        maps: of photos, int8 ``[N,H,W,C]`` as the front computes them; the tail's ranges are measured on them.
        threads: how many photos are run at a time. The file does not depend on it.
        progress: called with (photos measured, photos).

    Returns:
        A file from pixels to all bottlenecks: those of the front, then those of the tail, which are deeper.

    Raises:
        ExportError: the front is damaged, the tail, its parameters or the maps do not fit the front, there is no
            map, or LiteRT cannot run the tail.
    """
    model = flatbuffer.unpack(front, "the front")
    graph = model.subgraphs[0]
    entrance, *outputs = (int(output) for output in graph.outputs)
    scaling = input_quantization(graph.tensors[entrance], tail)
    if maps.dtype != np.int8 or maps.shape[1:] != tail.entrance.shape:
        raise ExportError(f"the maps are {maps.dtype} {maps.shape[1:]}, but the tail reads int8 {tail.entrance.shape}")
    network = pools_behind_convolutions(tail)
    ranges = measure(network, parameters, maps, scaling, threads, progress)
    parameters, ranges = equalized(network, parameters, ranges, network)
    file = FileWriter(model)
    outputs += append_int8(file, entrance, network, parameters, ranges, scaling)
    return file.finish(int(graph.inputs[0]), outputs)


def input_quantization(tensor: Any, tail: Network) -> Quantization:
    """The quantization of a front's map.

    Args:
        tensor: the map, a ``schema.TensorT``.
        tail: that reads it.

    Raises:
        ExportError: the tail does not read such a map.
    """
    shape, read = tuple(flatbuffer.shape(tensor)), (1, *tail.entrance.shape)
    if shape != read or tensor.type != schema.TensorType.INT8:
        raise ExportError(f"the front gives {flatbuffer.type_name(tensor)} {shape}, but the tail reads int8 {read}")
    scale, zero_point = (getattr(tensor.quantization, field, None) for field in ("scale", "zeroPoint"))
    if scale is None or zero_point is None or len(scale) != 1 or len(zero_point) != 1 or not scale[0] > 0:
        raise ExportError("the front is damaged: its map has no scale")
    return Quantization(float(scale[0]), int(zero_point[0]))
