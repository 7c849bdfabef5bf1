"""What ``bench`` found, and how it is told to other programs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graft_device import __version__
from graft_device.model import ModelFile
from graft_device.system.thermal import Thermal

FORMAT = 1
"""Goes up when a field of ``Bench.to_json`` goes or changes its meaning; new ones may come at any time."""

WARM_UP = 3


@dataclass(frozen=True)
class Spread:
    """Milliseconds over all rounds: 50, 90 and 99 of 100 rounds took no longer than these."""

    median: float
    p90: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of one value or more, between neighbours by linear interpolation."""
        return cls(*(round(_quantile(sorted(values), share), 3) for share in (0.5, 0.9, 0.99)))


@dataclass(frozen=True)
class Row:
    """One pair of runtime and threads.

    Attributes:
        runtime: its name.
        threads: for one inference.
        cold_start_ms: from the start of ``graft-device classify`` to its first answer, the median of a few; the files
            are in the system's cache by then.
        preprocess_ms: decode and resize, from the file.
        invoke_ms: the network.
        total_ms: both, round by round.
        peak_memory_mb: of the measuring process, in MB of 1e6 bytes.
        label: the photo's.
        error: why there is no measurement; None where there is one.
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
class Photo:
    """What was classified: ``path`` is None for the picture that the kit makes itself."""

    path: str | None
    width: int
    height: int
    bytes: int


@dataclass(frozen=True)
class Bench:
    """A whole measurement."""

    model: ModelFile
    photo: Photo
    machine: dict[str, Any]
    versions: dict[str, str | None]
    rounds: int
    before: Thermal
    after: Thermal
    warnings: tuple[str, ...]
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values; other programs read this, see ``FORMAT``.

        ``model`` holds file, bytes, sha256, labels (how many), backbone (fingerprint), weights, tap, image_size,
        resize and quantization. ``rows`` are ``Row``s.
        """
        card = self.model.card
        return {
            "format": FORMAT,
            "kit_version": __version__,
            "model": {
                "file": str(self.model.path),
                "bytes": self.model.bytes,
                "sha256": _sha256(self.model.path),
                "labels": len(self.model.labels),
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
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
