"""Opens what the settings name: sources, models, what looks at the frames, and where events go."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.board.naming import NamedView, named_views, source_names
from graft_device.board.outlets import check_sinks, open_sinks
from graft_device.board.watchers import open_watchers, show
from graft_device.model import without_checksum
from graft_device.run.feeds import Feed
from graft_device.run.looking import Look, LookPlan
from graft_device.run.opened import open_copy
from graft_device.run.sight import Masks
from graft_device.run.wall_clock import WallClock
from graft_device.run.watching import Outputs, Watched
from graft_device.sources import SourceOptions, open_source
from graft_device.sources.video import Video

if TYPE_CHECKING:
    from graft_device.board.voice import Voice
    from graft_device.camera_page.lasting import LastingPage
    from graft_device.classifier import Classifier
    from graft_device.config.settings import BoardSettings, SourceSettings
    from graft_device.outputs.fan_out import FanOut
    from graft_device.outputs.uncertain_frames import UncertainFrames
    from graft_device.outputs.uncertain_store import UncertainStore
    from graft_device.run.looking import Gate
    from graft_device.run.observers import Observer
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
    store = _uncertain_store(settings)
    clock = WallClock(voice.note)
    live = [name for name, source in zip(names, sources) if source.live]
    watchers = open_watchers(
        settings, models, live, clock.is_set, voice.note, stack, None if page is None else page.hub
    )
    looks = [
        Look(
            _plan(named, settings, sources[named.source], store, voice.note),
            models[named.view.model],
            watchers.observers,
        )
        for named in views
    ]
    watched = tuple(
        _watched(place, settings.sources[place], source, names[place], views, looks)
        for place, source in enumerate(sources)
    )
    outlets = open_sinks(settings, [look.view for look in looks], watchers.rates, voice, stack)
    one_camera = len(views) == 1 and sources[0].live
    outlets.sinks.add(voice.printed(one_camera, " and ".join(outlets.sinks.names)))
    if settings.http is not None and page is not None:
        from graft_device.camera_page.parts import Parts

        outlets.sinks.add(page.hub.events)
        show(page.hub, watched, models, {named.view.id: named.region.roi for named in views})
        stack.callback(page.rest)
        page.show(settings.http, Parts(outlets.history, store, watchers.scores, lambda: outlets.sinks.undelivered))
    return Board(watched, outlets.sinks, watchers.observers, voice.failure, clock.is_set)


def _opened(source: SourceSettings, settings: BoardSettings, note: Note) -> Source:
    kept = None if settings.uncertain is None else settings.uncertain.folder
    options = SourceOptions(source.size, source.interval, source.existing, source.once, kept, source.required)
    return open_source(source.places, options, note)


def _model(settings: BoardSettings, name: str, note: Note) -> Classifier:
    model = next(model for model in settings.models if model.name == name)
    classifier = open_copy(model.file, model.runtime, model.threads)
    line = without_checksum(classifier.model, model.file)
    if line is not None:
        note(line)
    return classifier


def _plan(
    named: NamedView, settings: BoardSettings, source: Source, store: UncertainStore | None, note: Note
) -> LookPlan:
    given = settings.sources[named.source]
    return LookPlan(
        view=named.view,
        roi=named.region.roi,
        answers=named.region.answers,
        naming=named.naming,
        gate=_gate(given),
        uncertain=_uncertain(store, settings, source, note),
        lasting=source.live or isinstance(source, Video),
    )


def _gate(source: SourceSettings) -> Gate | None:
    if source.on_motion is None:
        return None
    from graft_device.run.motion import MotionGate

    return MotionGate(source.on_motion, source.at_least_every)


def _watched(
    place: int, given: SourceSettings, source: Source, name: str, views: Sequence[NamedView], looks: Sequence[Look]
) -> Watched:
    own = [(look, named.view.model) for look, named in zip(looks, views) if named.source == place]
    feed = Feed(source, given.interval, 1 if given.once and source.live else None)
    return Watched(feed, name, tuple(look for look, _ in own), tuple(model for _, model in own), Masks(given.masks))


def _uncertain_store(settings: BoardSettings) -> UncertainStore | None:
    if settings.uncertain is None:
        return None
    from graft_device.outputs.uncertain_store import UncertainStore

    return UncertainStore(settings.uncertain.folder, round(settings.uncertain.max_mb * _MB))


def _uncertain(
    store: UncertainStore | None, settings: BoardSettings, source: Source, note: Note
) -> UncertainFrames | None:
    if store is None or settings.uncertain is None:
        return None
    from graft_device.outputs.uncertain_frames import UncertainFrames

    return UncertainFrames(store, settings.uncertain.below, source.live or isinstance(source, Video), note)
