"""Reads weights in Keras's notop layout: HDF5, a group per layer, layers named in ``layer_names``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from graft_device.errors import WeightsError
from graft_device.system.plain import open_plain
from graft_host.backbones.inception_v3.layer_weights import ConvWeights, check_count, check_layer
from graft_host.support.mapped import mapped

_STORED = np.dtype("<f4")
_LEAST_MAPPED = 1 << 16  # bytes; a map of fewer costs more than it saves

# What h5py raises, and what unexpected contents lead to.
_UNREADABLE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError)


def convolution_names(path: Path) -> list[str]:
    """The names of a file's convolutions in Keras's order of creation, which it numbers them by.

    Raises:
        WeightsError: the file is not in Keras's notop layout.
    """
    try:
        with h5py.File(path, "r") as file:
            names = [_text(name) for name in file.attrs.get("layer_names", ())]
    except _UNREADABLE as error:
        raise WeightsError(f"{path} is not a Keras .h5 weights file, or is cut short ({error})") from error
    if not names:
        raise WeightsError(
            f"{path} is not in Keras's notop layout (no layer_names)",
            "save the network's weights in the legacy HDF5 format, or use --weights imagenet",
        )
    return sorted((n for n in names if re.fullmatch(r"conv2d(_\d+)?", n)), key=_number)


def read_layers(path: Path, shapes: list[tuple[int, ...]]) -> Iterator[ConvWeights]:
    """Reads the first convolutions and batch norms of a file, one after the other.

    Kernels that are stored as plain float32 are read-only views of the file.

    Args:
        path: the file.
        shapes: the kernel shapes that the network expects.

    Yields:
        A layer for each shape.

    Raises:
        WeightsError: the file does not fit the network.
    """
    try:
        with open_plain(path) as plain, h5py.File(path, "r") as file:
            names = [_text(name) for name in file.attrs["layer_names"]]
            norms = sorted((n for n in names if n.startswith("batch_normalization")), key=_number)
            pairs = list(zip(convolution_names(path), norms, strict=False))
            check_count(path, len(pairs), len(shapes))
            for index, ((conv, norm), shape) in enumerate(zip(pairs, shapes, strict=False)):
                (kernel,) = _arrays(file[conv], plain, "kernel")
                layer = ConvWeights(kernel, *_arrays(file[norm], plain, "beta", "moving_mean", "moving_variance"))
                check_layer(path, index, layer, shape)
                yield layer
    except _UNREADABLE as error:
        raise WeightsError(f"{path} cannot be read as Keras weights ({error})") from error


def _arrays(group: Any, plain: BinaryIO, *wanted: str) -> list[NDArray[np.float32]]:
    """The arrays of one layer by the last part of their names (``conv2d_1/kernel:0`` is ``kernel``)."""
    arrays = {}
    for name in group.attrs["weight_names"]:
        text = _text(name)
        arrays[text.rsplit("/", 1)[-1].split(":")[0]] = _array(group[text], plain)
    if extra := arrays.keys() - set(wanted):
        raise ValueError(f"it also holds {', '.join(sorted(extra))}, which Keras's Inception-v3 does not have")
    return [arrays[name] for name in wanted]


def _array(dataset: Any, plain: BinaryIO) -> NDArray[np.float32]:
    """The numbers of a data set, float32."""
    # A data set that is compressed, in chunks, or was never written has no offset.
    offset = dataset.id.get_offset() if dataset.dtype == _STORED and dataset.nbytes >= _LEAST_MAPPED else None
    if offset is None:
        return np.asarray(dataset, np.float32)
    stored = np.frombuffer(mapped(plain, offset, dataset.nbytes), _STORED).reshape(dataset.shape)
    return stored.astype(np.float32, copy=False)


def _number(name: str) -> int:
    tail = name.rsplit("_", 1)[-1]
    return int(tail) if tail.isdigit() else 0


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
