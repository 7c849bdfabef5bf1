"""Reads weights in Keras's notop layout: HDF5, a group per layer, layers named in ``layer_names``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graft_device.errors import WeightsError
from graft_host.backbones.layer_weights import ConvWeights, check_layers

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


def read_layers(path: Path, shapes: list[tuple[int, ...]]) -> list[ConvWeights]:
    """Reads the first convolutions and batch norms of a file.

    Args:
        path: the file.
        shapes: the kernel shapes that the network expects.

    Raises:
        WeightsError: the file does not fit the network.
    """
    layers: list[ConvWeights] = []
    try:
        with h5py.File(path, "r") as file:
            names = [_text(name) for name in file.attrs["layer_names"]]
            norms = sorted((n for n in names if n.startswith("batch_normalization")), key=_number)
            for conv, norm in zip(convolution_names(path), norms, strict=False):
                (kernel,) = _arrays(file[conv], "kernel")
                layers.append(ConvWeights(kernel, *_arrays(file[norm], "beta", "moving_mean", "moving_variance")))
                if len(layers) == len(shapes):
                    break
    except _UNREADABLE as error:
        raise WeightsError(f"{path} cannot be read as Keras weights ({error})") from error
    check_layers(path, layers, shapes)
    return layers


def _arrays(group: Any, *wanted: str) -> list[NDArray[np.float32]]:
    """The arrays of one layer by the last part of their names (``conv2d_1/kernel:0`` is ``kernel``)."""
    arrays = {}
    for name in group.attrs["weight_names"]:
        text = _text(name)
        arrays[text.rsplit("/", 1)[-1].split(":")[0]] = np.asarray(group[text], np.float32)
    if extra := arrays.keys() - set(wanted):
        raise ValueError(f"it also holds {', '.join(sorted(extra))}, which Keras's Inception-v3 does not have")
    return [arrays[name] for name in wanted]


def _number(name: str) -> int:
    tail = name.rsplit("_", 1)[-1]
    return int(tail) if tail.isdigit() else 0


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
