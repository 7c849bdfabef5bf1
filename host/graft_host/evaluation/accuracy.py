"""How good a trained model is, in a few figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Accuracy:
    """Figures on the test photos.

    Attributes:
        float_head: share that the float head names rightly on the bottlenecks of the quantized backbone.
        shipped: share that the file names rightly.
        agreement: share on which both name the same class.
        float32: share that is named rightly where nothing is quantized; None if that was not asked for.
        error_before: expected calibration error of the head as trained, on the photos that are not called unknown.
        error_after: that of the file, on the same.
    """

    float_head: float
    shipped: float
    agreement: float
    float32: float | None
    error_before: float
    error_after: float

    def to_json(self) -> dict[str, float]:
        """The shares of photos that are named rightly."""
        figures = {"float_head": self.float_head, "shipped": self.shipped}
        return figures if self.float32 is None else {**figures, "float32": self.float32}
