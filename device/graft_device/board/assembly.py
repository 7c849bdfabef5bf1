"""Opens what the settings name: sources, models, what looks at the frames, and where events go."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.board.looks import make_watched
from graft_device.board.naming import named_views, source_names
from graft_device.board.outlets import check_sinks, open_sinks
from graft_device.board.watchers import open_watchers, show
from graft_device.model import without_checksum
from graft_device.run.opened import open_copy
from graft_device.run.wall_clock import WallClock
from graft_device.run.watching import Outputs
from graft_device.sources import SourceOptions, open_source

if TYPE_CHECKING:
    from graft_device.board.voice import Voice
    from graft_device.camera_page.lasting import LastingPage
    from graft_device.capture.store import CaptureStore
    from graft_device.classifier import Classifier
    from graft_device.config.settings import BoardSettings, SourceSettings
    from graft_device.outputs.fan_out import FanOut
    from graft_device.outputs.uncertain_store import UncertainStore
    from graft_device.run.observers import Observer
    from graft_device.run.watching import Watched
    from graft_device.sources.base import Frame, Note, Source

_MB = 1_000_000


@dataclass(frozen=True)
class Board:
    """A run that is open.

    Attributes:
        watched: the sources, and what looks at their frames.
        sinks: where events go.
        observers: what sees each frame.
        failure: called with a photo that cannot be read, and the reason.
        clock_set: whether the clock is set.
    """

    watched: tuple[Watched, ...]
    sinks: FanOut
    observers: tuple[Observer, ...]
    failure: Callable[[Frame, str], None]
    clock_set: Callable[[], bool]

    @property
    def has_camera(self) -> bool:
        """Whether a source gives frames on its own."""
        return any(one.feed.source.live for one in self.watched)

    def outputs(self, counted: Callable[[], None]) -> Outputs:
        """Where the loop delivers; ``counted`` is called after each frame."""
        return Outputs(self.sinks, self.failure, self.observers, counted, self.clock_set)


def open_board(
    settings: BoardSettings, voice: Voice, stack: contextlib.ExitStack, page: LastingPage | None = None
) -> Board:
    """Opens everything that a run needs.

    Args:
        settings: of the run.
        voice: how it speaks.
        stack: closes what was opened.
        page: the page, where the settings want one.

    Raises:
        GraftError: something cannot be opened.
    """
    check_sinks(settings)
    sources = [_opened(source, settings, voice.note) for source in settings.sources]
    models = {model.name: _model(settings, model.name, voice.note) for model in settings.models}
    names = source_names(settings, [source.name for source in sources])
    views = named_views(settings, names)
    store, captures = _uncertain_store(settings), _capture_store(settings)
    clock = WallClock(voice.note)
    live = [name for name, source in zip(names, sources) if source.live]
    watchers = open_watchers(
        settings, models, live, clock.is_set, voice.note, stack, None if page is None else page.hub
    )
    watched = make_watched(settings, sources, views, models, watchers.observers, store, voice.note)
    looks = [look for one in watched for look in one.looks]
    outlets = open_sinks(settings, [look.view for look in looks], watchers, voice, stack)
    one_camera = len(views) == 1 and sources[0].live
    outlets.sinks.add(voice.printed(one_camera, " and ".join(outlets.sinks.names)))
    if settings.http is not None and page is not None:
        from graft_device.camera_page.parts import Parts

        outlets.sinks.add(page.hub.events)
        show(page.hub, watched, models, {named.view.id: named.region.roi for named in views})
        stack.callback(page.rest)
        parts = Parts(outlets.history, store, watchers.scores, lambda: outlets.sinks.undelivered, captures)
        page.show(settings.http, parts)
    return Board(watched, outlets.sinks, watchers.observers, voice.failure, clock.is_set)


def _opened(source: SourceSettings, settings: BoardSettings, note: Note) -> Source:
    kept = None if settings.uncertain is None else settings.uncertain.folder
    captured = None if settings.capture is None else settings.capture.folder
    options = SourceOptions(source.size, source.interval, source.existing, source.once, kept, source.required, captured)
    return open_source(source.places, options, note)


def _model(settings: BoardSettings, name: str, note: Note) -> Classifier:
    model = next(model for model in settings.models if model.name == name)
    classifier = open_copy(model.file, model.runtime, model.threads)
    line = without_checksum(classifier.model, model.file)
    if line is not None:
        note(line)
    return classifier


def _uncertain_store(settings: BoardSettings) -> UncertainStore | None:
    if settings.uncertain is None:
        return None
    from graft_device.outputs.uncertain_store import UncertainStore

    return UncertainStore(settings.uncertain.folder, round(settings.uncertain.max_mb * _MB))


def _capture_store(settings: BoardSettings) -> CaptureStore | None:
    if settings.capture is None:
        return None
    from graft_device.capture.store import CaptureStore

    return CaptureStore(settings.capture.folder, settings.capture.max_mb)
