"""Renders the result of a search as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence

from graft_device import __version__
from graft_host.network_search.options import SearchOptions
from graft_host.network_search.pareto import Candidate
from graft_host.network_search.plot import scatter
from graft_host.network_search.result import SearchResult
from graft_host.report.page import bar, count, facts, figure, name, page, percent, section, table, text


def search_report(result: SearchResult, options: SearchOptions) -> str:
    """The page; the same result gives the same bytes."""
    body = (
        f"{_head(result, options)}{_warned(result.warnings)}{_plot(result)}{_networks(result)}{_costs(result, options)}"
    )
    footer = f"Made by graftkit {text(__version__)}. This page is one file: it loads nothing and runs nothing."
    return page("graftkit search", f"<main>{body}</main><footer>{footer}</footer>")


def _head(result: SearchResult, options: SearchOptions) -> str:
    header = (
        '<header><p class="kicker">graftkit search</p>'
        f"<h1>{text(count(len(result.candidates), 'network'))} tried</h1>"
        f'<p class="labels">{name(options.photos)}</p></header>'
    )
    chosen, best = result.chosen, result.best
    if chosen is None:
        said = "None of them meets the limits: " + _limits(result)
        return f"{header}<section><h2>No network was chosen</h2><p>{text(said)}</p></section>"
    tiles = [
        ("Chosen", text(chosen.shown)),
        ("Accuracy", f"{percent(chosen.accuracy)} &plusmn; {chosen.standard_error:.1%}"),
        ("One inference", text(_ms(chosen))),
        ("File", f"{chosen.megabytes:.1f} MB"),
    ]
    if result.trained is not None:
        tiles.append(("On the test photos", percent(result.trained.accuracy.shipped)))
    compared = (
        "It is also the most accurate."
        if chosen == best
        else f"The most accurate is {best.shown}: {percent(best.accuracy)} in {_ms(best)}; this one takes "
        f"{chosen.ms / best.ms:.0%} of that time."
    )
    return f"{header}{facts(tiles, 'facts tiles')}<section><p>{text(compared)} {text(_limits(result))}</p></section>"


def _warned(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    lines = "".join(f"<p>{text(warning)}</p>" for warning in warnings)
    return section("warnings", "Warnings", "milliseconds", lines)


def _limits(result: SearchResult) -> str:
    limits = result.limits
    demands = [
        ("at most {:g} ms", limits.max_ms),
        ("at most {:g} MB", limits.max_mb),
        ("an accuracy of at least {:g}", limits.min_accuracy),
    ]
    said = [words.format(value) for words, value in demands if value is not None]
    rule = f"Chosen was the fastest{' that meets ' + ', '.join(said) if said else ''}"
    if limits.min_accuracy is None:
        rule += f", no more than {100 * limits.within:g} points below the best{' of those' if said else ''}"
    return f"{rule}."


def _plot(result: SearchResult) -> str:
    caption = (
        f"Accuracy by five-fold cross-validation on the training and validation photos, with bars of one standard "
        f"error. Milliseconds: {result.latency}. Coloured points are networks that no other beats in accuracy, latency "
        "and size at once. The steps show the best accuracy within so many milliseconds, the ring the chosen network."
    )
    return section("front", "Accuracy against latency", "Pareto front", figure(scatter(result), text(caption)))


def _networks(result: SearchResult) -> str:
    on_front = result.front
    rows = [
        [
            text(each.shown),
            percent(each.accuracy),
            f"&plusmn; {each.standard_error:.1%}",
            text(_ms(each)),
            f"{each.megabytes:.1f}",
            text(_role(each, result, on_front)),
        ]
        for each in result.candidates
    ]
    header = ["Network", "Accuracy", "Standard error", "One inference", "MB", ""]
    return section("networks", "All networks", "fastest first", table(header, rows, "Networks", "files"))


def _role(candidate: Candidate, result: SearchResult, on_front: tuple[Candidate, ...]) -> str:
    words = ["chosen"] if candidate == result.chosen else []
    if candidate in on_front:
        words.append("on the front")
    words += [f"misses {option}" for option in result.limits.misses(candidate)]
    return ", ".join(words)


def _costs(result: SearchResult, options: SearchOptions) -> str:
    photos = result.photos
    pairs = [
        ("Photos used to choose", f"{photos['train'] + photos['validation']:,}"),
        ("Kept for the winner's test", f"{photos['test']:,}"),
        ("Skipped", f"{photos['skipped']:,}"),
        ("Weights", name(options.head.weights)),
    ]
    seconds = dict(result.seconds)
    total = seconds.pop("total")
    rows = [[text(stage), f"{value:.1f}", bar(value / total if total else 0)] for stage, value in seconds.items()]
    stages = table(["Stage", "Seconds", "Share"], [*rows, ["in all", f"{total:.1f}", ""]], "Seconds a stage", "stages")
    body = f'<div class="pair">{facts(pairs, "rows")}{stages}</div>'
    return section("costs", "Photos and time", "what the search took", body)


def _ms(candidate: Candidate) -> str:
    return f"{'~' if candidate.estimated else ''}{candidate.ms:.1f} ms"
