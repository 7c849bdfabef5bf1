"""Measures the extraction stage and its parts alone; see ``benchmarks.extraction``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.extraction import alone, together
from benchmarks.supplies import opened
from benchmarks.worker import Job
from graft_host.photos.dataset import scan

_SAMPLE = 60


def measured(request: dict[str, Any]) -> Job:
    """Seconds per photo: decoding and inference in one thread, and the whole stage on all cores."""
    backbone, cores = opened(request["backbone"]), request["cores"]
    photos = list(scan(Path(request["photos"]), cores).photos)
    sample = photos[:: max(1, len(photos) // _SAMPLE)]

    def run() -> dict[str, Any]:
        decode, infer = alone(backbone, sample)
        return {"decode": decode, "infer": infer, "stage": 1 / together(backbone, photos, cores)}

    return Job(run, dict)
