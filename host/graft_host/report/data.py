"""The data of a report, and functions to read and format it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.model import ModelFile
from graft_host.evaluation.against import Against
from graft_host.evaluation.evaluate import Evaluation
from graft_host.evaluation.speed import Speed

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
LETTERS = 60
"""The number of letters of a label, or of the model's name, that are shown within a text."""


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """The data of a report.

    Attributes:
        evaluation: the results of the model on the photos.
        model: the file and its card.
        photos: the folder of photos.
        part: ``test`` if training kept these photos aside, ``all`` if it may have seen some.
        training: ``TrainResult.to_json()`` of the run that made the model; None if it is not available.
        comparison: with an older model; None if none was asked for.
        speed: how long one inference takes on the machine that makes the report; None if it was not measured.
        made: the day on which the report is made; None to leave it out.
    """

    evaluation: Evaluation
    model: ModelFile
    photos: Path
    part: str = "test"
    training: Mapping[str, Any] | None = None
    comparison: Against | None = None
    speed: Speed | None = None
    made: date | None = None

    @property
    def threshold(self) -> float:
        """The score below which a photo is called unknown, 0 to 1; 0 if the card has no usable threshold."""
        threshold = number(self.model.card.thresholds, "unknown", "score")
        return threshold if threshold is not None and 0 <= threshold <= 1 else 0.0

    @property
    def named(self) -> NDArray[np.bool_]:
        """Which photos are not called unknown, ``[N]``."""
        named: NDArray[np.bool_] = self.evaluation.scores.max(axis=1) >= self.threshold
        return named


def brief(number: int) -> str:
    """Formats a count briefly: thousands from 10,000 on."""
    return f"{number}" if number < 10_000 else f"{number / 1000:.0f}k"  # noqa: PLR2004  five digits are too wide


def number(values: object, *keys: str) -> float | None:
    """Returns a finite number from nested objects, or None, because cards of other versions may lack it."""
    for key in keys:
        values = values.get(key) if isinstance(values, Mapping) else None
    if isinstance(values, bool) or not isinstance(values, (int, float)) or not math.isfinite(values):
        return None
    return float(values)


def relative(path: Path, folder: Path) -> str:
    """Returns a path relative to a folder if it is inside, else the path itself."""
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def today() -> date:
    """Returns this day by the machine's clock and time zone."""
    return datetime.now(tz=timezone.utc).astimezone().date()


def day(made: date) -> str:
    """Formats a day: 27 November 2026, in any language of the machine."""
    return f"{made.day} {_MONTHS[made.month - 1]} {made.year}"


def megabytes(size: int) -> str:
    """Formats a size in bytes as MB or kB."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"  # noqa: PLR2004
