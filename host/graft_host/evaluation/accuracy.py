"""The accuracy figures of a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graft_host.heads.chance import ErrorByChance

FEW_TEST_PHOTOS = 30
"""With fewer test photos, one photo moves the accuracy on them by more than 3 points, so it is no headline."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An accuracy with its 95% interval.

    Attributes:
        accuracy: share of the photos that are classified correctly.
        low: lower end of the interval.
        high: upper end of the interval.
        photos: number of photos that it was measured on.
    """

    accuracy: float
    low: float
    high: float
    photos: int

    @classmethod
    def read(cls, figures: object) -> Estimate | None:
        """Reads the cross-validated accuracy from ``Accuracy.to_json`` of a run or a card; None if there is none."""
        values = figures.get("cross_validated") if isinstance(figures, Mapping) else None
        if not isinstance(values, Mapping):
            return None
        try:
            low, high = map(float, values["interval"])
            return cls(accuracy=float(values["accuracy"]), low=low, high=high, photos=int(values["photos"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    def text(self) -> str:
        """The accuracy and its interval, such as ``93.3% (84.1 to 97.4%)``."""
        return f"{self.accuracy:.1%} ({100 * self.low:.1f} to {self.high:.1%})"

    def to_json(self) -> dict[str, Any]:
        """The accuracy, the ends of the interval and the number of photos."""
        return {"accuracy": self.accuracy, "interval": [self.low, self.high], "photos": self.photos}


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Figures on the test photos, and the cross-validated accuracy if these are few.

    Attributes:
        float_head: share of photos that the float head classifies correctly, on bottlenecks of the quantized backbone.
        shipped: share of photos that the shipped file classifies correctly.
        agreement: share of photos for which file and float head name the same class.
        float32: share of photos classified correctly with nothing quantized; None if it was not asked for.
        error_before: expected calibration error of the head's scores before temperature scaling, on the photos that are
            not called unknown.
        error_after: expected calibration error of the shipped file's scores, on the photos that are not called unknown.
        by_chance: the calibration error that a perfectly calibrated file with the same scores would show.
        tested: ``shipped`` with its interval; None if that was not computed.
        cross_validated: accuracy of heads that were trained as the model's is, on all photos, each classified by a head
            that did not see it; None if there are test photos enough, or heads cannot be trained without photos.
    """

    float_head: float
    shipped: float
    agreement: float
    float32: float | None
    error_before: float
    error_after: float
    by_chance: ErrorByChance
    tested: Estimate | None = None
    cross_validated: Estimate | None = None

    def errors(self) -> dict[str, Any]:
        """The calibration errors as the JSON output and the model card have them."""
        return {"before": self.error_before, "after": self.error_after, "by_chance": self.by_chance.to_json()}

    @property
    def headline(self) -> Estimate | None:
        """The best figure for the accuracy on new photos: the cross-validated one, or the one on the test photos."""
        return self.cross_validated or self.tested

    def to_json(self) -> dict[str, Any]:
        """The shares of photos that are classified correctly, and which of them is the headline."""
        figures: dict[str, Any] = {"float_head": self.float_head, "shipped": self.shipped}
        if self.float32 is not None:
            figures["float32"] = self.float32
        if self.cross_validated is not None:
            figures["cross_validated"] = self.cross_validated.to_json()
        if self.headline is not None:
            kind = "shipped" if self.cross_validated is None else "cross_validated"
            figures["headline"] = {"figure": kind, **self.headline.to_json()}
        return figures
