"""Writes ``.pth`` files as PyTorch did before 1.6, with the standard library's pickle and stand-ins for torch."""

from __future__ import annotations

import collections
import contextlib
import io
import pickle
import struct
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
MACHINE = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


@dataclass(frozen=True)
class Storage:
    """Numbers of one kind under a key; ``count`` is what the pickle announces."""

    key: str
    numbers: NDArray[Any]
    kind: str = "FloatStorage"
    count: Any = None


@dataclass(frozen=True)
class Tensor:
    """A view of a storage, in numbers."""

    storage: Any
    offset: Any
    shape: Any
    strides: Any

    def __reduce__(self) -> tuple[Any, ...]:
        arguments: tuple[Any, ...] = (
            self.storage,
            self.offset,
            self.shape,
            self.strides,
            False,
            collections.OrderedDict(),
        )
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Storage):
            return None
        count = len(value.numbers) if value.count is None else value.count
        return "storage", getattr(sys.modules["torch"], value.kind), value.key, "cpu", count, None


def tensor(key: str, array: NDArray[Any]) -> Tensor:
    """A tensor that has its storage to itself."""
    kind = "LongStorage" if array.dtype == np.int64 else "FloatStorage"
    strides = tuple(step // array.itemsize for step in array.strides)
    return Tensor(Storage(key, np.ascontiguousarray(array).reshape(-1), kind), 0, array.shape, strides)


@contextlib.contextmanager
def stand_ins() -> Iterator[None]:
    """Modules ``torch`` and ``torch._utils`` with what such files name, as long as a file is written."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage", "HalfStorage", "DoubleStorage", "FloatTensor"):
        setattr(torch, name, type(name, (), {"__module__": "torch", "__qualname__": name}))

    def _rebuild_tensor_v2(*_: Any) -> None:
        raise AssertionError("a file was run")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = utils.__name__, "_rebuild_tensor_v2"
    vars(utils)["_rebuild_tensor_v2"] = _rebuild_tensor_v2
    names = {"torch": torch, "torch._utils": utils}
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(names)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def pickled(value: Any, protocol: int = 2) -> bytes:
    """One pickle; within ``stand_ins``."""
    buffer = io.BytesIO()
    _Pickler(buffer, protocol).dump(value)
    return buffer.getvalue()


def legacy_bytes(
    states: Any,
    storages: Sequence[Storage],
    *,
    magic: Any = MAGIC,
    version: Any = VERSION,
    machine: Any = MACHINE,
    keys: Any = None,
    protocol: int = 2,
) -> bytes:
    """A file of some tensors.

    Args:
        states: the state dict, or the bytes of a pickle in its place.
        storages: those that its tensors name, in the order of their numbers.
        magic: the first pickle.
        version: the second one.
        machine: the third one.
        keys: the last one; the keys of the storages when None.
        protocol: of the pickles.
    """
    keys = [storage.key for storage in storages] if keys is None else keys
    with stand_ins():
        parts = [pickled(value, protocol) for value in (magic, version, machine)]
        parts.append(states if isinstance(states, bytes) else pickled(states, protocol))
        parts.append(pickled(keys, protocol))
    for storage in storages:
        parts += [struct.pack("<q", len(storage.numbers)), storage.numbers.tobytes()]
    return b"".join(parts)


def write_legacy(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Writes a state dict, each tensor with a storage of its own."""
    tensors = collections.OrderedDict((name, tensor(str(n), array)) for n, (name, array) in enumerate(arrays.items()))
    path.write_bytes(legacy_bytes(tensors, [each.storage for each in tensors.values()]))
    return path
