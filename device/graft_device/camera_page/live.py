"""Live pictures as a stream of JPEGs, each with its answers in its header."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from graft_device.camera_page.hub import Hub, Shot
from graft_device.camera_page.pictures import Encoded, Pictures
from graft_device.errors import GraftError
from graft_device.serve.problems import ProblemError, busy

BOUNDARY = "graft-frame"

PERIOD_S = 0.1
"""Seconds between two pictures at least."""

IDLE_S = 10.0
"""Seconds after which the last picture is sent again: so a viewer that is gone without a word is noticed."""

_LOOK_S = 0.05
_RETRY_S = 5


@dataclass
class Viewers:
    """Who watches live pictures.

    Attributes:
        limit: how many may watch one source at a time.
        now: how many watch each source.
    """

    limit: int
    now: Counter[str] = field(default_factory=Counter)

    @property
    def most(self) -> int:
        """How many watch the source that most watch."""
        return max(self.now.values(), default=0)

    @contextlib.contextmanager
    def one_more(self, source_id: str) -> Iterator[None]:
        """Counts a viewer until the end of the block; raises ProblemError, status 503, if there are too many."""
        if self.now[source_id] >= self.limit:
            raise busy(f"{self.limit} watch this camera already, which is the limit", _RETRY_S)
        self.now[source_id] += 1
        try:
            yield
        finally:
            self.now[source_id] -= 1


@dataclass(frozen=True)
class Stage:
    """What all streams share.

    Attributes:
        hub: the newest frames.
        pictures: their JPEGs.
        viewers: who watches.
        closing: is set when the server ends.
    """

    hub: Hub
    pictures: Pictures
    viewers: Viewers
    closing: asyncio.Event


class Live(Response):
    """The answer to a request for live pictures; it ends when the viewer goes or the server ends.

    A picture is chosen only when the one before has left for the network, so a slow viewer gets fewer of them, and
    never more than one waits for it in memory.
    """

    media_type = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

    def __init__(self, stage: Stage, source_id: str) -> None:
        """Counts as a viewer only while it is sent.

        Args:
            stage: what all streams share.
            source_id: the source, which must exist.
        """
        super().__init__(None, 200, {"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._stage = stage
        self._source = source_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends pictures until the end."""
        stage = self._stage
        with stage.viewers.one_more(self._source):
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            ends = [asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(stage.closing.wait())]
            try:
                await self._send_pictures(send, ends)
            finally:
                for end in ends:
                    end.cancel()
                if stage.viewers.now[self._source] == 1:  # the last one
                    stage.pictures.forget(self._source)

    async def _send_pictures(self, send: Send, ends: Sequence[asyncio.Future[Any]]) -> None:
        loop = asyncio.get_running_loop()
        await _write(send, f"--{BOUNDARY}\r\n".encode())
        sent, due = -1, loop.time()
        while not any(end.done() for end in ends):
            await _write(send, b"")  # waits until there is room
            try:
                shot = self._stage.hub.shot(self._source)
            except KeyError:  # the settings were read again, without it
                break
            if shot is None or (shot.version == sent and loop.time() < due):
                await asyncio.wait(ends, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                continue
            sent, due = shot.version, loop.time() + IDLE_S
            with contextlib.suppress(GraftError):  # a photo that is gone already
                encoded = await self._stage.pictures.jpeg(self._source, shot)
                self._stage.hub.sized(self._source, encoded.size)
                await _write(send, _part(shot, encoded))
            await asyncio.wait(ends, timeout=PERIOD_S, return_when=asyncio.FIRST_COMPLETED)
        await send({"type": "http.response.body", "body": b""})


async def still(stage: Stage, source_id: str) -> bytes:
    """The newest frame of a source as a JPEG.

    Raises:
        ProblemError: 404, there is none yet, or it cannot be read any more.
        KeyError: there is no such source.
    """
    shot = stage.hub.shot(source_id)
    if shot is None:
        raise ProblemError(404, "there is no frame yet")
    try:
        encoded = await stage.pictures.jpeg(source_id, shot)
    except GraftError as error:
        raise ProblemError(404, f"the newest frame cannot be read ({error.what})") from None
    stage.hub.sized(source_id, encoded.size)
    if not stage.viewers.now[source_id]:
        stage.pictures.forget(source_id)
    return encoded.data


def _part(shot: Shot, encoded: Encoded) -> bytes:
    """One picture, and the boundary behind it: browsers show a picture when they see that it has ended."""
    head = (
        f"Content-Type: image/jpeg\r\nContent-Length: {len(encoded.data)}\r\n"
        f"X-Graft-Answers: {json.dumps(shot.answers)}\r\n\r\n"
    )
    return head.encode("ascii") + encoded.data + f"\r\n--{BOUNDARY}\r\n".encode()


async def _write(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _gone(receive: Receive) -> None:
    """Waits until the viewer disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass
