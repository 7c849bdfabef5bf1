"""The routes of the events that are kept, and of their pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from graft_device.camera_page.event_parameters import read_event_query
from graft_device.camera_page.parts import Parts
from graft_device.errors import GraftError
from graft_device.serve.problems import NO_STORE, ProblemError, busy

if TYPE_CHECKING:
    from graft_device.history.sink import KeptEvents

_Answer = TypeVar("_Answer")
_RETRY_S = 5

_KEEP = {"Cache-Control": "private, max-age=86400, immutable"}
"""The picture of an event never changes."""


class Events:
    """The handlers of ``/v1/events``; each question to the database is asked in a thread."""

    def __init__(self, parts: Callable[[], Parts]) -> None:
        """Creates the handlers.

        Args:
            parts: returns what the board has at present.
        """
        self._parts = parts

    async def page(self, request: Request) -> Response:
        """Handles ``GET /v1/events``."""
        kept = history(self._parts()).kept
        query = read_event_query(request.query_params)
        found = await asked(lambda: kept.page(query))
        return JSONResponse({"events": list(found.events), "next": found.next}, headers=NO_STORE)

    async def picture(self, request: Request) -> Response:
        """Handles ``GET /v1/events/{event}/picture``."""
        kept, event = history(self._parts()).kept, request.path_params["event"]
        return _jpeg(await asked(lambda: kept.picture(event)))

    async def thumbnail(self, request: Request) -> Response:
        """Handles ``GET /v1/events/{event}/thumbnail``."""
        kept, event = history(self._parts()).kept, request.path_params["event"]
        return _jpeg(await asked(lambda: kept.thumbnail(event)))


def history(parts: Parts) -> KeptEvents:
    """The events that are kept.

    Raises:
        ProblemError: 404, none are.
    """
    if parts.events is None:
        raise ProblemError(404, "no events are kept here: start the run with --keep-events DIR")
    return parts.events


async def asked(question: Callable[[], _Answer]) -> _Answer:
    """Asks the history in a thread.

    Raises:
        ProblemError: 503, it cannot be read now.
    """
    try:
        return await asyncio.to_thread(question)
    except GraftError as error:
        raise busy(error.what, _RETRY_S) from None


def _jpeg(data: bytes | None) -> Response:
    if data is None:
        raise ProblemError(404, "no picture of such an event is kept")
    return Response(data, 200, _KEEP, media_type="image/jpeg")
