"""Opens what a capture needs, and runs it until it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.capture.capturing import Captured, CapturePlan, Telling, capture
from graft_device.capture.keys import keys_of
from graft_device.capture.store import CaptureStore
from graft_device.capture.triggers import Occasions
from graft_device.run.sight import Masks
from graft_device.sources import SourceOptions, open_source
from graft_device.sources.video import Video
from graft_device.system.stopping import Signals, Stop

if TYPE_CHECKING:
    from graft_device.config.areas import Mask, Roi
    from graft_device.sources.base import Source

_STILL_S = 1.0
"""Seconds between two looks at a still picture where more than one may be wanted at a time."""


@dataclass(frozen=True)
class CaptureRequest:
    """What a person asked for.

    Attributes:
        labels: the classes, each the name of a folder.
        places: photos, or one of: a folder, a video, a camera, a URL.
        folder: where the pictures go.
        size: the width and height to request from a camera, in pixels.
        every: seconds between two pictures; None for no such times.
        on_motion: the sensitivity of the motion gate, 0 to 1; None for no gate.
        once: whether to take what is there now, and end.
        burst: how many pictures are taken in a row each time.
        limit: the number of pictures after which the capture ends; None for no limit.
        max_mb: the largest size of all captured pictures in the folder, in MB.
        roi: the part of the frame that is kept; None for the whole.
        masks: the parts that are blanked out.
        terminal: the descriptor of the terminal at which a person presses keys; None for nobody.
    """

    labels: tuple[str, ...]
    places: tuple[str, ...]
    folder: Path
    size: tuple[int, int]
    every: float | None
    on_motion: float | None
    once: bool
    burst: int
    limit: int | None
    max_mb: float
    roi: Roi | None
    masks: tuple[Mask, ...]
    terminal: int | None


@dataclass(frozen=True)
class CaptureEnd:
    """How a capture has ended: what it has done, and the signal that ended it, or None."""

    done: Captured
    signal: int | None


def run_capture(request: CaptureRequest, telling: Telling, begun: Callable[[], None]) -> CaptureEnd:
    """Captures until the source ends, a person ends it, or a signal.

    Args:
        request: what to capture.
        telling: whom to call with pictures, failures and notes.
        begun: called when everything is open.

    Raises:
        GraftError: the source or the folder cannot be opened or fails, or the limit of the folder is reached.
    """
    stop = Stop()
    with Signals(stop) as signals:
        source = open_source(request.places, _options(request), telling.note)
        store = CaptureStore(request.folder, request.max_mb)
        plan = _plan(request, source)
        with keys_of(request.terminal, stop) as keys:
            begun()
            done = capture(source, plan, store, keys, telling, stop)
        signals.calm()
    return CaptureEnd(done, signals.received)


def _options(request: CaptureRequest) -> SourceOptions:
    every = request.every or 0.0
    several = request.burst > 1 or request.terminal is not None
    return SourceOptions(
        size=request.size,
        interval=min(every, _STILL_S) if several else every,
        once=request.once,
        kept=request.folder,
        required=request.terminal is not None,
    )


def _plan(request: CaptureRequest, source: Source) -> CapturePlan:
    each = not source.live and not isinstance(source, Video)
    automatic = request.every is not None or request.on_motion is not None or request.once
    return CapturePlan(
        labels=request.labels,
        occasions=Occasions(request.every, request.on_motion, request.once and not each, each and automatic),
        burst=request.burst,
        limit=request.limit,
        interval=request.every or 0.0 if each else 0.0,
        roi=request.roi,
        masks=Masks(request.masks),
    )
