"""What was learned, and what it cost the classes that were there before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRAINED, IMPRINTED = "trained", "imprinted"
"""How a head was made: the whole one was trained again, or a row was added to it."""

_MANY = 0.3
"""Share of a new class's photos that are taken for another class from which that is reported."""


@dataclass(frozen=True)
class ClassFigures:
    """How often photos of a class get it, by heads that did not see them.

    Attributes:
        photos: how many there are.
        before: the share that heads without the new photos name, 0 to 1; None for a new class.
        after: the share that heads with the new photos name; None where too few photos tell.
        refused: the share that is called unknown now; None where that was not measured.
    """

    photos: int
    before: float | None
    after: float | None
    refused: float | None

    def to_json(self) -> dict[str, Any]:
        """The figures, rounded."""
        return {name: value if value is None else round(value, 4) for name, value in self.__dict__.items()}


@dataclass(frozen=True)
class LearnResult:
    """The result of learning.

    Attributes:
        model: the file that was written.
        source: the file that it was made from.
        label: the class of the photos.
        adds: whether it is new.
        how: ``trained`` or ``imprinted``.
        photos: how many were learned from.
        remembered: how many bottlenecks the file remembered; 0 where it only had the means of the classes.
        skipped: names and reasons of photos that cannot be read.
        repeated: photos that were given twice, or that the file remembered already.
        classes: the figures of each class, by label.
        taken_for: the share of the new class's photos that were taken for another class, by its label.
        loss: what the old classes lost of their mean accuracy; below 0 if they gained.
        score: the score below which a photo is unknown; 0 for never.
        bytes: the size of the file.
        seconds: by stage.
        signature: the file with the signature; None if it was not signed.
        notes: what a person should know.
    """

    model: Path
    source: Path
    label: str
    adds: bool
    how: str
    photos: int
    remembered: int
    skipped: tuple[tuple[str, str], ...]
    repeated: int
    classes: dict[str, ClassFigures]
    taken_for: dict[str, float]
    loss: float
    score: float
    bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    signature: Path | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The result as plain values, as ``--json`` prints it."""
        return {
            "model": str(self.model),
            "source": str(self.source),
            "class": self.label,
            "new": self.adds,
            "how": self.how,
            "photos": self.photos,
            "remembered": self.remembered,
            "skipped": [{"photo": name, "reason": reason} for name, reason in self.skipped],
            "repeated": self.repeated,
            "labels": list(self.classes),
            "classes": {label: figures.to_json() for label, figures in self.classes.items()},
            "taken_for": {label: round(share, 4) for label, share in self.taken_for.items()},
            "loss": round(self.loss, 4),
            "unknown_below": round(self.score, 6),
            "bytes": self.bytes,
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
            "signature": None if self.signature is None else str(self.signature),
            "notes": list(self.notes),
        }

    def lookalikes(self) -> Iterator[str]:
        """Yields a line for each class that the new class's photos are often taken for."""
        for label, share in self.taken_for.items():
            if share >= _MANY:
                yield (
                    f"{share:.0%} of the photos of {self.label} were taken for {label}: the two look alike to this "
                    "network; give more photos, or train with them on the workstation"
                )
