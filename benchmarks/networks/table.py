"""The result of a comparison, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean, pstdev
from typing import Any

from benchmarks.networks.accuracy import Accuracy
from benchmarks.networks.choices import Network
from benchmarks.networks.timing import Cost

_LITERT, _TFLITE = "litert", "tflite-runtime"
_NONE = "-"


@dataclass
class Row:
    """One network.

    Attributes:
        network: its name.
        cost: its time and size; None if they were not measured.
        accuracy: by the name of the set.
    """

    network: Network
    cost: Cost | None = None
    accuracy: dict[str, Accuracy] = field(default_factory=dict)

    @property
    def mean(self) -> float | None:
        """The mean over the sets of the accuracy with all photos; None if it was not measured."""
        return fmean(fmean(one.all) for one in self.accuracy.values()) if self.accuracy else None


def times_as_fast(row: Row, reference: Row, runtime: str = _LITERT) -> float | None:
    """The reference's milliseconds, divided by the network's; None if one of them was not measured."""
    costs = [one.cost.ms.get(runtime) if one.cost else None for one in (row, reference)]
    return costs[1] / costs[0] if costs[0] and costs[1] else None


def points(row: Row, reference: Row) -> tuple[float, float] | None:
    """How many percentage points a network is more accurate than the reference, with all photos.

    Returns:
        The mean over the sets, and its standard deviation if one draw is taken of each set; None if they were not
        measured on the same draws. Both networks have the same draws, so their differences are taken draw by draw.
    """
    if not row.accuracy or list(row.accuracy) != list(reference.accuracy):
        return None
    pairs = [(row.accuracy[name].all, reference.accuracy[name].all) for name in row.accuracy]
    if any(len(own) != len(other) for own, other in pairs):
        return None
    gains = [[100 * (own - other) for own, other in zip(*pair, strict=True)] for pair in pairs]
    variance = sum(pstdev(gain) ** 2 for gain in gains)
    return fmean(fmean(gain) for gain in gains), variance**0.5 / len(gains)


def markdown(rows: Sequence[Row], reference: Network) -> str:
    """The table: a row for each network, accuracies with the standard deviation of the draws."""
    sets = list(dict.fromkeys(name for row in rows for name in row.accuracy))
    against = next((row for row in rows if row.network == reference), None)
    header = ["network", "LiteRT ms", "tflite-runtime ms", "MB", *sets, "mean", "times as fast", "points"]
    lines = [f"| {' | '.join(header)} |", f"| --- |{' --: |' * (len(header) - 1)}"]
    for row in rows:
        cells = [row.network.shown, *_cost(row), *(_accuracy(row.accuracy.get(name)) for name in sets)]
        cells += [_NONE if row.mean is None else f"{100 * row.mean:.1f}", *_against(row, against)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def to_json(rows: Sequence[Row], reference: Network) -> list[dict[str, Any]]:
    """All figures, those of each draw too."""
    against = next((row for row in rows if row.network == reference), None)
    listed = []
    for row in rows:
        difference = points(row, against) if against else None
        listed.append(
            {
                **asdict(row.network),
                "cost": asdict(row.cost) if row.cost else None,
                "accuracy": {name: asdict(one) for name, one in row.accuracy.items()},
                "mean": row.mean,
                "times_as_fast": times_as_fast(row, against) if against else None,
                "points": {"mean": difference[0], "deviation": difference[1]} if difference else None,
            }
        )
    return listed


def from_json(values: Sequence[dict[str, Any]]) -> list[Row]:
    """The rows of ``to_json``."""
    rows = []
    for one in values:
        row = Row(Network(one["backbone"], one["tap"], one["image_size"]), one["cost"] and Cost(**one["cost"]))
        for name, shares in one["accuracy"].items():
            row.accuracy[name] = Accuracy(tuple(shares["all"]), tuple(shares["few"]))
        rows.append(row)
    return rows


def _cost(row: Row) -> list[str]:
    if row.cost is None:
        return [_NONE] * 3
    ms = row.cost.ms
    return [
        f"{ms[_LITERT]:.1f}" if _LITERT in ms else _NONE,
        f"{ms[_TFLITE]:.0f}" if _TFLITE in ms else _NONE,
        f"{row.cost.megabytes:.1f}",
    ]


def _accuracy(accuracy: Accuracy | None) -> str:
    """Percent and spread with all photos, and behind the slash with few."""
    if accuracy is None:
        return _NONE
    return " / ".join(
        f"{100 * fmean(shares):.1f}±{100 * pstdev(shares):.1f}" for shares in (accuracy.all, accuracy.few)
    )


def _against(row: Row, reference: Row | None) -> list[str]:
    if reference is None:
        return [_NONE, _NONE]
    fast, difference = times_as_fast(row, reference), points(row, reference)
    if row.network == reference.network:
        return ["1", "0"]
    return [
        _NONE if fast is None else f"{fast:.1f}",
        _NONE if difference is None else f"{difference[0]:+.1f}±{difference[1]:.1f}",
    ]
