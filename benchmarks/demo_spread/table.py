"""The result of several runs of the demo, as JSON and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean, pstdev
from typing import Any

from benchmarks.demo_spread.runs import Run
from graft_device.ranking import UNKNOWN
from graft_host.demo.rendering.render import PARTS, UNKNOWN_OBJECTS

CONVINCING = 0.8
"""A new photo's part counts as recognised if its score is above this."""

ENOUGH = 0.95
"""The accuracy on the test photos that the demo should reach."""


def recognised(run: Run, part: str) -> float:
    """The share of a part's new photos that a board names rightly and with a high score."""
    return fmean(one.label == part and one.score > CONVINCING for one in run.new if one.truth == part)


def refused(run: Run, name: str) -> float:
    """The share of an unknown object's photos that a board calls unknown."""
    return fmean(one.label == UNKNOWN for one in run.new if one.truth == name)


def shares(runs: Sequence[Run]) -> dict[str, list[float]]:
    """The shares of each run, by what they are shares of."""
    values = {"test photos right": [run.accuracy for run in runs]}
    for part in PARTS:
        values[f"new {part}s right at over {CONVINCING:.0%}"] = [recognised(run, part) for run in runs]
    for name in UNKNOWN_OBJECTS:
        values[f"{name} refused"] = [refused(run, name) for run in runs]
    return values


def markdown(runs: Sequence[Run]) -> str:
    """A row for each share: its mean, standard deviation and least value over the seeds."""
    lines = ["| share | mean | deviation | worst seed |", "| --- | --: | --: | --: |"]
    for what, values in shares(runs).items():
        lines.append(f"| {what} | {fmean(values):.1%} | {100 * pstdev(values):.1f} | {min(values):.1%} |")
    enough = sum(run.accuracy >= ENOUGH for run in runs)
    tested = sorted({run.tested for run in runs})
    photos = f"{tested[0]}" if len(tested) == 1 else f"{tested[0]} to {tested[-1]}"
    lines += ["", f"{enough} of {len(runs)} seeds had at least {ENOUGH:.0%} of their {photos} test photos right."]
    return "\n".join(lines)


def mistakes(runs: Sequence[Run]) -> dict[str, int]:
    """How many test photos of all runs were wrong, by truth and answer, the most frequent ones first."""
    counts: dict[str, int] = {}
    for run in runs:
        for one in run.wrong.values():
            pair = f"{one.truth} as {one.label}"
            counts[pair] = counts.get(pair, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def to_json(runs: Sequence[Run]) -> dict[str, Any]:
    """All figures, with each wrong test photo and each answer."""
    summary = {
        what: {"mean": fmean(values), "deviation": pstdev(values), "worst": min(values)}
        for what, values in shares(runs).items()
    }
    listed = [{"accuracy": run.accuracy, **asdict(run)} for run in runs]
    return {"summary": summary, "mistakes": mistakes(runs), "runs": listed}
