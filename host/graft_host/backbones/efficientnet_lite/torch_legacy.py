"""Reads the tensors of a ``.pth`` in the layout that PyTorch wrote before 1.6, without PyTorch.

The file is a row of pickles: a magic number, a version, facts about the machine, the state dict, and the keys of the
storages. For each key an int64 count and the raw numbers follow, in the order of the keys (PyTorch 1.5,
``torch/serialization.py``, ``_legacy_save``). A pickle may call what it names, so all names are refused but those that
tensors need, and what these stand for here does nothing.
"""

from __future__ import annotations

import collections
import math
import os
import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import WeightsError
from graft_device.system.plain import open_plain

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_DTYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_COUNT = struct.Struct("<q")
_MOST_NUMBERS = 1 << 28
"""Of a tensor. One with strides of 0 can be larger than its file."""

_UNREADABLE = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error,
    OverflowError, MemoryError, RecursionError, ImportError,
)  # fmt: skip
"""What ``pickle`` raises on damaged files, as its documentation lists it, and the errors of this module."""


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Reads a state dict.

    Args:
        path: the file.

    Returns:
        Arrays, float32 or int64, by the names of the state dict.

    Raises:
        WeightsError: the file cannot be read, has another layout, or names something that no tensor needs.
    """
    try:
        with open_plain(path) as file:
            return _read(file)
    except OSError as error:
        raise WeightsError(f"cannot read weights {path}: {error.strerror or error}") from error
    except _UNREADABLE as error:
        raise WeightsError(f"{path} cannot be read as weights of PyTorch ({str(error) or 'it is damaged'})") from error


@dataclass(frozen=True)
class _Kind:
    """What a storage's type in a file stands for."""

    dtype: np.dtype[Any]


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


class _Pickle(pickle.Unpickler):
    """Reads one pickle. Everything that it creates is new, so that no file can change what the next one reads."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What a name stands for; raises UnpicklingError for all but those of a state dict of tensors."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilder()
        if module == "torch" and name in _DTYPES:
            return _Kind(_DTYPES[name])
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no weights need")

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage that a tensor names."""
        tag, kind, key, _place, count, view = pid
        if tag != "storage" or view is not None or not isinstance(kind, _Kind) or not isinstance(count, int):
            raise pickle.UnpicklingError("a tensor has a storage of another kind")
        storage = _Storage(str(key), kind.dtype, count)
        if self.storages.setdefault(storage.key, storage) != storage:
            raise pickle.UnpicklingError(f"storage {storage.key} is described twice")
        return storage


def _rebuilder() -> Callable[..., _Tensor]:
    def rebuild(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
        return _Tensor(storage, offset, tuple(shape), tuple(strides))

    return rebuild


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    if _Pickle(file).load() != _MAGIC:
        raise ValueError("it does not start as the layout before PyTorch 1.6 does")
    if _Pickle(file).load() != _VERSION:
        raise ValueError("its version is not 1001")
    if _Pickle(file).load()["little_endian"] is not True:
        raise ValueError("its numbers are big-endian")
    states = _Pickle(file)
    tensors = states.load()
    if not isinstance(tensors, Mapping):
        raise ValueError("it holds no state dict")
    numbers = _numbers(file, _Pickle(file).load(), states.storages)
    return {str(name): _array(tensor, numbers) for name, tensor in tensors.items()}


def _numbers(file: BinaryIO, keys: Any, storages: Mapping[str, _Storage]) -> dict[str, NDArray[Any]]:
    size = os.fstat(file.fileno()).st_size
    numbers: dict[str, NDArray[Any]] = {}
    for key in keys:
        storage = storages[key]
        (count,) = _COUNT.unpack(file.read(_COUNT.size))
        if count != storage.count or not 0 <= count * storage.dtype.itemsize <= size - file.tell():
            raise ValueError(f"storage {storage.key} does not have the length that is announced")
        numbers[key] = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
    if file.read(1):
        raise ValueError("there is more behind its end")
    return numbers


def _array(tensor: Any, numbers: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """A copy of the numbers that a tensor shows, in C order."""
    if not isinstance(tensor, _Tensor):
        raise ValueError("it holds something that is not a tensor")
    flat, shape, strides = numbers[tensor.storage.key], tensor.shape, tensor.strides
    if len(shape) != len(strides) or math.prod(shape) > _MOST_NUMBERS:
        raise ValueError("a tensor has no proper shape")
    if min((*shape, 1)) < 1 or min((*strides, tensor.offset)) < 0:
        raise ValueError("a tensor has no proper shape")
    last = tensor.offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if last >= len(flat):
        raise ValueError("a tensor reaches beyond its storage")
    steps = [stride * flat.dtype.itemsize for stride in strides]
    view = np.lib.stride_tricks.as_strided(flat[tensor.offset :], shape, steps, writeable=False)
    return np.array(view, order="C")
