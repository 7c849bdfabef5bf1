"""The formats of ``graft export`` by name."""

from __future__ import annotations

from graft_device.errors import ExportError
from graft_host.export.format import Format
from graft_host.export.formats import frigate, keras, onnx, saved_model

FORMATS: dict[str, Format] = {
    known.name: known for known in (keras.FORMAT, saved_model.FORMAT, onnx.FORMAT, frigate.FORMAT)
}
"""In the order of ``--help``."""


def format_of(name: str) -> Format:
    """The format of a name; raises ExportError if there is none."""
    if name not in FORMATS:
        *first, last = FORMATS
        raise ExportError(f"no such format: {name}", f"choose {', '.join(first)} or {last}")
    return FORMATS[name]
