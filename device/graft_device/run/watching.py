"""The loop of ``graft-device run``: takes a frame, has it classified, and passes the event to the sinks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graft_device.errors import PhotoError
from graft_device.run.event_maker import EventMaker, answer_for, classify_frame
from graft_device.run.frame_reader import FrameReader, StoppedError
from graft_device.run.newest import Newest, newest_frames
from graft_device.run.plan import Plan
from graft_device.run.presence import Presence
from graft_device.sources.base import Frame, Note, Source
from graft_device.sources.video import Video
from graft_device.system import notify
from graft_device.system.pacing import Pace
from graft_device.system.stopping import Stop

if TYPE_CHECKING:
    from graft_device.classifier import Classifier
    from graft_device.outputs.fan_out import FanOut
    from graft_device.outputs.uncertain_frames import UncertainFrames

HANG_S = 30.0
"""Seconds without a frame or an error after which a camera counts as hung. Then systemd's watchdog is not fed."""


@dataclass(frozen=True)
class Outputs:
    """Where the loop delivers.

    Attributes:
        sinks: receive the events.
        failure: called with a photo that cannot be read, and the reason.
        uncertain: keeps the frames that the model is uncertain about; None if they are not wanted.
        counted: called after each frame, readable or not; must not raise.
    """

    sinks: FanOut
    failure: Callable[[Frame, str], None]
    uncertain: UncertainFrames | None = None
    counted: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Seen:
    """What a run has done.

    Attributes:
        frames: how many frames were classified.
        failed: how many photos could not be read.
    """

    frames: int
    failed: int


def watch(
    source: Source,
    classifier: Classifier,
    plan: Plan,
    outputs: Outputs,
    stop: Stop,
    note: Note,
    newer: Callable[[], Classifier | None] = lambda: None,
) -> Seen:
    """Classifies a source's frames until it ends, ``stop`` is set or the plan's limit is reached.

    A photo that cannot be read is reported, and the run goes on. Events are numbered here: each one gets the number
    after the highest that this run has given or a sink remembers.

    Args:
        source: where the frames come from.
        classifier: the model.
        plan: what to do with the frames.
        outputs: where the results go.
        stop: ends the run when it is set.
        note: called with a line when a camera hangs.
        newer: called before each frame; returns the model to use from then on, or None for no change.

    Raises:
        SourceError: the source cannot be read.
        ModelError: the model fails.
    """
    maker = EventMaker(classifier, plan)
    frames = failed = number = 0
    presence = Presence(source, outputs.sinks.source_changed)
    turns = _turns(source, plan.interval, stop, note, presence)
    with contextlib.closing(FrameReader(stop)) as reader, contextlib.closing(turns):
        if not source.live and not isinstance(source, Video):
            reader.prepare()
        notify.ready()
        for frame in turns:
            notify.watchdog()
            newest = newer()
            if newest is not None:
                classifier, plan = newest, _plan_for(newest, plan)
                maker = EventMaker(classifier, plan)
            if frame is None:
                continue
            try:
                classified = classify_frame(classifier, frame, reader)
            except StoppedError:
                break
            except PhotoError as error:
                failed += 1
                outputs.failure(frame, str(error))
                outputs.counted()
                continue
            frames += 1
            outputs.counted()
            if outputs.uncertain is not None:
                outputs.uncertain.offer(frame, answer_for(classified, classifier.labels, plan))
            event = maker.event(frame, classified)
            if event is not None:
                number = max(number, outputs.sinks.last_number) + 1
                outputs.sinks.put(replace(event, seq=number))
            if frames == plan.limit:
                break
    notify.stopping()
    return Seen(frames, failed)


def _plan_for(classifier: Classifier, plan: Plan) -> Plan:
    return replace(plan, unknown_below=classifier.model.card.unknown_below) if plan.own_threshold else plan


def _turns(
    source: Source, interval: float, stop: Stop, note: Note, presence: Presence
) -> Generator[Frame | None, None, None]:
    """Yields the frames to classify at the wanted rate, and None while there is none."""
    if source.live:
        with Newest(source) as newest:
            yield from _unless_hung(newest, interval, stop, note, presence)
        return
    pace = Pace(interval)
    for frame in source.frames(stop):
        presence.update()
        if frame is not None and frame.position is None:  # a video follows its own clock
            yield from stop.ticks(pace.wait_s(time.monotonic()))
            pace.record(time.monotonic())
        if stop.wanted:
            return
        yield frame


def _unless_hung(
    newest: Newest, interval: float, stop: Stop, note: Note, presence: Presence | None = None
) -> Iterator[Frame | None]:
    hung = False
    for frame in newest_frames(newest, interval, stop):
        if presence is not None:
            presence.update(newest.silent_s)
        if frame is None and newest.silent_s > HANG_S:
            if not hung:
                note(f"the camera hangs: no frame for {HANG_S:.0f} s")
            hung = True
            continue  # no sign of life for systemd, which restarts the service
        hung = False
        yield frame
