"""Renders the result of a search as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence

from graft_device import __version__
from graft_host.backbones.registry import title_of
from graft_host.network_search.options import SearchOptions
from graft_host.network_search.page.choices import choices_section, figures, titled
from graft_host.network_search.page.plot import markers, name_in_plot, scatter
from graft_host.network_search.pareto import Candidate, nearest
from graft_host.network_search.result import SearchResult
from graft_host.report.page import bar, count, facts, figure, name, page, percent, section, table, text


def search_report(result: SearchResult, options: SearchOptions) -> str:
    """The page; the same result gives the same bytes."""
    body = (
        f"{_head(result, options)}{_warned(result.warnings)}{_choice(result)}{_plot(result)}{_networks(result)}"
        f"{_costs(result, options)}"
    )
    footer = f"Made by graftkit {text(__version__)}. This page is one file: it loads nothing and runs nothing."
    return page("graftkit search", f"<main>{body}</main><footer>{footer}</footer>")


def _head(result: SearchResult, options: SearchOptions) -> str:
    chosen = result.chosen
    headline = "No network meets the limits" if chosen is None else f"Take {titled(chosen)}: {figures(chosen)}"
    tried = f"{text(count(len(result.candidates), 'network'))} tried on {name(options.photos)}"
    return (
        f'<header><p class="kicker">graftkit search</p><h1>{text(headline)}</h1><p class="labels">{tried}</p></header>'
    )


def _warned(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    lines = "".join(f"<li>{text(warning)}</li>" for warning in warnings)
    return (
        '<section class="warning" aria-labelledby="warnings-h"><h2 id="warnings-h">The milliseconds may be wrong</h2>'
        f"<ul>{lines}</ul></section>"
    )


def _choice(result: SearchResult) -> str:
    if result.chosen is None:
        close = nearest(result.candidates, result.limits)
        said = f"{_limits(result)} Nearest is {titled(close)}: {figures(close)}."
        return section("choices", "No network was chosen", "limits", f"<p>{text(said)}</p>")
    return choices_section(result, f"{_limits(result)}{_tested(result)}")


def _tested(result: SearchResult) -> str:
    if result.trained is None:
        return ""
    total = len(result.trained.evaluation.truth)
    return (
        f" On {count(total, 'test photo')}, which took no part in the choice, it is right on "
        f"{percent(result.trained.accuracy.shipped)}."
    )


def _limits(result: SearchResult) -> str:
    limits = result.limits
    demands = [
        ("at most {:g} ms", limits.max_ms),
        ("at most {:g} MB", limits.max_mb),
        ("an accuracy of at least {:g}", limits.min_accuracy),
    ]
    said = [words.format(value) for words, value in demands if value is not None]
    if result.chosen is None:
        return f"None of the networks has {' and '.join(said)}."
    rule = f"Chosen is the fastest{' that has ' + ' and '.join(said) if said else ''}"
    if limits.min_accuracy is None:
        points = f"{100 * limits.within:g}"
        rule += f"{',' if said else ''} whose accuracy is at most {points} {'point' if points == '1' else 'points'} "
        rule += f"below the best{' of those' if said else ''}"
    return f"{rule}."


def _plot(result: SearchResult) -> str:
    example = result.chosen or result.best
    caption = (
        f"{name_in_plot(example, result)} is {titled(example)}. Accuracy by five-fold cross-validation on the training "
        f"and validation photos, with bars of one standard error. Milliseconds: {result.latency}. Coloured points are "
        "networks that no other beats in accuracy, latency and size at once. The steps show the best accuracy within "
        f"so many milliseconds, the ring the chosen network.{_markers(result)}"
    )
    return section("front", "Accuracy against latency", "Pareto front", figure(scatter(result), text(caption)))


def _markers(result: SearchResult) -> str:
    """Which shape of a point is which family, in a sentence; empty if there is one family."""
    shapes = markers(result)
    if len(shapes) == 1:
        return ""
    words = ", ".join(f"{marker.plural} are {title_of(name)}" for name, marker in shapes.items())
    return f" {words[0].upper()}{words[1:]}."


def _networks(result: SearchResult) -> str:
    on_front = result.front
    rows = [
        [
            f'<span class="network">{_breakable(titled(each))}</span> {_marks(each, result, on_front)}',
            f'{percent(each.accuracy)} <span class="quiet">&plusmn; {each.standard_error:.1%}</span>',
            f"{'~' if each.estimated else ''}{each.ms:.1f}",
            f"{each.megabytes:.1f}",
        ]
        for each in result.candidates
    ]
    header = ["Network", "Accuracy", "ms", "MB"]
    return section("networks", "All networks", "fastest first", table(header, rows, "Networks", "networks"))


def _breakable(title: str) -> str:
    """The name of a network, which may wrap between its taps."""
    return text(title).replace("+", "+<wbr>")


def _marks(candidate: Candidate, result: SearchResult, on_front: tuple[Candidate, ...]) -> str:
    marks = [("chosen", "chosen")] if candidate == result.chosen else []
    if candidate in on_front:
        marks.append(("front", "on the front"))
    marks += [("misses", f"misses {option}") for option in result.limits.misses(candidate)]
    return " ".join(f'<span class="mark {kind}">{text(words)}</span>' for kind, words in marks)


def _costs(result: SearchResult, options: SearchOptions) -> str:
    photos = result.photos
    used = dict.fromkeys(result.weights.values()) or (options.head.weights,)
    weights = ", ".join(map(name, used))
    pairs = [
        ("Photos used to choose", f"{photos['train'] + photos['validation']:,}"),
        ("Kept for the winner's test", f"{photos['test']:,}"),
        ("Skipped", f"{photos['skipped']:,}"),
        ("Weights", weights),
    ]
    seconds = dict(result.seconds)
    total = seconds.pop("total")
    rows = [[text(stage), f"{value:.1f}", bar(value / total if total else 0)] for stage, value in seconds.items()]
    stages = table(["Stage", "Seconds", "Share"], [*rows, ["in all", f"{total:.1f}", ""]], "Seconds a stage", "stages")
    body = f'<div class="pair">{facts(pairs, "rows")}{stages}</div>'
    return section("costs", "Photos and time", "what the search took", body)
