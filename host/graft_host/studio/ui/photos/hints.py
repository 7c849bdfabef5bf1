"""The one thing that would help the photos of a project most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graft_host.photos.problems import FEW_PHOTOS, IMBALANCE

UNKNOWN_PHOTOS = 10
"""So many unknown photos help already: docs/how-to/unknown-things.md has the figures."""

GOOD_START = 50
"""Photos per class that are a good start, as docs/tutorial/first-model.md advises."""


@dataclass(frozen=True)
class Hint:
    """What to do next.

    Attributes:
        key: of the text among those of the page.
        values: for the places of the text.
        trainable: whether the photos are enough for a first model, so that training is offered.
    """

    key: str
    values: Mapping[str, str | int] = field(default_factory=dict)
    trainable: bool = False


def next_hint(classes: Mapping[str, int], unknown: int) -> Hint:
    """Chooses the hint for an album: what stops training first, what makes it unreliable next.

    Args:
        classes: the number of photos of each class, without ``unknown``.
        unknown: the number of photos that are none of the classes.
    """
    if len(classes) < 2:  # noqa: PLR2004  a model chooses between two at least
        return Hint("hint_second_class" if classes else "hint_first_class")
    smallest = min(classes, key=lambda label: (classes[label], label))
    few = classes[smallest]
    if few == 0:
        return Hint("hint_empty_class", {"label": smallest})
    if few < FEW_PHOTOS:
        return Hint("hint_few", {"label": smallest, "count": few, "enough": FEW_PHOTOS})
    return _better(classes, smallest, unknown)


def _better(classes: Mapping[str, int], smallest: str, unknown: int) -> Hint:
    """The hint for photos that are enough for a first model."""
    largest = max(classes, key=lambda label: classes[label])
    few, many = classes[smallest], classes[largest]
    if many >= IMBALANCE * few:
        return Hint("hint_imbalance", {"large": largest, "small": smallest, "times": many // few}, trainable=True)
    if unknown < UNKNOWN_PHOTOS:
        return Hint("hint_unknown", {"enough": UNKNOWN_PHOTOS}, trainable=True)
    if few < GOOD_START:
        return Hint("hint_more", {"label": smallest, "count": few, "enough": GOOD_START}, trainable=True)
    return Hint("hint_good", trainable=True)
