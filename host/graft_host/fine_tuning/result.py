"""The result of a fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from graft_host.fine_tuning.decision import Comparison

_MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """The result of a fine-tuning.

    Attributes:
        kept: whether the model has the tuned tail.
        reason: why it has, or has not, in one clause.
        cut: the layer behind which layers were trained; empty if none were.
        photos: number of photos that the kept tail was trained on, or that would have been.
        epochs: how often each of them was trained on.
        comparison: both heads on held-out photos; None if there was no trial.
        seconds: that the trainings took, in this run or an earlier one.
        memory: the most that TensorFlow's process took, in bytes.
    """

    kept: bool
    reason: str
    cut: str = ""
    photos: int = 0
    epochs: int = 0
    comparison: Comparison | None = None
    seconds: float = 0.0
    memory: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        tried = self.comparison
        return {
            "kept": self.kept,
            "cut": self.cut or None,
            "photos": self.photos,
            "epochs": self.epochs,
            "log_loss": None if tried is None else {"linear": round(tried.linear, 4), "tuned": round(tried.tuned, 4)},
            "right": None if tried is None else {"linear": tried.linear_right, "tuned": tried.tuned_right},
            "difference": None if tried is None else round(tried.difference, 4),
            "standard_error": None if tried is None else round(tried.standard_error, 4),
            "seconds": round(self.seconds, 1),
            "memory_mb": round(self.memory / _MEGABYTE),
            "reason": self.reason,
        }

    def record(self) -> dict[str, Any]:
        """What a model card contains about a tail that was kept."""
        values = self.to_json()
        return {name: values[name] for name in ("cut", "photos", "epochs", "log_loss", "difference", "standard_error")}

    def checked(self, validated: Comparison) -> FineTuning:
        """The result after the tail that was trained on all photos was tested on the validation photos.

        One training in many goes wrong although those of the trial went well. Such a tail is not kept.

        Args:
            validated: both heads on the validation photos.
        """
        if not validated.withdraws:
            return self
        reason = f"its trial won, but trained on all photos: {verdict(validated)}"
        return replace(self, kept=False, reason=reason)

    @property
    def text(self) -> str:
        """The result in one line."""
        if not self.kept:
            return f"not kept: {self.reason}"
        return f"kept: layers behind {self.cut}, trained on {self.photos} photos; {self.reason}"


def verdict(comparison: Comparison) -> str:
    """What a comparison found, in one clause."""
    tuned = f"log loss {comparison.tuned:.3f} on {comparison.photos} held-out photos, {comparison.linear:.3f} with the"
    difference = f"{abs(comparison.difference):.3f} ± {comparison.standard_error:.3f}"
    if comparison.wins:
        return f"{tuned} head alone: {difference} less"
    if comparison.gains:
        fewer = comparison.linear_right - comparison.tuned_right
        return f"{tuned} head alone: {difference} less, but {fewer} fewer named right"
    if comparison.difference > 0:
        return f"{tuned} head alone: {difference} less, which may be chance"
    return f"{tuned} head alone: {difference} more"
