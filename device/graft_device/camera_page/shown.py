"""What a board has, as the page shows it: sources with their views, and models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graft_device.config.areas import AreaError, Mask, Roi
from graft_device.outputs.views import View

if TYPE_CHECKING:
    from graft_device.classifier import Classifier

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class ShownView:
    """A view, and where it is in the frame.

    Attributes:
        view: the view.
        roi: its part of the frame; None for the whole.
    """

    view: View
    roi: Roi | None = None

    def shares(self, size: Size | None) -> list[float] | None:
        """Left, top, width and height in shares of the frame; None for the whole, and while the size is unknown.

        Args:
            size: of the whole frame.
        """
        if self.roi is None or (size is None and not self.roi.shares):
            return None
        if size is None:
            return [self.roi.x, self.roi.y, self.roi.width, self.roi.height]
        width, height = size
        try:
            left, upper, right, lower = self.roi.box(width, height)
        except AreaError:  # the frame is smaller than the region's place
            return None
        return [
            round(left / width, 6),
            round(upper / height, 6),
            round((right - left) / width, 6),
            round((lower - upper) / height, 6),
        ]


@dataclass(frozen=True)
class ShownSource:
    """A source of frames.

    Attributes:
        name: the name that its views have as ``source``.
        views: what models see of it.
        masks: the parts that are blanked out.
    """

    name: str
    views: tuple[ShownView, ...]
    masks: tuple[Mask, ...] = ()

    def mask_shares(self, size: Size | None) -> list[list[list[float]]]:
        """The corners of each mask in shares of the frame; masks in pixels only where its size is known.

        Args:
            size: of the whole frame.
        """
        shown = []
        for mask in self.masks:
            across, down = (1, 1) if mask.shares else size or (0, 0)
            if across and down:
                shown.append([[round(x / across, 6), round(y / down, 6)] for x, y in mask.points])
        return shown


@dataclass(frozen=True)
class ShownModel:
    """A model that views use.

    Attributes:
        name: the name that its views have as ``model``.
        card: the model card as plain values.
        runtime: the runtime in use.
    """

    name: str
    card: dict[str, Any]
    runtime: str

    @classmethod
    def of(cls, name: str, classifier: Classifier) -> ShownModel:
        """A model that is open."""
        return cls(name, json.loads(classifier.model.card.to_json()), classifier.runtime)

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {"name": self.name, "card": self.card, "runtime": self.runtime}
