"""The accuracy figures of a trained model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Figures on the test photos.

    Attributes:
        float_head: share of photos that the float head classifies correctly, on bottlenecks of the quantized backbone.
        shipped: share of photos that the shipped file classifies correctly.
        agreement: share of photos for which file and float head name the same class.
        float32: share of photos classified correctly with nothing quantized; None if it was not asked for.
        error_before: expected calibration error of the head's scores before temperature scaling, on the photos that are
            not called unknown.
        error_after: expected calibration error of the shipped file's scores, on the photos that are not called unknown.
    """

    float_head: float
    shipped: float
    agreement: float
    float32: float | None
    error_before: float
    error_after: float

    def to_json(self) -> dict[str, float]:
        """The shares of photos that are classified correctly."""
        figures = {"float_head": self.float_head, "shipped": self.shipped}
        return figures if self.float32 is None else {**figures, "float32": self.float32}
