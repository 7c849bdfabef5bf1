"""The sources of ``graft-device run``: photos, a watched folder, a video, a camera."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graft_device.sources.base import Frame, Note, Source, SourceError
from graft_device.system.urls import scheme, shown

__all__ = ["Frame", "Note", "Source", "SourceError", "SourceOptions", "open_source"]

_WEB = ("http", "https")
_STREAMS = ("rtsp", "rtsps", "http", "https", "tcp", "udp")
_PI_CAMERA = "picamera2"


@dataclass(frozen=True)
class SourceOptions:
    """How to read a source.

    Attributes:
        size: the width and height in pixels to request from a camera.
        interval: seconds of a video between two frames, 0 for all frames; or seconds between two still pictures of a
            URL, 0 for one second; or seconds between two looks at a single photo, 0 for one look alone.
        existing: whether to give the photos that are in a watched folder at the start.
        once: whether to end after what is there at the start.
        kept: the folder where photos are kept; None for no such folder. They are skipped in a watched folder.
        required: whether a camera must be there at the start; otherwise it is waited for. With ``once`` it must.
        captured: another folder of kept photos, which must not be in a watched folder; None for no such folder.
    """

    size: tuple[int, int] = (640, 480)
    interval: float = 0.0
    existing: bool = False
    once: bool = False
    kept: Path | None = None
    required: bool = False
    captured: Path | None = None


def open_source(places: Sequence[str], options: SourceOptions, note: Note) -> Source:
    """Returns the source for one or more places. Nothing is read until its first frame is requested.

    Args:
        places: photos, or one of: a folder, a video, ``/dev/video0``, ``picamera2`` or ``picamera2:1``, a URL.
        options: how to read the source.
        note: called with a line when a camera is lost or is back.

    Raises:
        SourceError: a place does not exist, several places are not all photos, or the watched folder is the one where
            photos are kept.
    """
    sources = [_one(place, options, note) for place in places]
    if len(places) == 1 and sources[0] is None and options.interval and not options.once:
        sources = [_snapshot(places[0], options, note)]
    if len(places) == 1 and sources[0] is None and not os.path.exists(places[0]):  # noqa: PTH110  "" is no folder
        raise SourceError(
            f"no such source: {shown(places[0])}",
            "give photos, a folder, a video, /dev/video0, picamera2 or a stream's URL",
        )
    if len(sources) == 1 and sources[0] is not None:
        return sources[0]
    single = next((place for place, source in zip(places, sources) if source is not None), None)
    if single is not None:
        raise SourceError(f"{shown(single)} cannot be read together with other sources", "run it on its own")
    from graft_device.sources.files import Photos

    return Photos(places)


def _one(place: str, options: SourceOptions, note: Note) -> Source | None:
    """The source for a place; None for a photo, because there may be several of them."""
    if (kind := scheme(place)) in _STREAMS:
        return _camera(kind + place[len(kind) :], options, note)  # FFmpeg knows no HTTP://
    if place.partition(":")[0] == _PI_CAMERA:
        return _camera(place, options, note)
    path = Path(place)
    if place.startswith("/dev/video") or _is_device(path):
        return _camera(place, options, note)
    if place and path.is_dir():
        from graft_device.sources.apart import check_apart
        from graft_device.sources.watch import Folder

        check_apart(path, options.captured)
        return Folder(path, note, options.existing, options.once, kept=options.kept)
    from graft_device.sources.video import SUFFIXES, Video

    if path.suffix.lower() in SUFFIXES:
        return Video(path, note, options.interval)
    return None


def _camera(place: str, options: SourceOptions, note: Note) -> Source:
    from graft_device.sources import cameras
    from graft_device.sources.live import Live

    required = options.required or options.once
    if scheme(place) in _WEB:
        from graft_device.sources.stills import WebCamera

        web = WebCamera(place, options.interval)
        return Live(cameras.without_password(place), web, note, required=required)
    if scheme(place) in _STREAMS:
        return Live(cameras.without_password(place), cameras.stream(place), note, required=required)
    kind, _, index = place.partition(":")
    if kind == _PI_CAMERA:
        if not (index or "0").isdecimal():
            raise SourceError(f"{place} is not a camera", "give picamera2, or picamera2:1 for the second camera")
        return Live(place, cameras.picamera2(int(index or 0), options.size), note, required=required)
    return Live(place, cameras.v4l2(place, options.size), note, required=required)


def _snapshot(place: str, options: SourceOptions, note: Note) -> Source | None:
    """A photo that another program rewrites; it may be missing at the start. None for what cannot be one."""
    from graft_device.sources.scanning import is_photo

    path = Path(place)
    if not (path.is_file() or (is_photo(path.name) and path.parent.is_dir() and not path.exists())):
        return None
    from graft_device.sources.live import Live
    from graft_device.sources.snapshot import SnapshotFile

    return Live(place, SnapshotFile(place, options.interval), note, required=options.required)


def _is_device(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except (OSError, ValueError):
        return False
