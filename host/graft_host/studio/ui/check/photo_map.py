"""The canvas of the map; what it draws, selects and shows on hover is in ``photo_map.js``."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import numpy as np
from nicegui.element import Element

from graft_host.studio.maps.placed import Placed

WORDS = (
    "tools", "lasso", "pan", "zoom_in", "zoom_out", "whole", "nearest", "nearest_count", "take", "map", "keys",
    "legend", "selected",
)  # fmt: skip
"""The names of the texts that the canvas shows."""


class PhotoMapCanvas(Element, component="photo_map.js"):
    """A canvas with a mark for each photo.

    It emits ``ready`` once it can be given photos, and ``select`` with a bit for each photo, in Base64, and the token
    of the photos.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        """Adds an empty canvas to the page.

        Args:
            words: the texts that it shows, by name.
        """
        super().__init__()
        self.props["words"] = dict(words)

    def load(self, photos: Placed, token: str, *, keep_view: bool) -> None:
        """Draws photos in place of those before.

        Args:
            photos: with their places.
            token: comes back with each selection.
            keep_view: whether the part that is shown stays, and the selection as far as its photos are there.
        """
        self.run_method(
            "load",
            {
                "token": token,
                "points": base64.b64encode(photos.points.astype("<f4").tobytes()).decode(),
                "classes": base64.b64encode(np.array(photos.classes, "<u2").tobytes()).decode(),
                "labels": photos.labels,
                "unknown": photos.unknown,
                "ids": photos.ids,
                "versions": photos.versions,
            },
            keep_view,
        )

    def clear_selection(self) -> None:
        """Selects nothing."""
        self.run_method("clearSelection")
