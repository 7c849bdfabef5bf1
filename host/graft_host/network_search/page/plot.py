"""Plots accuracy against latency, one point per network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_host.backbones.taps import JOIN, layer_of
from graft_host.network_search.pareto import Candidate
from graft_host.network_search.result import SearchResult
from graft_host.report.page import count, percent
from graft_host.report.svg import INK, LINE, MUTED, RIGHT, WRONG, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 330.0, 330.0
_LARGEST = 1.7  # CSS pixels per unit in a wide window; on a phone a unit is about a pixel
_LEFT, _TOP, _RIGHT, _BOTTOM = 54.0, 14.0, 20.0, 44.0
_LETTER, _LINE = 5.0, 10.0  # units that a letter of a name takes at most, and a line
_GAP = 7.0
_DOT = 3.0


@dataclass(frozen=True)
class Marker:
    """The shape of a family's points: its code in matplotlib, and its name in the plural."""

    code: str
    plural: str


_MARKERS = (
    Marker("o", "circles"), Marker("s", "squares"), Marker("^", "triangles"), Marker("D", "diamonds"),
    Marker("v", "triangles that point down"), Marker("P", "crosses"), Marker("p", "pentagons"), Marker("*", "stars"),
)  # fmt: skip

_Box = tuple[float, float, float, float]


def scatter(result: SearchResult) -> str:
    """Draws every network with one standard error of its accuracy, the front, and the limits; it fits on a phone."""
    on_front, shapes = result.front, markers(result)
    with canvas(_WIDTH, _HEIGHT) as drawing:
        axes = drawing.axes(_LEFT, _TOP, _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM)
        axes.set(xlabel="milliseconds of one inference", ylabel="accuracy", axisbelow=True)
        axes.grid(color=LINE, linewidth=0.6)
        _scale(axes, result)
        axes.plot(*zip(*_steps(on_front), strict=True), color=RIGHT, linewidth=1.2, alpha=0.6)
        for each in result.candidates:
            code = shapes[each.backbone].code
            _point(axes, each, code, on_front=each in on_front, chosen=each == result.chosen)
        _name(axes, result)
        _limits(axes, result)
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.1%}" if share <= 1 else "")
        return drawing.svg("front", _description(result), largest=_LARGEST)


def markers(result: SearchResult) -> dict[str, Marker]:
    """The shape of each family's points, by its name, the family with the fastest network first."""
    names = dict.fromkeys(each.backbone for each in result.candidates)
    return {name: _MARKERS[place % len(_MARKERS)] for place, name in enumerate(names)}


def _scale(axes: Axes, result: SearchResult) -> None:
    low = min(each.accuracy - each.standard_error for each in result.candidates)
    high = max(each.accuracy + each.standard_error for each in result.candidates)
    axes.set_xlim(0, 1.12 * max(each.ms for each in result.candidates))
    axes.set_ylim(low - 0.08 * (high - low), min(high, 1) + 0.04 * (high - low))


def _steps(on_front: tuple[Candidate, ...]) -> list[tuple[float, float]]:
    """The best accuracy within a number of milliseconds, as steps."""
    steps: list[tuple[float, float]] = []
    for each in on_front:
        if steps and each.accuracy <= steps[-1][1]:
            continue  # on the front for its size
        if steps:
            steps.append((each.ms, steps[-1][1]))
        steps.append((each.ms, each.accuracy))
    return steps


def _point(axes: Axes, candidate: Candidate, marker: str, *, on_front: bool, chosen: bool) -> None:
    colour = RIGHT if on_front else MUTED
    around = candidate.accuracy - candidate.standard_error, min(1.0, candidate.accuracy + candidate.standard_error)
    axes.plot([candidate.ms, candidate.ms], around, color=colour, linewidth=1.2, alpha=0.5)
    axes.plot([candidate.ms], [candidate.accuracy], color=colour, marker=marker, markersize=5.5, markeredgewidth=0)
    if chosen:
        axes.plot(
            [candidate.ms], [candidate.accuracy], marker="o", markersize=12, markerfacecolor="none",
            markeredgecolor=INK, markeredgewidth=1.4,
        )  # fmt: skip


def _name(axes: Axes, result: SearchResult) -> None:
    """Labels the points of the front, the chosen one first, where a label covers neither another nor a point."""
    order = sorted(result.front, key=lambda each: (each != result.chosen, each.ms))
    places = [_place(axes, each) for each in result.candidates]
    taken: list[_Box] = [(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in places]
    for each in order:
        label = name_in_plot(each, result)
        x, y = _place(axes, each)
        width = _LETTER * len(label)
        for dx, dy in ((_GAP, -_GAP - 4), (_GAP, 4), (-_GAP - width, -_GAP - 4), (-_GAP - width, 4)):
            box = (x + dx, y + dy, x + dx + width, y + dy + _LINE)
            if _inside(box) and not any(_overlap(box, other) for other in taken):
                axes.annotate(label, (each.ms, each.accuracy), (dx, dy), textcoords="offset points", fontsize=8)
                taken.append(box)
                break


def _shared_prefix(taps: Sequence[str]) -> str:
    """The letters that all taps start with where numbers alone differ, as in ``mixed5`` and ``mixed10``; else empty."""
    prefixes = {tap.rstrip("0123456789") for tap in taps}
    return prefixes.pop() if len(prefixes) == 1 and not prefixes & set(taps) else ""


def _place(axes: Axes, candidate: Candidate) -> tuple[float, float]:
    """The position of a point, in units from the lower left corner of the axes."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    return (
        (candidate.ms - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT),
        (candidate.accuracy - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM),
    )


def _inside(box: _Box) -> bool:
    return box[0] > 0 and box[1] > 0 and box[2] < _WIDTH - _LEFT and box[3] < _HEIGHT - _BOTTOM


def _overlap(a: _Box, b: _Box) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def name_in_plot(candidate: Candidate, result: SearchResult) -> str:
    """The name of a point: tap and image size, without the letters that all taps of its family share."""
    family = [each for each in result.candidates if each.backbone == candidate.backbone]
    prefix = _shared_prefix([layer_of(tap) for each in family for tap in each.tap.split(JOIN)])
    layers = JOIN.join(tap.removeprefix(prefix) for tap in candidate.tap.split(JOIN))
    return f"{layers}/{candidate.image_size}"


def _limits(axes: Axes, result: SearchResult) -> None:
    if result.limits.max_ms is not None:
        axes.axvline(result.limits.max_ms, color=WRONG, linewidth=1, linestyle=(0, (4, 3)))
    if result.limits.min_accuracy is not None:
        axes.axhline(result.limits.min_accuracy, color=WRONG, linewidth=1, linestyle=(0, (4, 3)))


def _description(result: SearchResult) -> str:
    points = [f"{each.shown}: {percent(each.accuracy)} in {each.ms:.1f} ms" for each in result.front]
    return f"Accuracy over latency of {count(len(result.candidates), 'network')}. Not beaten are {'; '.join(points)}."
