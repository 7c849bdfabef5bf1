"""The figures that ``bench`` measures, and their JSON form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from graft_device import __version__
from graft_device.model import ModelFile
from graft_device.system.durable import digest
from graft_device.system.thermal import Thermal

FORMAT = 1
"""Increases when a field of ``Bench.to_json`` is removed or changes its meaning; fields may be added at any time."""

WARM_UP = 3


@dataclass(frozen=True)
class Spread:
    """Percentiles over all rounds, in milliseconds.

    Attributes:
        median: half of the rounds took no longer than this.
        p90: 90% of the rounds took no longer than this.
        p99: 99% of the rounds took no longer than this.
    """

    median: float
    p90: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Computes the percentiles of one or more values, with linear interpolation."""
        return cls(*(round(_quantile(sorted(values), share), 3) for share in (0.5, 0.9, 0.99)))


@dataclass(frozen=True)
class Row:
    """The measurement of one combination of runtime and threads.

    Attributes:
        runtime: the runtime's name.
        threads: the number of threads for one inference.
        cold_start_ms: the time from the start of ``graft-device classify`` to its first answer, as the median of
            ``COLD_STARTS`` starts; the files are in the system's cache after the first.
        preprocess_ms: the time to read, decode and resize the photo.
        invoke_ms: the time that the network takes.
        total_ms: preprocessing and network together, added round by round.
        peak_memory_mb: the peak memory of the measuring process, in MB of 1e6 bytes.
        label: the label that the model gave the photo.
        error: why there is no measurement; None if there is one.
    """

    runtime: str
    threads: int
    cold_start_ms: float | None = None
    preprocess_ms: Spread | None = None
    invoke_ms: Spread | None = None
    total_ms: Spread | None = None
    peak_memory_mb: float | None = None
    label: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class BenchPhoto:
    """The photo that was classified.

    Attributes:
        path: the photo's file; None for the synthetic photo.
        width: pixels.
        height: pixels.
        bytes: the size of the file.
    """

    path: str | None
    width: int
    height: int
    bytes: int


@dataclass(frozen=True)
class Bench:
    """The complete measurement of one model."""

    model: ModelFile
    photo: BenchPhoto
    machine: dict[str, Any]
    versions: dict[str, str | None]
    rounds: int
    before: Thermal
    after: Thermal
    warnings: tuple[str, ...]
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """All figures as plain values, for other programs; see ``FORMAT``.

        ``model`` holds file, bytes, sha256, labels (their number), family (the backbone's name), backbone (its
        fingerprint), weights, tap, image_size, resize and quantization. Each object in ``rows`` has the fields of
        ``Row``.
        """
        card = self.model.card
        return {
            "format": FORMAT,
            "kit_version": __version__,
            "model": {
                "file": str(self.model.path),
                "bytes": self.model.bytes,
                "sha256": digest(self.model.path),
                "labels": len(self.model.labels),
                "family": card.backbone.get("name"),
                "backbone": card.backbone.get("fingerprint"),
                "weights": card.backbone.get("weights"),
                "tap": card.tap,
                "image_size": card.image_size,
                "resize": card.resize,
                "quantization": card.quantization,
            },
            "photo": {**asdict(self.photo), "synthetic": self.photo.path is None},
            "machine": self.machine,
            "versions": self.versions,
            "rounds": self.rounds,
            "warm_up": WARM_UP,
            "thermal": {"before": self.before.to_json(), "after": self.after.to_json()},
            "warnings": list(self.warnings),
            "rows": [asdict(row) for row in self.rows],
        }


def _quantile(ordered: Sequence[float], share: float) -> float:
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
