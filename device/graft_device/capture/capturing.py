"""The loop of ``graft-device capture``: takes the frames of one source, and keeps those that are wanted."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from graft_device.capture.keys import END
from graft_device.capture.triggers import Trigger
from graft_device.errors import PhotoError
from graft_device.outputs.photo_notes import PhotoNotes
from graft_device.preprocess import check_header, read_photo
from graft_device.run.feeds import Feed, Feeds, Turn
from graft_device.run.frame_reader import FrameReader, StoppedError
from graft_device.run.sight import Masks, Sight, cropped
from graft_device.system import notify

if TYPE_CHECKING:
    from graft_device.capture.keys import Key, Keys
    from graft_device.capture.store import CaptureStore, KeptPicture
    from graft_device.capture.triggers import Occasions
    from graft_device.config.areas import Roi
    from graft_device.preprocess import PhotoSource
    from graft_device.sources.base import Frame, Note, Source
    from graft_device.system.stopping import Stop

PATIENCE_S = 3.0
"""Seconds that a person who has pressed a key waits for a frame."""

_LOOK_S = 0.1


@dataclass(frozen=True)
class CapturePlan:
    """What is captured.

    Attributes:
        labels: the classes; the first is the one at the start.
        occasions: when pictures are taken without a key.
        burst: how many are taken in a row each time.
        limit: the number of pictures after which the capture ends; None for no limit.
        interval: seconds between two photos of a folder.
        roi: the part of the frame that is kept; None for the whole.
        masks: the parts that are blanked out.
    """

    labels: tuple[str, ...]
    occasions: Occasions
    burst: int = 1
    limit: int | None = None
    interval: float = 0.0
    roi: Roi | None = None
    masks: Masks = field(default_factory=lambda: Masks(()))


@dataclass(frozen=True)
class Picture:
    """A picture that was captured: its class, its file, and the frame that it shows."""

    label: str
    kept: KeptPicture
    frame: Frame


@dataclass(frozen=True)
class Telling:
    """Whom the loop calls.

    Attributes:
        taken: with each picture.
        failure: with a frame that cannot be read, and the reason.
        note: with a line for the user.
    """

    taken: Callable[[Picture], None]
    failure: Callable[[Frame, str], None]
    note: Note


@dataclass
class Captured:
    """What a capture has done.

    Attributes:
        pictures: how many of each class were kept.
        same: how many were not, because they were identical to the last one.
        failed: how many frames could not be read.
    """

    pictures: Counter[str] = field(default_factory=Counter)
    same: int = 0
    failed: int = 0


def capture(
    source: Source, plan: CapturePlan, store: CaptureStore, keys: Keys | None, telling: Telling, stop: Stop
) -> Captured:
    """Captures until the source ends, the limit is reached, a person ends it, or ``stop`` is set.

    Args:
        source: gives the frames.
        plan: what is captured.
        store: keeps the pictures.
        keys: of a person at a terminal; None for none.
        telling: whom to call.
        stop: ends the capture when it is set.

    Raises:
        SourceError: the source cannot be read.
        AreaError: the region is not in the frame.
        CaptureError: a picture cannot be kept.
    """
    return _Loop(source, plan, store, keys, telling, stop).run()


class _Loop:
    def __init__(
        self, source: Source, plan: CapturePlan, store: CaptureStore, keys: Keys | None, telling: Telling, stop: Stop
    ) -> None:
        self._source = source
        self._plan = plan
        self._store = store
        self._keys = keys
        self._telling = telling
        self._stop = stop
        self._trigger = Trigger(plan.occasions, plan.roi)
        self._label = plan.labels[0]
        self._wanted = 0
        self._pressed = 0.0
        self._ending = False
        self._frozen = False
        self._done = Captured()

    def run(self) -> Captured:
        feeds = Feeds([Feed(self._source, self._plan.interval)], self._stop, self._telling.note)
        with contextlib.closing(FrameReader(self._stop)) as reader, feeds, contextlib.suppress(StoppedError):
            notify.ready()
            for turn in self._turns(feeds):
                notify.watchdog()
                if turn is None:
                    self._wait()
                    continue
                self._look(turn.frame, reader)
                if self._over:
                    break
        notify.stopping()
        return self._done

    @property
    def _over(self) -> bool:
        plan = self._plan
        if plan.limit is not None and sum(self._done.pictures.values()) >= plan.limit:
            return True
        return plan.occasions.once and self._trigger.fired and not self._wanted

    def _turns(self, feeds: Feeds) -> Iterator[Turn | None]:
        """The frames, and None while there is none; a source that waits is asked only for those that are wanted."""
        turns = feeds.turns()
        waits = not self._source.live and not self._plan.occasions.any
        while not self._stop.wanted:
            idle = waits and not self._wanted
            if self._keys is not None:
                self._obey(self._keys.read(_LOOK_S if idle else 0.0))
            if self._ending and not self._wanted:
                return
            if waits and not self._wanted:
                notify.watchdog()
                continue
            try:
                yield next(turns)
            except StopIteration:
                return

    def _obey(self, keys: list[Key]) -> None:
        """Does what a person wants. The end comes after the pictures that were asked for before it, or at once."""
        for key in keys:
            if key == END:
                self._wanted = 0 if self._ending else self._wanted
                self._ending = True
            elif isinstance(key, int) and len(self._plan.labels) > 1:
                self._switch(key)
            else:
                self._wanted += self._plan.burst
                self._pressed = time.monotonic()

    def _switch(self, number: int) -> None:
        if number > len(self._plan.labels):
            self._telling.note(f"there is no label {number}; there are {len(self._plan.labels)}")
            return
        self._label = self._plan.labels[number - 1]
        self._wanted = 0
        self._telling.note(f"the next pictures are of {self._label}")

    def _wait(self) -> None:
        if self._wanted and self._keys is not None and time.monotonic() - self._pressed > PATIENCE_S:
            self._wanted = 0
            self._telling.note(f"no picture: {self._source.name} gives no frame")

    def _look(self, frame: Frame, reader: FrameReader) -> None:
        sight = Sight(frame.load, self._plan.masks, reader.decode, frame.grey)
        try:
            if self._trigger.fires(frame, sight):
                self._wanted = max(self._wanted, self._plan.burst)
            if not self._wanted:
                return
            self._wanted -= 1
            self._keep(frame, self._shown(sight))
        except PhotoError as error:
            self._done.failed += 1
            self._telling.failure(frame, str(error))

    def _shown(self, sight: Sight) -> PhotoSource:
        if self._plan.roi is None:
            photo = sight.photo()
            if isinstance(photo, (str, bytes, os.PathLike)):  # its bytes are kept as they are
                check_header(photo if isinstance(photo, bytes) else read_photo(photo))
            return photo
        pixels = sight.pixels()
        box = self._plan.roi.box(pixels.shape[1], pixels.shape[0])
        return np.ascontiguousarray(cropped(pixels, box))

    def _keep(self, frame: Frame, photo: PhotoSource) -> None:
        region = "" if self._plan.roi is None else str(self._plan.roi)
        notes = PhotoNotes(frame.time, frame.source, region, said=self._label)
        kept = self._store.save(photo, self._label, notes)
        if kept is None:
            self._done.same += 1
            if self._keys is not None or not self._frozen:
                self._telling.note(f"{self._source.name} gives the same picture as before, which is not kept again")
            self._frozen = True
            return
        self._frozen = False
        self._done.pictures[self._label] += 1
        self._telling.taken(Picture(self._label, kept, frame))
