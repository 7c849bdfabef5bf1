"""A view: what one model sees of one source, the whole frame or a region of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """What the events of one view have in common.

    Attributes:
        id: unique in the run; small letters, digits and dashes, for topics and paths, such as ``door-bowl``.
        source: the name of the source.
        region: the name of the region; None for the whole frame.
        model: the name of the model.
        labels: the model's K class names.
        threshold: the score below which a frame is unknown; 0 for never.
    """

    id: str
    source: str
    region: str | None
    model: str
    labels: tuple[str, ...]
    threshold: float
