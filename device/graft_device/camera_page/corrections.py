"""Puts a picture into the folder of the label that a person gave it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from graft_device.camera_page.events import asked, history
from graft_device.camera_page.hub import Hub
from graft_device.camera_page.labels import read_label
from graft_device.camera_page.parts import Parts
from graft_device.camera_page.sighted import notes_of_seen
from graft_device.errors import PhotoError, os_reason
from graft_device.outputs.photo_notes import PhotoNotes
from graft_device.ranking import Prediction
from graft_device.serve.problems import NO_STORE, ProblemError

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource

_NO_ROOM = 507


class Correcting:
    """The handlers of the buttons *this was …*."""

    def __init__(self, hub: Hub, parts: Callable[[], Parts]) -> None:
        """Creates the handlers.

        Args:
            hub: the newest frames of all views.
            parts: returns what the board has at present.
        """
        self._hub = hub
        self._parts = parts

    async def view(self, request: Request) -> Response:
        """Handles ``POST /v1/views/{view}/label``."""
        try:
            sighted = self._hub.newest(request.path_params["view"])
        except KeyError:
            raise ProblemError(404, "there is no such view; /v1/board lists them") from None
        label = await read_label(request)
        if sighted is None:
            raise ProblemError(404, "the view has seen no frame yet")
        seen = sighted.seen
        notes = None if isinstance(seen.photo, bytes) else notes_of_seen(sighted.shown, seen, label)
        return await self._saved(seen.photo, seen.frame.time, label, seen.answer, notes)

    async def event(self, request: Request) -> Response:
        """Handles ``POST /v1/events/{event}/label``."""
        kept, identity = history(self._parts()), request.path_params["event"]
        label = await read_label(request)
        event = await asked(lambda: kept.kept.event(identity))
        if event is None:
            raise ProblemError(404, "there is no such event, or it is no longer kept")
        picture = await asked(lambda: kept.kept.picture(identity))
        if picture is None:
            raise ProblemError(404, "no picture of this event is kept")
        predictions = [Prediction(one["label"], one["score"]) for one in event["predictions"]]
        place = event["source"], event.get("region") or ""
        notes = PhotoNotes(event["time"], *place, label, "", tuple(predictions), event["unknown"])
        answer = await self._saved(picture, event["time"], label, predictions, notes)
        await asked(lambda: kept.correct(identity, label))
        return answer

    async def _saved(
        self,
        photo: PhotoSource,
        time: str,
        label: str,
        predictions: Sequence[Prediction],
        notes: PhotoNotes | None,
    ) -> Response:
        corrections = self._parts().corrections
        if corrections is None:
            raise ProblemError(404, "no photos are kept here: start the run with --save-uncertain DIR")
        try:
            path = await asyncio.to_thread(corrections.save_labelled, photo, time, label, predictions, notes)
        except PhotoError as error:
            raise ProblemError(404, f"the picture cannot be read any more ({error.what})") from None
        except OSError as error:
            raise ProblemError(_NO_ROOM, f"the picture cannot be kept ({os_reason(error)})") from None
        if path is None:
            raise ProblemError(_NO_ROOM, "the picture is larger than the folder may be")
        return JSONResponse({"saved": _short(path)}, 201, headers=NO_STORE)


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
