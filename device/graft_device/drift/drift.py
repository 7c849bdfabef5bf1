"""What the scores of the last days say about a model: the index, and a verdict in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from graft_device.drift.histogram import EDGES, NONE, Histogram
from graft_device.drift.index import Comparison, compare

STEADY, SHIFTED = 0.1, 0.25
"""Below the first, an index counts as no drift, from the second on as a shift: the rule of thumb for scorecards (Lewis,
An Introduction to Credit Scoring, 1994; Siddiqi, Credit Risk Scorecards, 2006)."""

LEAST_DAYS = 3
"""Days that must show a shift before a model is worth training again: one or two may be the weather."""

_LEAST_ANSWERS = 50
_EVEN = 0.5


@dataclass(frozen=True)
class Drift:
    """The drift of one model.

    Attributes:
        model: its name.
        reference: the scores of the test photos; None for a model that was trained before they were kept.
        days: the scores of the last days by their dates, such as ``2026-01-31``, oldest first.
        recent: those of all these days together.
        comparison: the recent scores against the reference; None if there are none.
        verdict: what follows, as a sentence without a full stop.
        retrain: whether it is worth training the model again.
    """

    model: str
    reference: Histogram | None
    days: dict[str, Histogram]
    recent: Histogram
    comparison: Comparison | None
    verdict: str
    retrain: bool

    def on(self, day: str) -> Comparison | None:
        """The scores of one day against the reference."""
        return None if self.reference is None else compare(self.reference, self.days[day])

    def to_json(self) -> dict[str, Any]:
        """All figures as plain values."""
        return {
            "model": self.model,
            "edges": list(EDGES),
            "reference": None if self.reference is None else self.reference.to_json(),
            "days": [{"day": day, **scores.to_json(), **_figures(self.on(day))} for day, scores in self.days.items()],
            "recent": self.recent.to_json(),
            **_figures(self.comparison),
            "verdict": self.verdict,
            "retrain": self.retrain,
        }


def drift_of(model: str, reference: Histogram | None, days: Mapping[str, Histogram], last: int) -> Drift:
    """Compares the last days with the reference.

    Args:
        model: the model's name.
        reference: the scores of the test photos; None if the card has none.
        days: scores by day.
        last: how many of the days with scores count.
    """
    chosen = {day: days[day] for day in sorted(days)[-last:]}
    recent = reduce(Histogram.__add__, chosen.values(), NONE)
    comparison = None if reference is None else compare(reference, recent)
    shifted = [day for day, scores in chosen.items() if reference and _is_shifted(compare(reference, scores))]
    enough_days = _is_shifted(comparison) and len(shifted) >= LEAST_DAYS
    if reference is None:
        verdict = "the model card has no scores of test photos; train the model again with this version to see drift"
    elif comparison is None or recent.photos < _LEAST_ANSWERS:
        few = f"too few answers to say: {recent.photos}, and {_LEAST_ANSWERS} are needed"
        verdict = f"{few}; a run writes them every 10 minutes"
    else:
        verdict = _verdict(comparison, enough_days)
    return Drift(model, reference, chosen, recent, comparison, verdict, enough_days)


def _verdict(found: Comparison, enough_days: bool) -> str:
    way = "lower" if found.lower > _EVEN else "higher"
    if found.index <= found.chance:
        few = "no drift is visible, but with so few photos only a very large one would be"
        return few if found.chance > SHIFTED else "no drift: chance alone can give this index"
    if found.index < STEADY:
        return "no drift worth mentioning"
    if found.index < SHIFTED:
        return f"the scores are somewhat {way} than on the test photos; look at what the model is uncertain about"
    if way == "higher":
        return "the scores are much higher than on the test photos: easy scenes, or one scene; no reason to train again"
    if not enough_days:
        return f"the scores are much lower than on the test photos; wait until {LEAST_DAYS} days show it"
    return "the scores are much lower than on the test photos; train again, with photos from this camera"


def _is_shifted(found: Comparison | None) -> bool:
    return found is not None and found.index >= SHIFTED and found.index > found.chance and found.lower > _EVEN


def _figures(found: Comparison | None) -> dict[str, Any]:
    if found is None:
        return {"index": None, "chance": None, "groups": 0}
    return {"index": round(found.index, 4), "chance": round(found.chance, 4), "groups": found.groups}
