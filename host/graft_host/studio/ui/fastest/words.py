"""What a network is and what it reaches, in words."""

from __future__ import annotations

from graft_host.backbones.registry import title_of
from graft_host.network_search.pareto import Candidate, Limits
from graft_host.studio.texts.texts import Texts

_TWO_SIDED = 1.959964  # the normal quantile of a two-sided 95% interval


def network_text(texts: Texts, candidate: Candidate) -> str:
    """A network in words, such as ``EfficientNet-Lite0, expand6 at 192 pixels``."""
    return texts(
        "fastest.network", title=title_of(candidate.backbone), tap=candidate.tap, size=str(candidate.image_size)
    )


def accuracy_text(texts: Texts, candidate: Candidate) -> str:
    """The accuracy with the range that it is very likely in."""
    half = _TWO_SIDED * candidate.standard_error
    low, high = max(0.0, candidate.accuracy - half), min(1.0, candidate.accuracy + half)
    return texts("fastest.accuracy", share=share(candidate.accuracy), low=share(low), high=share(high))


def share(value: float) -> str:
    """A share in percent, such as ``97.5%``."""
    return f"{round(100 * value, 1):g}%"


def ms_text(candidate: Candidate) -> str:
    """Milliseconds with ~ before those that are estimated."""
    mark, ms = "~" if candidate.estimated else "", candidate.ms
    return f"{mark}{ms:.1f}" if ms >= 1 else f"{mark}{ms:.2g}"


def lines(texts: Texts, candidate: Candidate, limits: Limits, *, front: bool, chosen: bool) -> list[str]:
    """A network as a page shows it where a person points at it."""
    found = [
        network_text(texts, candidate),
        accuracy_text(texts, candidate),
        texts("fastest.figures", ms=ms_text(candidate), mb=f"{candidate.megabytes:.1f}"),
    ]
    if chosen:
        found.append(texts("fastest.is_chosen"))
    elif limits.misses(candidate):
        found.append(texts("fastest.misses"))
    elif front:
        found.append(texts("fastest.on_front"))
    return found
