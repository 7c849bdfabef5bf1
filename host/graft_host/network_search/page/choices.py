"""The networks of a search that a person may want to take: the chosen one, and those beside it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from graft_device.text import printable
from graft_host.backbones.registry import title_of
from graft_host.network_search.pareto import Candidate, cost, within_one_error
from graft_host.network_search.result import SearchResult
from graft_host.report.page import facts, percent, section, text

_TRAIN = (
    "To train another one of these, run <code>graft train</code> with the options of this search and those shown with "
    "the network."
)


@dataclass(frozen=True)
class Choice:
    """A network that a person may want to take.

    Attributes:
        candidate: the network.
        reasons: what speaks for it, such as ``most accurate``; the chosen one may have none.
    """

    candidate: Candidate
    reasons: tuple[str, ...]


def choices(result: SearchResult) -> tuple[Choice, ...]:
    """The chosen network first, then others that meet the limits too; empty if none was chosen."""
    if result.chosen is None:
        return ()
    close = within_one_error(result.candidates, result.limits)
    possible = [candidate for candidate in result.candidates if not result.limits.misses(candidate)]
    best = min(possible, key=lambda candidate: (-candidate.accuracy, *cost(candidate)))
    smallest = min(close, key=lambda candidate: (round(candidate.megabytes, 1), cost(candidate)))
    fast, small = ("fastest and smallest", None) if close[0] == smallest else ("fastest", "smallest")
    named = [
        (result.chosen, None),
        (close[0], f"{fast} within one standard error of the best"),
        (smallest, small and f"{small} within one standard error of the best"),
        (best, "most accurate"),
    ]
    order = list(dict.fromkeys(candidate for candidate, _ in named))
    return tuple(Choice(one, tuple(why for candidate, why in named if why and candidate == one)) for one in order)


def choices_section(result: SearchResult, rule: str) -> str:
    """The section that shows the choices side by side.

    Args:
        result: the result of the search.
        rule: how the network was chosen, as sentences.
    """
    shown = choices(result)
    cards = "".join(_card(choice, result) for choice in shown)
    more = f" {_TRAIN}" if len(shown) > 1 else ""
    return section(
        "choices",
        "What to take",
        "and what is close to it",
        f'<p>{text(rule)}{more}</p><ul class="choices">{cards}</ul>',
    )


def figures(candidate: Candidate) -> str:
    """Accuracy, milliseconds and megabytes in a line: ``74.3%, 13.4 ms, 5.3 MB``, with no break before a unit."""
    return f"{percent(candidate.accuracy)}, {milliseconds(candidate)}, {candidate.megabytes:.1f}\u00a0MB"


def titled(candidate: Candidate) -> str:
    """Its name on a page, with the family's title: ``Inception-v3 mixed7 at 224``."""
    return f"{title_of(candidate.backbone)} {candidate.tap} at {candidate.image_size}"


def milliseconds(candidate: Candidate) -> str:
    """The milliseconds of one inference, with ``~`` for an estimate."""
    return f"{'~' if candidate.estimated else ''}{candidate.ms:.1f}\u00a0ms"


def _options(candidate: Candidate, result: SearchResult) -> str:
    """The options of ``graft train`` that name a network."""
    options = f"--backbone {candidate.backbone} --tap {candidate.tap} --image-size {candidate.image_size}"
    weights = result.weights.get(candidate.backbone)
    if weights is not None and len(set(result.weights.values())) > 1:
        options += f" --weights {shlex.quote(printable(weights))}"
    return options


def _card(choice: Choice, result: SearchResult) -> str:
    chosen = choice.candidate == result.chosen
    candidate, reasons = choice.candidate, ", ".join([*(["chosen"] if chosen else []), *choice.reasons])
    pairs = [
        ("Accuracy", f"{percent(candidate.accuracy)} <small>&plusmn; {candidate.standard_error:.1%}</small>"),
        ("One inference", text(milliseconds(candidate))),
        ("File", f"{candidate.megabytes:.1f} MB"),
    ]
    options = "" if chosen else f"<p><code>{text(_options(candidate, result))}</code></p>"
    return (
        f'<li class="{"chosen" if chosen else "other"}"><p class="why">{text(reasons[0].upper() + reasons[1:])}</p>'
        f"<h3>{text(titled(candidate))}</h3>{facts(pairs, 'figures')}{options}</li>"
    )
