"""Packs the zip of a model file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip can hold, so that the same model gives the same bytes on any day."""


def pack_zip(files: Mapping[str, bytes]) -> bytes:
    """Makes a zip of files in the given order; the same files always give the same bytes."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as packed:  # readers expect uncompressed files
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    return memory.getvalue()
