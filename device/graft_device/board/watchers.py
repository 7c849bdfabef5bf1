"""Opens what looks at each frame besides the sinks: the page's hub, and the scores of the day."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graft_device.board.announcing import Announcing
from graft_device.config.sinks import MqttSettings
from graft_device.drift.day_file import drift_folder
from graft_device.errors import GraftError

if TYPE_CHECKING:
    from graft_device.camera_page.hub import Hub
    from graft_device.classifier import Classifier
    from graft_device.config.settings import BoardSettings
    from graft_device.drift.daily import DailyScores
    from graft_device.run.looking import Look
    from graft_device.run.observers import Observer
    from graft_device.run.rates import Rates
    from graft_device.run.watching import Watched
    from graft_device.sources.base import Note


@dataclass(frozen=True)
class Watchers:
    """What looks at each frame.

    Attributes:
        hub: what the page shows; None for no page.
        scores: those of the day, for drift; None where no camera gives any.
        rates: the figures for each broker, in the order of the settings.
        announcing: tells brokers about exchanged models.
    """

    hub: Hub | None
    scores: DailyScores | None
    rates: tuple[Rates, ...]
    announcing: Announcing

    @property
    def observers(self) -> tuple[Observer, ...]:
        """All that have something to do; announcing only where there is a broker."""
        brokers = (*self.rates, self.announcing) if self.rates else ()
        return tuple(one for one in (self.hub, self.scores, *brokers) if one is not None)


def open_watchers(
    settings: BoardSettings,
    models: Mapping[str, Classifier],
    live: Sequence[str],
    clock_set: Callable[[], bool],
    note: Note,
    stack: contextlib.ExitStack,
    hub: Hub | None = None,
) -> Watchers:
    """Opens what looks at each frame.

    Args:
        settings: of the run.
        models: by their names.
        live: the names of the cameras.
        clock_set: whether the clock is set.
        note: called with a line when scores cannot be kept.
        stack: closes them.
        hub: what the page shows; None for no page.
    """
    scores = _scores(models, live, clock_set, note, stack) if live else None
    return Watchers(hub, scores, _rates(settings), Announcing())


def show(hub: Hub, watched: Sequence[Watched], models: Mapping[str, Classifier], rois: Mapping[str, Any]) -> None:
    """Tells the hub what there is.

    Args:
        hub: of the page.
        watched: the sources with their views.
        models: by their names.
        rois: the region of each view by its id; None for the whole frame.
    """
    from graft_device.camera_page.shown import ShownModel, ShownSource, ShownView

    def shown(look: Look) -> ShownView:
        return ShownView(look.view, rois[look.view.id])

    sources = [ShownSource(one.name, tuple(map(shown, one.looks)), one.masks.masks) for one in watched]
    hub.configure(sources, [ShownModel.of(name, classifier) for name, classifier in models.items()])


def _rates(settings: BoardSettings) -> tuple[Rates, ...]:
    brokers = [sink for sink in settings.sinks if isinstance(sink, MqttSettings)]
    if not brokers:
        return ()
    from graft_device.run.rates import Rates

    return tuple(Rates() for _ in brokers)


def _scores(
    models: Mapping[str, Classifier],
    live: Sequence[str],
    clock_set: Callable[[], bool],
    note: Note,
    stack: contextlib.ExitStack,
) -> DailyScores | None:
    from graft_device.drift.daily import DailyScores

    try:
        folder = drift_folder()
    except GraftError:  # no home folder: nothing to keep them in
        return None
    files = {name: classifier.model for name, classifier in models.items()}
    scores = DailyScores(folder, files, live, clock_set, note)
    stack.callback(scores.close)
    return scores
