"""Captures what a view shows, for its class: the handler of the buttons *capture for …*."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from graft_device.camera_page.hub import Hub
from graft_device.camera_page.labels import read_capture
from graft_device.camera_page.parts import Parts
from graft_device.capture.store import CaptureError
from graft_device.config.areas import AreaError
from graft_device.errors import PhotoError
from graft_device.serve.problems import NO_STORE, ProblemError

if TYPE_CHECKING:
    from graft_device.camera_page.sighted import Sighted
    from graft_device.capture.store import CaptureStore, KeptPicture

BURST_S = 10.0
"""Seconds that the pictures of one request may take; those that came are kept."""

_NO_ROOM = 507
_LOOK_S = 0.02


class Capturing:
    """The handler of ``POST /v1/views/{view}/capture``."""

    def __init__(self, hub: Hub, parts: Callable[[], Parts]) -> None:
        """Creates the handler.

        Args:
            hub: the newest frames of all views.
            parts: returns what the board has at present.
        """
        self._hub = hub
        self._parts = parts

    async def view(self, request: Request) -> Response:
        """Captures the newest frame of a view, and those that follow for a count above 1."""
        view = request.path_params["view"]
        sighted = self._sighted(view)
        label, count = await read_capture(request)
        store = self._parts().capture
        if store is None:
            raise ProblemError(404, "no pictures are captured here: start the run with --capture DIR")
        if sighted is None:
            raise ProblemError(404, "the view has seen no frame yet")
        if not sighted.present:
            raise ProblemError(404, "the camera gives no picture now")
        saved: list[str] = []
        same = 0
        until = asyncio.get_running_loop().time() + BURST_S
        while sighted is not None:
            kept = await self._kept(store, sighted, label)
            saved += [] if kept is None else [f"{label}/{kept.path.name}"]
            same += kept is None
            if len(saved) + same >= count:
                break
            sighted = await self._following(view, sighted.number, until)
        return JSONResponse({"saved": saved, "same": same}, 201, headers=NO_STORE)

    def _sighted(self, view: str) -> Sighted | None:
        try:
            return self._hub.newest(view)
        except KeyError:
            raise ProblemError(404, "there is no such view; /v1/board lists them") from None

    async def _following(self, view: str, last: tuple[int, int], until: float) -> Sighted | None:
        """The next frame of a view; None if none comes in time, or the settings were read again without the view."""
        while asyncio.get_running_loop().time() < until:
            try:
                sighted = self._hub.newest(view)
            except KeyError:
                return None
            if sighted is None or sighted.number != last:
                return sighted
            await asyncio.sleep(_LOOK_S)
        return None

    async def _kept(self, store: CaptureStore, sighted: Sighted, label: str) -> KeptPicture | None:
        place = sighted.shown.view.id
        try:
            return await asyncio.to_thread(lambda: store.save(sighted.photo(), label, sighted.notes(label), place))
        except (PhotoError, AreaError) as error:
            raise ProblemError(404, f"the picture cannot be read any more ({error.what})") from None
        except CaptureError as error:
            raise ProblemError(_NO_ROOM, str(error)) from None
