"""Reads the tensors of a ``.pth`` in the layout that PyTorch wrote before 1.6, without PyTorch.

The file is a row of pickles: a magic number, a version, facts about the machine, the state dict, and the keys of the
storages. For each key an int64 count and the raw numbers follow, in the order of the keys (PyTorch 1.5,
``torch/serialization.py``, ``_legacy_save``). Pickles are read by ``plain_pickle``, so nothing that a file names is
imported or called: the four names that tensors need stand for values, and all others are refused.
"""

from __future__ import annotations

import io
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import WeightsError
from graft_device.system.plain import open_plain
from graft_host.backbones.efficientnet_lite.plain_pickle import Meaning, Name, read_pickle, refuse

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_DTYPES: dict[Name, np.dtype[Any]] = {
    Name("torch", "FloatStorage"): np.dtype("<f4"),
    Name("torch", "LongStorage"): np.dtype("<i8"),
}
_ORDERED_DICT, _REBUILD = Name("collections", "OrderedDict"), Name("torch._utils", "_rebuild_tensor_v2")
_COUNT = struct.Struct("<q")
_LONGEST_PICKLES = 1 << 19
"""Bytes of all pickles of a file together; those of EfficientNet-Lite2 take 62,000."""
_MOST_NUMBERS = 1 << 28
"""Of a tensor. One with strides of 0 can be larger than its file."""

_MOST_AXES = 8
"""Of a tensor; more than numpy has axes for end the process in ``as_strided`` of numpy 1.26."""


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Reads a state dict.

    Args:
        path: the file.

    Returns:
        Read-only views, float32 or int64, by the names of the state dict. Tensors that share a storage share memory,
        so that all of them together take no more than their file.

    Raises:
        WeightsError: the file cannot be read, has another layout, or names something that no tensor needs.
    """
    try:
        with open_plain(path) as file:
            return _read(file)
    except OSError as error:
        raise WeightsError(f"cannot read weights {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise WeightsError(
            f"{path} cannot be read as weights of PyTorch ({error})", "give a .pth file of its pip package"
        ) from error


@dataclass(frozen=True)
class _Storage:
    """Numbers that tensors share."""

    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage: where it starts, and its shape and strides, all in numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Storages:
    """The storages that a state dict names."""

    def __init__(self) -> None:
        self.by_key: dict[str, _Storage] = {}

    def __call__(self, identifier: Any) -> _Storage:
        """The storage of a persistent identifier: ``("storage", kind, key, device, count, None)``."""
        fields = 6
        if type(identifier) is not tuple or len(identifier) != fields:
            refuse("a tensor has no proper storage")
        tag, kind, key, _device, count, view = identifier
        if tag != "storage" or view is not None or type(kind) is not Name or kind not in _DTYPES:
            refuse("a tensor has a storage of another kind")
        if type(key) is not str or type(count) is not int:
            refuse("a tensor has no proper storage")
        storage = _Storage(key, _DTYPES[kind], count)
        if self.by_key.setdefault(key, storage) != storage:
            refuse("a storage is described twice")
        return storage


def _rebuilt(arguments: tuple[Any, ...]) -> _Tensor:
    """A tensor from ``(storage, offset, shape, strides, requires_grad, hooks)``."""
    least = 4
    if len(arguments) < least:
        refuse("a tensor has no proper shape")
    storage, offset, shape, strides = arguments[:least]
    if type(storage) is not _Storage or type(shape) is not tuple or type(strides) is not tuple:
        refuse("a tensor has no proper shape")
    if not all(type(number) is int for number in (offset, *shape, *strides)):
        refuse("a tensor has no proper shape")
    return _Tensor(storage, offset, shape, strides)


def _ordered(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """An ordered dict, which PyTorch creates empty and fills later."""
    if arguments:
        refuse("it fills a dict in a way that PyTorch does not")
    return {}


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    head = io.BytesIO(file.read(_LONGEST_PICKLES))
    try:
        magic = read_pickle(head)
    except ValueError:
        magic = None
    if magic != _MAGIC:
        refuse("it does not start as the layout before PyTorch 1.6 does")
    if read_pickle(head) != _VERSION:
        refuse("its version is not 1001")
    machine = read_pickle(head)
    if type(machine) is not dict or machine.get("little_endian") is not True:
        refuse("its numbers are big-endian")
    storages = _Storages()
    names = frozenset(_DTYPES)
    tensors = read_pickle(head, Meaning(names, {_ORDERED_DICT: _ordered, _REBUILD: _rebuilt}, storages))
    if type(tensors) is not dict:
        refuse("it holds no state dict")
    keys = read_pickle(head)
    file.seek(head.tell())
    numbers = _numbers(file, keys, storages.by_key)
    return {str(name): _view(tensor, numbers) for name, tensor in tensors.items()}


def _numbers(file: BinaryIO, keys: Any, storages: Mapping[str, _Storage]) -> dict[str, NDArray[Any]]:
    if type(keys) is not list or not all(type(key) is str for key in keys) or sorted(keys) != sorted(storages):
        refuse("the storages are not those that the tensors name")
    size = os.fstat(file.fileno()).st_size
    numbers: dict[str, NDArray[Any]] = {}
    for key in keys:
        storage = storages[key]
        announced = file.read(_COUNT.size)
        count = _COUNT.unpack(announced)[0] if len(announced) == _COUNT.size else -1
        if count != storage.count or not 0 <= count * storage.dtype.itemsize <= size - file.tell():
            refuse("a storage does not have the length that is announced")
        numbers[key] = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
    if file.read(1):
        refuse("there is more behind its end")
    return numbers


def _view(tensor: Any, numbers: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The numbers that a tensor shows."""
    if type(tensor) is not _Tensor:
        refuse("it holds something that is not a tensor")
    flat, shape, strides = numbers[tensor.storage.key], tensor.shape, tensor.strides
    if (
        len(shape) != len(strides)
        or len(shape) > _MOST_AXES
        or min((*shape, 1)) < 1
        or min((*strides, tensor.offset)) < 0
    ):
        refuse("a tensor has no proper shape")
    if math.prod(shape) > _MOST_NUMBERS or max((*strides, 0)) > len(flat):
        refuse("a tensor has no proper shape")
    last = tensor.offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if last >= len(flat):
        refuse("a tensor reaches beyond its storage")
    steps = [stride * flat.dtype.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], shape, steps, writeable=False)
