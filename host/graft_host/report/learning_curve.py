"""The section of a report on what more photos would give: the learning curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graft_host.report.data import LETTERS, ReportData, number
from graft_host.report.page import bar, figure, name, percent, section, table, text
from graft_host.report.svg import LINE, MUTED, RIGHT, canvas

_LEADS = {
    "rising": "More photos like these give more",
    "flat": "More photos like these hardly help",
    "unclear": "The photos are too few to say whether more would help",
}
_MOST_CLASSES = 10
_HEADING, _TERM = "How many more photos", "learning curve"


@dataclass(frozen=True)
class _Point:
    """A point of the curve: photos a class, accuracy and its 95% interval, shares of 1."""

    photos: float
    accuracy: float
    low: float
    high: float


def learning_curve(data: ReportData) -> str:
    """The section; empty if the run measured no curve."""
    run = (data.training or {}).get("learning_curve")
    if not isinstance(run, Mapping):
        return ""
    listed = run.get("points")
    points = [point for entry in listed if (point := _read(entry))] if isinstance(listed, list) else []
    twice = _read(run.get("twice_the_photos"))
    if not points or twice is None:
        note = run.get("note") or "no curve"
        return section("learning-curve", _HEADING, _TERM, f"<p>Not measured: {text(note)}.</p>")
    lead = (
        f"<p><b>{_LEADS.get(str(run.get('trend')), 'The curve')}.</b> Heads were trained on parts of the photos, and "
        f"judged on photos that they did not see. With twice as many photos, {twice.photos:,.0f} a class, "
        f"<b>{percent(twice.accuracy)}</b> right are expected, {percent(twice.low)} to {percent(twice.high)}.</p>"
    )
    caption = "Accuracy against photos a class, with 95% intervals; the open point is an extrapolation."
    return section("learning-curve", _HEADING, _TERM, lead + figure(_drawing(points, twice), caption) + _classes(run))


def _read(entry: object) -> _Point | None:
    interval = entry.get("interval") if isinstance(entry, Mapping) else None
    if not isinstance(interval, list) or len(interval) != 2:  # noqa: PLR2004  its ends
        return None
    ends = {"low": interval[0], "high": interval[1]}
    values = number(entry, "photos_per_class"), number(entry, "accuracy"), number(ends, "low"), number(ends, "high")
    photos, accuracy, low, high = values
    if photos is None or photos <= 0 or accuracy is None or low is None or high is None:
        return None
    return _Point(photos, accuracy, low, high)


def _drawing(points: list[_Point], twice: _Point) -> str:
    """Draws accuracy over photos a class, on a scale on which each doubling is as wide."""
    shown = [*points, twice]
    with canvas(560, 260) as drawing:
        axes = drawing.axes(54, 12, 490, 196)
        for point in shown:
            axes.plot([point.photos] * 2, [point.low, point.high], color=RIGHT, linewidth=5, alpha=0.28)
        line = [point.photos for point in points], [point.accuracy for point in points]
        axes.plot(*line, color=RIGHT, linewidth=1.4, marker="o", markersize=5.5, markeredgewidth=0)
        last = points[-1]
        axes.plot(
            [last.photos, twice.photos], [last.accuracy, twice.accuracy], color=MUTED, linewidth=1.2,
            linestyle=(0, (4, 3)),
        )  # fmt: skip
        axes.plot(
            [twice.photos], [twice.accuracy], color=RIGHT, marker="o", markersize=6, markerfacecolor="none",
            linestyle="none",
        )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.set_xticks([point.photos for point in shown], [f"{point.photos:,.0f}" for point in shown])
        axes.minorticks_off()
        lowest = min(point.low for point in shown)
        ticks = [tick / 10 for tick in range(11) if tick / 10 >= lowest - 0.1]
        axes.set_yticks(ticks, [f"{tick:.0%}" for tick in ticks])
        axes.set(ylim=(ticks[0] - 0.01, 1.01), xlabel="photos a class", ylabel="correct")
        axes.grid(color=LINE, linewidth=0.6)
        words = "; ".join(f"{point.photos:,.0f} photos a class: {percent(point.accuracy)}" for point in points)
        expected = f"{twice.photos:,.0f}: {percent(twice.accuracy)} expected"
        return drawing.svg("learning-curve", f"Learning curve. {words}; {expected}.")


def _classes(run: Mapping[str, Any]) -> str:
    """The classes in the order in which they need more photos."""
    listed, wanted = run.get("classes"), run.get("more_photos_of")
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    if not entries or not isinstance(wanted, list) or not wanted:
        return ""
    if run.get("trend") == "flat" or len(wanted) == len(entries):  # no class stands out
        return ""
    names = ", ".join(name(label, LETTERS) for label in wanted)
    lead = f"<h3>More photos would help most in {names}</h3>"
    rows = [
        [
            name(entry.get("label"), LETTERS),
            f"{number(entry, 'photos') or 0:,.0f}",
            f"{(f1 := number(entry, 'f1') or 0.0):.3f}{bar(f1)}",
        ]
        for entry in entries[:_MOST_CLASSES]
    ]
    header = ["Class", "Photos", "F1 of heads that did not see the photo"]
    return lead + table(header, rows, "Classes by how much they need more photos", "classes")
