"""What ``graft-device run`` does with the frames."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What to do with the frames.

    Attributes:
        top_k: the number of labels in an event.
        unknown_below: the score below which a frame is unknown, 0 to 1; 0 for never.
        own_threshold: whether that threshold is from the model card, and changes with the model.
        smooth: the half-life of the smoothing in frames; 0 for none.
        changes: whether only changes of the label become events.
        interval: the smallest number of seconds between two classified frames.
        limit: the number of frames after which the run ends; None for no limit.
    """

    top_k: int = 3
    unknown_below: float = 0.0
    own_threshold: bool = False
    smooth: float = 0.0
    changes: bool = False
    interval: float = 0.0
    limit: int | None = None
