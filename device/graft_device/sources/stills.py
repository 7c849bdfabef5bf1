"""Opens an http or https URL as a camera: a still picture, which is fetched again and again, or a stream."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator
from typing import Any

from graft_device.errors import PhotoError
from graft_device.preprocess import check_header
from graft_device.sources import cameras
from graft_device.sources.base import SourceError
from graft_device.sources.live import Shots
from graft_device.sources.web import NotAPictureError, PictureUrl, UntrustedError
from graft_device.system.pacing import Pace

DEFAULT_S = 1.0
"""Seconds between two pictures, unless ``--every`` or ``--fps`` sets others."""

_LOOK_S = 0.1


class WebCamera:
    """Opens a URL. The first answer's Content-Type decides whether it is a still picture or a stream."""

    def __init__(self, url: str, interval: float) -> None:
        """Connects to nothing.

        Args:
            url: an http or https URL, perhaps with a user and a password.
            interval: seconds between two still pictures; 0 for ``DEFAULT_S``.

        Raises:
            SourceError: it is not a URL.
        """
        self._name = cameras.without_password(url)
        self._picture = PictureUrl(url, self._name)
        self._interval = interval or DEFAULT_S
        self._untrusted: SourceError | None = None
        self._page: SourceError | None = None
        self._usual_stream = self._stream = cameras.stream(url, self._check)
        self._odd_stream = cameras.stream(url, self._check, jpegs=True)
        self._is_still: bool | None = None

    def __call__(self) -> contextlib.AbstractContextManager[Shots]:
        """Opens the stream, or fetches the first picture.

        Raises:
            SourceError: it cannot be read.
        """
        if self._is_still is None:
            return self._first()
        return contextlib.nullcontext(self._pictures(self._fetch())) if self._is_still else self._stream()

    def _first(self) -> contextlib.AbstractContextManager[Shots]:
        try:
            first = self._fetch()
        except NotAPictureError as error:  # a camera that starts may give a page, so only an open stream decides
            self._page = error if error.page else None
            self._stream = self._odd_stream if error.odd else self._usual_stream
            return self._first_stream()
        except UntrustedError as error:  # FFmpeg trusts every certificate
            self._untrusted = error
            return self._stream()
        self._is_still = True
        return contextlib.nullcontext(self._pictures(first))

    @contextlib.contextmanager
    def _first_stream(self) -> Iterator[Shots]:
        with self._stream() as shots:
            self._is_still = False
            yield shots

    def _pictures(self, data: bytes) -> Shots:
        """Yields the pictures at a steady rate, and None while the next one is not due."""
        pace = Pace(self._interval)
        while True:
            pace.record(time.monotonic())
            yield functools.partial(_as_it_is, data)
            while wait := pace.wait_s(time.monotonic()):
                time.sleep(min(wait, _LOOK_S))
                yield None
            data = self._fetch()

    def _fetch(self) -> bytes:
        data = self._picture.fetch()
        try:
            check_header(data)
        except PhotoError as error:
            raise SourceError(f"cannot read {self._name}: {error}") from error
        return data

    def _check(self, container: Any) -> None:
        """Refuses a still picture that FFmpeg reads as a stream, because it would end after each frame."""
        refused = self._untrusted or self._page
        if refused is not None and container.format.name.endswith(("_pipe", "image2")):
            raise refused


def _as_it_is(data: bytes) -> bytes:
    return data
