"""Reads the standard TFLite Metadata of a file, which ``metadata`` writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

from graft_device.errors import ExportError
from graft_host.tflite.metadata import METADATA_NAME

_NORMALIZATION = 1  # type in union ProcessUnitOptions
_MOST_ENTRIES = 256


def read_metadata(model: Any, name: str) -> dict[str, Any] | None:
    """Returns the names, normalization and label files in a model's metadata; None if it has no metadata.

    Args:
        model: the flatbuffer of the file, a ``schema.ModelT``.
        name: the file's name in error messages.

    Raises:
        ExportError: the metadata is damaged.
    """
    data = next((model.buffers[m.buffer].data for m in model.metadata or [] if _bytes(m.name) == METADATA_NAME), None)
    if data is None:
        return None
    try:
        return _described(bytearray(np.asarray(data, np.uint8).tobytes()))
    except Exception as error:
        raise ExportError(f"{name} has TFLite Metadata that cannot be read") from error


def _described(data: bytearray) -> dict[str, Any]:
    root = Table(data, flatbuffers.encode.Get(number_types.UOffsetTFlags.packer_type, data, 0))
    graph = next(_tables(root, 3))
    return {
        "name": _string(root, 0),
        "description": _string(root, 1),
        "input": [_input(tensor) for tensor in _tables(graph, 2)],
        "output": [_output(tensor) for tensor in _tables(graph, 3)],
    }


def _input(tensor: Table) -> dict[str, Any]:
    units = [_table(unit, 1) for unit in _tables(tensor, 4) if _byte(unit, 0) == _NORMALIZATION]
    return {
        "name": _string(tensor, 0),
        "description": _string(tensor, 1),
        "normalization": [{"mean": _floats(unit, 0), "std": _floats(unit, 1)} for unit in units],
    }


def _output(tensor: Table) -> dict[str, Any]:
    return {
        "name": _string(tensor, 0),
        "description": _string(tensor, 1),
        "label_files": [_string(file, 0) for file in _tables(tensor, 6)],
    }


def _place(table: Table, field: int) -> int:
    """The offset of a field's value, 0 if it isn't set; field n is entry 4 + 2n of the vtable."""
    offset = int(table.Offset(4 + 2 * field))
    return int(table.Pos) + offset if offset else 0


def _string(table: Table, field: int) -> str:
    place = _place(table, field)
    return bytes(table.String(place)).decode("utf-8", "replace") if place else ""


def _byte(table: Table, field: int) -> int:
    place = _place(table, field)
    return int(table.Bytes[place]) if place else 0


def _table(table: Table, field: int) -> Table:
    return Table(table.Bytes, table.Indirect(_place(table, field)))


def _tables(table: Table, field: int) -> Iterator[Table]:
    if not _place(table, field):
        return
    offset = _place(table, field) - table.Pos
    start = table.Vector(offset)
    length = table.VectorLen(offset)
    if length > _MOST_ENTRIES:
        raise ValueError(f"a list of {length} entries")
    for index in range(length):
        yield Table(table.Bytes, table.Indirect(start + 4 * index))


def _floats(table: Table, field: int) -> list[float]:
    if not _place(table, field):
        return []
    values = table.GetVectorAsNumpy(number_types.Float32Flags, _place(table, field) - table.Pos)
    if not np.isfinite(values).all():
        raise ValueError("a value that is not a number")
    return [float(value) for value in values]


def _bytes(text: bytes | str | None) -> bytes:
    return text if isinstance(text, bytes) else (text or "").encode()
