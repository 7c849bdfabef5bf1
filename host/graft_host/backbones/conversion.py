"""Runs ``convert`` in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.backbones.family import WeightsSource
from graft_host.backbones.registry import to_request
from graft_host.support.isolated import call_quietly
from graft_host.support.progress import Progress
from graft_host.support.scratch import scratch


def convert_apart(
    weights: WeightsSource,
    taps: Sequence[str],
    image_size: int,
    quantization: str,
    photos: NDArray[np.uint8] | None,
    progress: Progress | None,
) -> bytes:
    """Converts a network in a process of its own.

    Args:
        weights: that reach the last tap.
        taps: the outputs, in the order of their depth.
        image_size: the input side S in pixels.
        quantization: ``int8``, ``dynamic``, ``float16`` or ``float32``.
        photos: uint8 ``[N,S,S,3]`` to calibrate on; None for float networks.
        progress: called with (photos calibrated on, photos).

    Raises:
        ExportError: the conversion failed.
    """
    with scratch() as folder:
        request: dict[str, Any] = {
            "weights": to_request(weights),
            "taps": list(taps),
            "image_size": image_size,
            "mode": quantization,
            "photos": None,
            "output": str(folder / "backbone.tflite"),
        }
        if photos is not None:
            request["photos"] = str(folder / "photos.npy")
            try:
                np.save(request["photos"], photos)
            except OSError as error:
                raise ExportError(
                    f"cannot write {photos.nbytes / 1e6:.1f} MB of calibration photos into {folder.parent}",
                    "free some space there, or name another folder in $TMPDIR",
                ) from error
        try:
            call_quietly("graft_host.backbones.convert", request, progress)
        except ExportError as error:
            which = f"{', '.join(taps)}, {image_size}, {quantization}"
            raise ExportError(f"the backbone ({which}) could not be converted: {error.what}", error.remedy) from error
        return Path(request["output"]).read_bytes()
