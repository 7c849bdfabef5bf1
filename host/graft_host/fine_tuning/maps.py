"""Computes the maps of a cut for photos and their variants, and keeps them in a file that is mapped into memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import DatasetError, ExportError, PhotoError, os_reason
from graft_device.runtime import TensorSpec
from graft_host.backbones.bottlenecks.jobs import jobs_for
from graft_host.backbones.bottlenecks.workers import OpenNetwork, extracted
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.photos.dataset import Photo
from graft_host.photos.renditions import Rendition
from graft_host.support.progress import Progress

MOST_BYTES = 2_000_000_000
"""Of the file of maps."""

_SPARE = 1.1  # times the size of the file that must be free on the disk


ShownRow = tuple[Photo, Rendition]
"""What a row of maps shows: a rendition of a photo."""


def room(folder: Path) -> int:
    """How many bytes the file of maps may have in a folder."""
    return min(MOST_BYTES, int(shutil.disk_usage(folder).free / _SPARE))


def write_maps(
    front: Path, spec: BackboneSpec, rows: Sequence[ShownRow], path: Path, threads: int, progress: Progress
) -> TensorSpec:
    """Computes maps and writes them as ``.npy``, int8 ``[rows,H,W,C]``.

    Args:
        front: the network, whose first output is the map.
        spec: gives the input scaling, the input side and the resize rule.
        rows: what each row shows.
        path: the file to write.
        threads: number of workers.
        progress: called with (photos done, photos).

    Returns:
        The map's tensor, with its quantization.

    Raises:
        DatasetError: a photo can no longer be read.
        ExportError: the disk is full.
    """
    tensor = OpenNetwork(front).outputs[0]
    maps = _allocated(path, (len(rows), *tensor.shape[1:]))
    places: dict[tuple[str, Rendition], list[int]] = {}
    for row, (photo, rendition) in enumerate(rows):
        places.setdefault((photo.digest, rendition), []).append(row)
    jobs = jobs_for(*(([photo], (rendition,)) for photo, rendition in rows))
    for done, (job, result) in enumerate(extracted(front, spec, jobs, threads), 1):
        if isinstance(result, PhotoError):
            raise DatasetError(f"{job.photo.path} changed during the run ({result})", "run again")
        for rendition, vectors in zip(job.renditions, result, strict=True):
            maps[places[job.photo.digest, rendition]] = vectors[0]
        progress(done, len(jobs))
    return tensor


def _allocated(path: Path, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """An empty array in a file that has its room on the disk: without, a write to mapped memory ends the process."""
    try:
        maps: NDArray[np.int8] = np.lib.format.open_memmap(path, "w+", np.int8, shape)  # type: ignore[no-untyped-call]
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        raise ExportError(
            f"cannot write {np.prod(shape) / 1e6:.0f} MB of maps into {path.parent.parent}: {os_reason(error)}",
            "free some space there, or choose another folder in $TMPDIR",
        ) from error
    return maps
