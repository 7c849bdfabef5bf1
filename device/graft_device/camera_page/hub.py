"""Keeps the newest frame and answer of everything that a run sees, for the page."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from graft_device.camera_page.figures import EventCounts, SourceFigures, ViewFigures
from graft_device.camera_page.shown import ShownModel, ShownSource, ShownView, Size
from graft_device.camera_page.sighted import Sighted
from graft_device.errors import GraftError
from graft_device.outputs.slugs import slugs
from graft_device.run.observers import Observer
from graft_device.sources.base import utc_now

if TYPE_CHECKING:
    from graft_device.classifier import Classifier
    from graft_device.outputs.views import View
    from graft_device.preprocess import PhotoSource
    from graft_device.run.observers import SeenFrame
    from graft_device.sources.base import Frame

MOST_PREDICTIONS = 5
"""Labels in the answer that goes with a picture."""


@dataclass(frozen=True)
class Shot:
    """The newest frame of a source.

    Attributes:
        key: different for each frame of a source.
        version: grows with each frame, answer and state of the source.
        whole: returns the frame: RGB pixels ``[H,W,3]``, uint8, or a file's path or bytes.
        answers: ``time`` and the newest answers of its ``views``, as plain values.
    """

    key: int
    version: int
    whole: Callable[[], PhotoSource]
    answers: dict[str, Any]


@dataclass
class _View:
    shown: ShownView
    figures: ViewFigures = field(default_factory=ViewFigures)
    newest: SeenFrame | None = None
    still: bool = False
    state: str | None = None

    def answer(self) -> dict[str, Any] | None:
        """The newest answer as plain values; None before the first."""
        seen = self.newest
        if seen is None:
            return None
        answer = seen.answer
        return {
            "id": self.shown.view.id,
            "label": answer.label,
            "score": round(seen.best, 6),
            "predictions": [{"label": one.label, "score": round(one.score, 6)} for one in answer[:MOST_PREDICTIONS]],
            "unknown": answer.unknown,
            "reason": answer.reason,
            "state": self.state,
            "still": self.still,
        }

    def to_json(self, size: Size | None) -> dict[str, Any]:
        view, figures = self.shown.view, self.figures
        return {
            "id": view.id,
            "region": view.region,
            "roi": self.shown.shares(size),
            "model": view.model,
            "labels": list(view.labels),
            "threshold": view.threshold,
            "state": self.state,
            "figures": {
                "classified": figures.classified,
                "still": figures.still,
                "still_share": round(figures.still_share, 4),
                "ms": {stage: _rounded(durations.mean_ms) for stage, durations in figures.stages.items()},
                "labels": dict(figures.labels.most_common()),
            },
        }


@dataclass
class _Source:
    id: str
    shown: ShownSource
    views: dict[str, _View]
    figures: SourceFigures = field(default_factory=SourceFigures)
    present: bool = True
    since: str | None = None
    size: Size | None = None
    frame: Frame | None = None
    whole: Callable[[], PhotoSource] | None = None
    key: int = 0
    version: int = 0

    def arrived(self, frame: Frame, whole: Callable[[], PhotoSource], now: float) -> None:
        """Takes a frame in, which several views may see."""
        self.version += 1
        if frame is not self.frame:
            if self.frame is None or (frame.session, frame.number) != (self.frame.session, self.frame.number):
                self.figures.add(frame.dropped, now)
                self.key += 1
            self.frame = frame
        self.whole = whole

    def to_json(self, now: float) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.shown.name,
            "present": self.present,
            "since": self.since,
            "size": None if self.size is None else list(self.size),
            "masks": self.shown.mask_shares(self.size),
            "views": [view.to_json(self.size) for view in self.views.values()],
            "figures": {
                "fps": round(self.figures.rate(now), 2),
                "frames": self.figures.frames,
                "dropped": self.figures.dropped,
                "failed": self.figures.failed,
            },
        }


@dataclass(frozen=True)
class SourceState:
    """What metrics and health say of a source: its ``id``, ``name``, whether it is present, and its figures.

    ``silent_s`` is the time since its newest frame in seconds; None before the first. ``rate`` is in frames per second.
    """

    id: str
    name: str
    present: bool
    silent_s: float | None
    rate: float
    figures: SourceFigures
    views: dict[str, ViewFigures]


class Hub(Observer):
    """The newest frames, answers and states of a run, and its figures.

    The loop's thread calls the methods of ``Observer``, which keep references and count, and nothing more. The
    server's threads call the others.

    Attributes:
        events: a sink that counts the events of the run.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Shows nothing until ``configure``.

        Args:
            clock: gives the time in seconds; for tests.
        """
        self.events = EventCounts()
        self._clock = clock
        self._lock = threading.Lock()
        self._sources: dict[str, _Source] = {}
        self._models: tuple[ShownModel, ...] = ()
        self._turned = clock()

    def configure(self, sources: Sequence[ShownSource], models: Sequence[ShownModel]) -> None:
        """Sets what is shown, at the start and when the settings are read again.

        Sources and views of the same name go on with their figures and frames; their states start over.
        """
        ids = slugs(source.name for source in sources)
        with self._lock:
            old, self._sources = self._sources, {}
            for shown in sources:
                before = old.get(shown.name)
                known = {} if before is None else before.views
                views = {view.view.id: _kept_view(view, known.get(view.view.id)) for view in shown.views}
                if before is None:
                    self._sources[shown.name] = _Source(ids[shown.name], shown, views)
                else:
                    before.id, before.shown, before.views = ids[shown.name], shown, views
                    before.version += 1
                    self._sources[shown.name] = before
            self._models = tuple(models)
            self._turned = self._clock()

    def turned(self) -> None:
        """Called in each turn of the loop: a sign of life."""
        self._turned = self._clock()

    def seen(self, view: View, seen: SeenFrame) -> None:
        """Keeps a classified frame of a view."""
        with self._lock:
            source, state = self._find(view)
            if source is None or state is None:
                return
            source.arrived(seen.frame, seen.whole, self._clock())
            if seen.box is None or source.size is None:
                source.size = _size(seen) or source.size
            state.newest, state.still = seen, False
            state.figures.add(seen)

    def still(self, view: View, frame: Frame, whole: Callable[[], PhotoSource]) -> None:
        """Keeps a frame that the motion gate held back from a view."""
        with self._lock:
            source, state = self._find(view)
            if source is None or state is None:
                return
            source.arrived(frame, whole, self._clock())
            state.still = True
            state.figures.still += 1

    def failed(self, source: str, reason: str) -> None:  # noqa: ARG002  the run prints the reason
        """Counts a frame that cannot be read."""
        with self._lock:
            if source in self._sources:
                self._sources[source].figures.failed += 1

    def state(self, view: View, label: str | None) -> None:
        """Keeps the confirmed label of a view."""
        with self._lock:
            source, state = self._find(view)
            if source is not None and state is not None:
                state.state = label
                source.version += 1

    def exchanged(self, view: View, classifier: Classifier) -> None:
        """Shows another model of a view, and its card."""
        shown = ShownModel.of(view.model, classifier)
        with self._lock:
            self._find(view)
            self._models = tuple(shown if model.name == shown.name else model for model in self._models)

    def present(self, source: str, present: bool) -> None:
        """Keeps whether a source gives frames."""
        with self._lock:
            if source in self._sources:
                if self._sources[source].present != present:
                    self._sources[source].since = utc_now()
                self._sources[source].present = present
                self._sources[source].version += 1

    @property
    def idle_s(self) -> float:
        """Seconds since the loop last turned."""
        return self._clock() - self._turned

    @property
    def models(self) -> tuple[ShownModel, ...]:
        """The models in use."""
        return self._models

    def board(self) -> list[dict[str, Any]]:
        """The sources with their views, states and figures, as plain values."""
        with self._lock:
            return [source.to_json(self._clock()) for source in self._sources.values()]

    def sources(self) -> list[SourceState]:
        """The figures of all sources, as they are now."""
        with self._lock:
            return [self._state_of(source) for source in self._sources.values()]

    def shot(self, source_id: str) -> Shot | None:
        """The newest frame of a source; None before the first.

        Raises:
            KeyError: there is no such source.
        """
        with self._lock:
            source = self._by_id(source_id)
            if source.frame is None or source.whole is None:
                return None
            answers = [answer for view in source.views.values() if (answer := view.answer()) is not None]
            return Shot(source.key, source.version, source.whole, {"time": source.frame.time, "views": answers})

    def sized(self, source_id: str, size: Size) -> None:
        """Keeps the size of a source's frames, known when one was decoded for the page."""
        with self._lock:
            for source in self._sources.values():
                if source.id == source_id:
                    source.size = size

    def newest(self, view_id: str) -> Sighted | None:
        """The newest frame of a view, and the one that its model saw last; None before the first.

        Raises:
            KeyError: there is no such view.
        """
        with self._lock:
            for source in self._sources.values():
                if view_id in source.views:
                    view = source.views[view_id]
                    if view.newest is None or source.frame is None or source.whole is None:
                        return None
                    return Sighted(view.shown, source.frame, source.whole, view.newest, source.present)
        raise KeyError(view_id)

    def _find(self, view: View) -> tuple[_Source | None, _View | None]:
        source = self._sources.get(view.source)
        state = None if source is None else source.views.get(view.id)
        if state is not None and state.shown.view is not view:  # the model was opened again
            state.shown = replace(state.shown, view=view)
        return source, state

    def _by_id(self, source_id: str) -> _Source:
        for source in self._sources.values():
            if source.id == source_id:
                return source
        raise KeyError(source_id)

    def _state_of(self, source: _Source) -> SourceState:
        times = source.figures.times
        views = {view_id: copy.deepcopy(view.figures) for view_id, view in source.views.items()}
        now = self._clock()
        silent_s, rate = now - times[-1] if times else None, source.figures.rate(now)
        return SourceState(
            source.id, source.shown.name, source.present, silent_s, rate, copy.deepcopy(source.figures), views
        )


def _kept_view(shown: ShownView, before: _View | None) -> _View:
    """A view as it was, if it is the same one; with another region or model its frame is not this one's."""
    if before is None:
        return _View(shown)
    same = before.shown.roi == shown.roi and before.shown.view.model == shown.view.model
    return _View(shown, before.figures, before.newest if same else None)


def _size(seen: SeenFrame) -> Size | None:
    """The size of a whole frame of pixels; None for a file. A region's whole frame has been loaded for it already."""
    try:
        whole = seen.photo if seen.box is None else seen.whole()
    except GraftError:
        return None
    return (whole.shape[1], whole.shape[0]) if isinstance(whole, np.ndarray) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
