"""The last picture of each view, as a JPEG of limited size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft_device.errors import PhotoError

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource

EVERY_S = 1.0
"""Seconds between two pictures of one view at least."""

MAX_SIDE = 640
MAX_BYTES = 200_000
"""The largest JPEG, in pixels a side and in bytes."""

_QUALITIES = (85, 70, 50, 30)


class Pictures:
    """Keeps the newest photo of each view until it is due. Only the thread that publishes encodes it."""

    def __init__(self) -> None:
        self._photos: dict[str, PhotoSource] = {}
        self._given: dict[str, float] = {}
        self._last: dict[str, bytes] = {}

    def put(self, topic: str, photo: PhotoSource) -> None:
        """Replaces the photo that waits for a topic."""
        self._photos[topic] = photo

    def due(self, now: float, closing: bool = False) -> dict[str, bytes]:
        """The pictures that are to be published, by topic. A photo that cannot be read is passed over.

        Args:
            now: seconds of a clock that never goes back.
            closing: whether the run is ending, so that nothing waits any longer.
        """
        pictures = {}
        for topic in list(self._photos):
            if not closing and now - self._given.get(topic, float("-inf")) < EVERY_S:
                continue
            photo = self._photos.pop(topic)
            try:
                pictures[topic] = encoded(photo)
            except (PhotoError, MemoryError):
                continue
            self._given[topic] = now
        self._last.update(pictures)
        return pictures

    @property
    def last(self) -> dict[str, bytes]:
        """The last picture of each topic, for a broker that has lost it."""
        return self._last


def encoded(photo: PhotoSource) -> bytes:
    """A photo as a JPEG of at most ``MAX_SIDE`` pixels a side and ``MAX_BYTES``.

    Raises:
        PhotoError: it cannot be read.
    """
    from graft_device.outputs.jpegs import jpeg_of
    from graft_device.preprocess import load

    image = load(photo, MAX_SIDE)
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    data = b""
    for quality in _QUALITIES:
        data = jpeg_of(image, quality)
        if len(data) <= MAX_BYTES:
            break
    return data
