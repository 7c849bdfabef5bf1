"""Tells brokers about the views again when a model was exchanged, whose labels may be others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from graft_device.run.observers import Observer

if TYPE_CHECKING:
    from graft_device.classifier import Classifier
    from graft_device.outputs.views import View


class Announcing(Observer):
    """Keeps the views of a run as they are now."""

    def __init__(self) -> None:
        """Tells nobody yet."""
        self._views: dict[str, View] = {}
        self._told: list[Callable[[Sequence[View]], None]] = []

    def begin(self, views: Sequence[View]) -> None:
        """Takes the views as they are at the start."""
        self._views = {view.id: view for view in views}

    def tell(self, show: Callable[[Sequence[View]], None]) -> None:
        """Adds a broker; ``show`` is called with all views when one of them has another model."""
        self._told.append(show)

    def exchanged(self, view: View, classifier: Classifier) -> None:
        """Tells every broker, if the labels are others."""
        before = self._views.get(view.id)
        self._views[view.id] = view
        if before is None or before.labels == classifier.labels:
            return
        for show in self._told:
            show(list(self._views.values()))
