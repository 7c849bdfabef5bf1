"""The loop of ``graft-device run``: takes frames in turn, has each view look at them, passes events to the sinks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graft_device.config.areas import AreaError
from graft_device.errors import PhotoError
from graft_device.run.feeds import Feed, Feeds, Turn
from graft_device.run.frame_reader import FrameReader, StoppedError
from graft_device.run.sight import Masks, Sight
from graft_device.sources.base import Frame, Note
from graft_device.sources.video import Video
from graft_device.system import notify
from graft_device.system.stopping import Stop

if TYPE_CHECKING:
    from graft_device.classifier import Classifier
    from graft_device.outputs.events import Event
    from graft_device.outputs.fan_out import FanOut
    from graft_device.run.looking import Look
    from graft_device.run.observers import Observer


class RereadError(Exception):
    """The settings have changed, and the run should begin again with the new ones."""


@dataclass(frozen=True)
class Watched:
    """A source, and what looks at its frames.

    Attributes:
        feed: gives the frames.
        name: what observers call the source.
        looks: look at each frame, in this order.
        models: the name of each look's model.
        masks: parts of the frame to blank out.
    """

    feed: Feed
    name: str
    looks: tuple[Look, ...]
    models: tuple[str, ...]
    masks: Masks


@dataclass(frozen=True)
class Outputs:
    """Where the loop delivers.

    Attributes:
        sinks: receive the events.
        failure: called with a photo that cannot be read, and the reason.
        observers: called with what happens to each source.
        counted: called after each frame, readable or not; must not raise.
        clock_set: whether the clock is set, asked for each event.
    """

    sinks: FanOut
    failure: Callable[[Frame, str], None]
    observers: Sequence[Observer] = ()
    counted: Callable[[], None] = lambda: None
    clock_set: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Seen:
    """What a run has done.

    Attributes:
        frames: how many frames were looked at.
        failed: how many photos could not be read.
    """

    frames: int
    failed: int


def watch(
    sources: Sequence[Watched],
    outputs: Outputs,
    stop: Stop,
    note: Note,
    newer: Callable[[], Mapping[str, Classifier]] = dict,
    limit: int | None = None,
) -> Seen:
    """Looks at the frames of sources until all end, ``stop`` is set or the limit is reached.

    A photo that cannot be read is reported, and the run goes on. Events are numbered here: each one gets the number
    after the highest that this run has given or a sink remembers.

    Args:
        sources: where the frames come from, and what looks at them.
        outputs: where the results go.
        stop: ends the run when it is set.
        note: called with a line when a camera hangs.
        newer: called several times a second; returns the models to use from then on, by their names.
        limit: the number of frames after which the run ends; None for no limit.

    Raises:
        SourceError: no source can be read.
        AreaError: a region is not in the frame, and there is no other source.
        ModelError: a model fails.
        RereadError: ``newer`` raised it.
    """
    return _Loop(sources, outputs, stop, note).run(newer, limit)


class _Loop:
    def __init__(self, sources: Sequence[Watched], outputs: Outputs, stop: Stop, note: Note) -> None:
        self._sources = sources
        self._outputs = outputs
        self._stop = stop
        self._note = note
        self._misplaced: set[str] = set()
        self._number = self._frames = self._failed = 0

    def run(self, newer: Callable[[], Mapping[str, Classifier]], limit: int | None) -> Seen:
        feeds = Feeds([watched.feed for watched in self._sources], self._stop, self._note, self._present)
        with contextlib.closing(FrameReader(self._stop)) as reader, feeds:
            if any(not one.feed.source.live and not isinstance(one.feed.source, Video) for one in self._sources):
                reader.prepare()
            notify.ready()
            try:
                self._turn(feeds, reader, newer, limit)
            finally:  # a lamp that a state has switched on goes off, whatever ends the run
                self._put(event for watched in self._sources for look in watched.looks for event in look.ended())
        notify.stopping()
        return Seen(self._frames, self._failed)

    def _turn(
        self, feeds: Feeds, reader: FrameReader, newer: Callable[[], Mapping[str, Classifier]], limit: int | None
    ) -> None:
        for turn in feeds.turns():
            notify.watchdog()
            for observer in self._outputs.observers:
                observer.turned()
            self._take_over(newer())
            if turn is None:
                self._wait()
                continue
            try:
                self._look(turn, reader)
            except StoppedError:
                return
            if self._frames == limit:
                return

    def _look(self, turn: Turn, reader: FrameReader) -> None:
        watched, frame = self._sources[turn.feed], turn.frame
        sight = Sight(frame.load, watched.masks, reader.decode, frame.grey)
        try:
            for look in watched.looks:
                self._put(look.look(frame, sight, reader))
        except PhotoError as error:
            self._fail(watched, str(error))
            self._outputs.failure(frame, str(error))
        except AreaError as error:
            if len(self._sources) == 1 and not self._frames:
                raise
            self._fail(watched, str(error))
            if watched.name not in self._misplaced:
                self._misplaced.add(watched.name)
                self._note(f"{watched.name}: {error}")
        else:
            self._frames += 1
        self._outputs.counted()

    def _fail(self, watched: Watched, reason: str) -> None:
        self._failed += 1
        for observer in self._outputs.observers:
            observer.failed(watched.name, reason)

    def _wait(self) -> None:
        now = time.monotonic()
        for watched in self._sources:
            for look in watched.looks:
                self._put(look.waited(now))

    def _take_over(self, newer: Mapping[str, Classifier]) -> None:
        for watched in self._sources:
            for look, model in zip(watched.looks, watched.models):
                if model in newer:
                    self._put(look.use(newer[model]))

    def _present(self, place: int, present: bool) -> None:
        watched = self._sources[place]
        for observer in self._outputs.observers:
            observer.present(watched.name, present)
        if not present:
            for look in watched.looks:
                self._put(look.lost(time.monotonic()))
        self._outputs.sinks.source_changed(present, watched.name)

    def _put(self, events: Iterable[Event]) -> None:
        for event in events:
            self._number = max(self._number, self._outputs.sinks.last_number) + 1
            self._outputs.sinks.put(replace(event, seq=self._number, clock_set=self._outputs.clock_set()))
