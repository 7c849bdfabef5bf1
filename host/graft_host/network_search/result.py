"""The result of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graft_device.errors import GateError
from graft_host.network_search.pareto import Candidate, Limits, cost, front, within_one_error
from graft_host.support.notebook import html_line, html_table
from graft_host.training.result import TrainResult


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The networks that were tried, and the one that was chosen.

    Attributes:
        candidates: fastest first.
        limits: the limits that the winner had to meet.
        chosen: the winner; None if none meets the limits.
        trained: the training and test of the winner; None if no network was chosen.
        latency: where the milliseconds come from, in a sentence.
        photos: number of photos in each part of the split.
        seconds: duration of each stage.
        written: whether the winner's file was kept.
        warnings: why the milliseconds are unreliable; empty if they are sound.
        weights: the value of ``--weights`` for each family that was tried, by its name.
        untried: titles of the families that were not tried although their weights are here.
    """

    candidates: tuple[Candidate, ...]
    limits: Limits
    chosen: Candidate | None
    trained: TrainResult | None
    latency: str
    photos: dict[str, int]
    seconds: dict[str, float]
    written: bool
    warnings: tuple[str, ...] = ()
    weights: Mapping[str, str] = field(default_factory=dict)
    untried: tuple[str, ...] = ()

    @property
    def front(self) -> tuple[Candidate, ...]:
        """The candidates that no other beats."""
        return front(self.candidates)

    @property
    def best(self) -> Candidate:
        """The most accurate; of equals the one that would be chosen."""
        return min(self.candidates, key=lambda candidate: (-candidate.accuracy, *cost(candidate)))

    @property
    def one_error(self) -> Candidate | None:
        """The fastest whose accuracy is within one standard error of the best; None if no network meets the limits."""
        return next(iter(within_one_error(self.candidates, self.limits)), None)

    def _repr_html_(self) -> str:
        """The networks as a notebook shows them."""
        on_front = self.front
        rows = [
            [
                row.network, row.image_size, f"{row.accuracy:.4f}", f"{row.standard_error:.4f}",
                f"{'~' if row.estimated else ''}{row.ms:.1f}", f"{row.megabytes:.1f}", "*" if row in on_front else "",
                "chosen" if row == self.chosen else "",
            ]
            for row in self.candidates
        ]  # fmt: skip
        shown = html_table(["network", "size", "accuracy", "error", "ms", "MB", "front", ""], rows)
        return shown + html_line(self.latency) + "".join(map(html_line, self.warnings))

    def to_json(self) -> dict[str, Any]:
        """What ``graft search --json`` prints."""
        on_front = self.front
        rows = [
            {**each.to_json(), "front": each in on_front, "misses": sorted(self.limits.misses(each))}
            for each in self.candidates
        ]
        return {
            "candidates": rows,
            "chosen": _named(self.chosen),
            "one_standard_error": _named(self.one_error),
            "winner": None if self.trained is None else self._winner(self.trained),
            "latency": self.latency,
            "photos": self.photos,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "warnings": list(self.warnings),
            "weights": dict(self.weights),
        }

    def _winner(self, trained: TrainResult) -> dict[str, Any]:
        found = trained.to_json()
        return found if self.written else {**found, "model": None}


def _named(candidate: Candidate | None) -> dict[str, Any] | None:
    if candidate is None:
        return None
    return {"backbone": candidate.backbone, "tap": candidate.tap, "image_size": candidate.image_size}


class NothingFitsError(GateError):
    """No network meets the limits; ``result`` has all that were tried."""

    def __init__(self, message: str, result: SearchResult) -> None:
        super().__init__(message)
        self.result = result
