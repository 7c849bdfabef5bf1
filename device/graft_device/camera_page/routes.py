"""The routes of the page's API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graft_device import __version__
from graft_device.camera_page import openapi
from graft_device.camera_page.capturing import Capturing
from graft_device.camera_page.corrections import Correcting
from graft_device.camera_page.events import Events
from graft_device.camera_page.health import health
from graft_device.camera_page.live import Live, Stage, still
from graft_device.camera_page.metrics import BoardMetrics
from graft_device.camera_page.parts import Parts
from graft_device.serve import pages
from graft_device.serve.guard import Guard, Rules
from graft_device.serve.metrics import MEDIA_TYPE as METRICS_TYPE
from graft_device.serve.problems import NO_STORE, ProblemError, http_problem
from graft_device.sources.base import utc_now

_FOLDER = Path(__file__).with_name("page")
_SHARED = "/shared/"
"""The files of the page of ``graft-device serve`` that both pages use."""


class Application:
    """The route handlers, and the state that they share.

    Attributes:
        stage: what live pictures need.
        parts: what the board has besides cameras; replaced when the settings are read again.
        metrics: the metrics of the run.
    """

    def __init__(self, stage: Stage, parts: Parts, token: bool) -> None:
        """Creates the handlers; ``asgi`` gives the application that a server runs.

        Args:
            stage: what live pictures need.
            parts: what the board has besides cameras.
            token: whether clients must send a token.
        """
        self._token = token
        self.stage = stage
        self.parts = parts
        self.metrics = BoardMetrics(stage.hub, stage.viewers, stage.pictures, lambda: self.parts)
        self._events = Events(lambda: self.parts)
        self._correcting = Correcting(stage.hub, lambda: self.parts)
        self._capturing = Capturing(stage.hub, lambda: self.parts)

    def routes(self) -> list[Route]:
        """All routes, also those of what this board does not have: they answer 404 with the reason."""
        files = {path: handler for path, handler in pages.handlers().items() if path.startswith(_SHARED)}
        files.update(pages.handlers(_FOLDER))
        return [
            Route("/v1/board", self.board),
            Route("/v1/live/{source}", self.live),
            Route("/v1/still/{source}", self.still),
            Route("/v1/views/{view}/label", self._correcting.view, methods=["POST"]),
            Route("/v1/views/{view}/capture", self._capturing.view, methods=["POST"]),
            Route("/v1/events", self._events.page),
            Route("/v1/events/{event}/picture", self._events.picture),
            Route("/v1/events/{event}/thumbnail", self._events.thumbnail),
            Route("/v1/events/{event}/label", self._correcting.event, methods=["POST"]),
            Route("/v1/drift", self.drift),
            Route("/healthz", self.health),
            Route("/openapi.json", self.openapi),
            Route("/metrics", self.figures),
            *(Route(path, handler) for path, handler in files.items()),
        ]

    def asgi(self, rules: Rules, report: Callable[[str], None]) -> Starlette:
        """Creates the ASGI application.

        Args:
            rules: who may use it.
            report: called with a line about each internal error.
        """
        app = Starlette(
            routes=self.routes(),
            middleware=[Middleware(Guard, rules=rules, metrics=self.metrics, report=report)],
            exception_handlers={HTTPException: http_problem},
        )
        app.router.redirect_slashes = False
        return app

    async def board(self, _: Request) -> Response:
        """Handles ``GET /v1/board``."""
        parts, viewers = self.parts, self.stage.viewers
        content = {
            "version": __version__,
            "time": utc_now(),
            "sources": self.stage.hub.board(),
            "models": [model.to_json() for model in self.stage.hub.models],
            "events": parts.events is not None,
            "corrections": parts.corrections is not None,
            "capture": parts.capture is not None,
            "captured": [] if parts.capture is None else await asyncio.to_thread(parts.capture.labels),
            "drift": parts.drift is not None,
            "viewers": {"now": viewers.most, "limit": viewers.limit},
        }
        return JSONResponse(content, headers=NO_STORE)

    async def live(self, request: Request) -> Response:
        """Handles ``GET /v1/live/{source}``."""
        source_id = self._source(request)
        return Live(self.stage, source_id)

    async def still(self, request: Request) -> Response:
        """Handles ``GET /v1/still/{source}``."""
        return Response(await still(self.stage, self._source(request)), 200, NO_STORE, media_type="image/jpeg")

    async def drift(self, _: Request) -> Response:
        """Handles ``GET /v1/drift``."""
        scores = self.parts.drift
        found = [] if scores is None else await asyncio.to_thread(scores.drift)
        return JSONResponse({"models": [drift.to_json() for drift in found]}, headers=NO_STORE)

    async def health(self, _: Request) -> Response:
        """Handles ``GET /healthz``."""
        return JSONResponse(health(self.stage.hub), headers=NO_STORE)

    async def figures(self, _: Request) -> Response:
        """Handles ``GET /metrics``."""
        text = await asyncio.to_thread(self.metrics.registry.text)
        return Response(text, 200, NO_STORE, media_type=METRICS_TYPE)

    async def openapi(self, _: Request) -> Response:
        """Handles ``GET /openapi.json``."""
        return JSONResponse(openapi.document(__version__, self._token))

    def _source(self, request: Request) -> str:
        source_id: Any = request.path_params["source"]
        try:
            self.stage.hub.shot(source_id)
        except KeyError:
            raise ProblemError(404, "there is no such camera; /v1/board lists them") from None
        return str(source_id)
