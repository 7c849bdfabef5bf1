"""Has the float network of a model built with Keras and saved, in a process of its own."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from graft_device.errors import ExportError
from graft_device.model import LABELS_NAME, ModelFile
from graft_host.backbones.in_tensorflow.weights_request import to_request
from graft_host.export.format import Source
from graft_host.export.shipped_head import read_head
from graft_host.heads.head import Array
from graft_host.support.outside.isolated import JobError, call_quietly

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def build(source: Source, kind: str, head: Path, product: Path) -> None:
    """Writes the float network from pixels to probabilities. Its head is that of the file.

    Args:
        source: with weights.
        kind: ``keras`` or ``saved-model``.
        head: where the head is kept while the network is built.
        product: the file or folder to write.

    Raises:
        OSError: the disk is full.
        ModelError: the file has no head that can be read.
        ExportError: it failed in another way.
    """
    assert source.weights is not None  # noqa: S101  formats that call this use weights
    model = source.model
    head.write_bytes(_packed(*read_head(model.path)))
    request: dict[str, Any] = {
        "weights": to_request(source.weights),
        "tap": model.card.tap,
        "image_size": model.card.image_size,
        "format": kind,
        "head": str(head),
        "output": str(product),
    }
    try:
        call_quietly("graft_host.export.keras_export", request)
    except JobError as error:
        if error.errno in _NO_ROOM:
            raise OSError(error.errno, os.strerror(error.errno)) from error
        raise ExportError(f"{model.path} could not be exported: {error.what}", error.remedy) from error
    except ExportError as error:
        raise ExportError(f"{model.path} could not be exported: {error.what}", error.remedy) from error


def _packed(kernel: Array, bias: Array) -> bytes:
    """The head as an ``.npz``, made in memory because NumPy prints a traceback if the disk is full."""
    buffer = io.BytesIO()
    np.savez(buffer, kernel=kernel, bias=bias)
    return buffer.getvalue()


def description(model: ModelFile, kind: str) -> dict[str, str]:
    """What the card of an export contains about the float network."""
    size, classes = model.card.image_size, len(model.labels)
    return {
        "format": kind,
        "input": f"image: RGB pixels, 0 to 255, float32 [N,{size},{size},3]; normalization is inside",
        "output": f"probabilities: float32 [N,{classes}] in the order of {LABELS_NAME}",
        "unknown": "this network does not recognize photos unlike those it was trained on; the .tflite does",
    }
