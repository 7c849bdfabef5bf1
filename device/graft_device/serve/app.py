"""The routes of the HTTP API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graft_device import __version__
from graft_device.errors import PhotoError
from graft_device.runtime import threads_to_use
from graft_device.serve import openapi, pages
from graft_device.serve.guard import Guard, Rules
from graft_device.serve.health import Health
from graft_device.serve.hosts import Hosts
from graft_device.serve.metrics import MEDIA_TYPE as METRICS_TYPE
from graft_device.serve.metrics import Metrics
from graft_device.serve.parameters import read_parameters
from graft_device.serve.photos import Budget, Upload
from graft_device.serve.problems import NO_STORE, ProblemError, busy, http_problem
from graft_device.serve.samples import read_sample, samples
from graft_device.serve.settings import ServeSettings
from graft_device.serve.worker import Classification, FullError, Job, Worker

_MOST_IN_FLIGHT = 48_000_000
"""The bytes of all photos that may be in memory at a time, if two at the limit fit into it."""


class Application:
    """The route handlers, and the state that they share.

    Attributes:
        settings: the options of the command.
        worker: the thread that classifies photos.
        metrics: the counters for Prometheus.
        photos: the number of photos that were classified.
    """

    def __init__(self, settings: ServeSettings, worker: Worker) -> None:
        """Creates the handlers; ``asgi`` gives the application that a server runs."""
        self.settings = settings
        self.worker = worker
        self.metrics = Metrics()
        self.photos = 0
        self._budget = Budget(_bytes_in_flight(settings))
        self._health = Health(worker)
        self._loaded = time.time()

    def asgi(self, loopback: bool, report: Callable[[str], None]) -> Starlette:
        """Creates the ASGI application.

        Args:
            loopback: whether only this machine can reach the server.
            report: called with a line about each internal error.
        """
        routes = [
            Route("/v1/classify", self.classify, methods=["POST"]),
            Route("/v1/model", self.model),
            Route("/v1/sample", self.sample),
            Route("/healthz", self.health),
            Route("/metrics", self.figures),
            Route("/openapi.json", self.openapi),
            *(Route(path, handler) for path, handler in pages.handlers().items()),
        ]
        settings = self.settings
        hosts = Hosts(loopback, settings.token is not None, settings.hosts)
        rules = Rules(settings.token, hosts, settings.origins, frozenset(route.path for route in routes))
        app = Starlette(
            routes=routes,
            middleware=[Middleware(Guard, rules=rules, metrics=self.metrics, report=report)],
            exception_handlers={HTTPException: http_problem},
        )
        app.router.redirect_slashes = False
        return app

    async def classify(self, request: Request) -> Response:
        """Handles ``POST /v1/classify``."""
        labels = len(self.worker.classifier.labels)
        parameters = read_parameters(request.query_params, labels, self.settings.top_k)
        try:
            self.worker.check_room()  # before the photo is read: a refusal must be cheap
            with Upload(request, self.settings.max_bytes, self._budget) as upload:
                photo = await self._in_time(upload.photo())
                job = self.worker.submit(photo, parameters.top_k, parameters.unknown)
                classification = await self._result(request, job)
        except FullError as error:
            raise busy("the queue is full", error.seconds) from None
        except ClientDisconnect:
            return Response(None, 499)
        return self._response(classification)

    async def model(self, _: Request) -> Response:
        """Handles ``GET /v1/model``."""
        classifier, settings = self.worker.classifier, self.settings
        limits = {
            "bytes": settings.max_bytes,
            "pixels": settings.max_pixels,
            "queue": settings.queue,
            "seconds": settings.timeout,
        }
        content = {
            **classifier.model.to_json(),
            "model": settings.model.name,
            "runtime": classifier.runtime,
            "threads": threads_to_use(settings.threads),
            "limits": limits,
            "samples": samples(classifier.model),
            "version": __version__,
        }
        return JSONResponse(content, headers=NO_STORE)

    async def sample(self, request: Request) -> Response:
        """Handles ``GET /v1/sample``."""
        model = self.worker.classifier.model
        data, media_type = await read_sample(self.settings.model, model, request.query_params)
        return Response(data, 200, NO_STORE, media_type=media_type)

    async def health(self, _: Request) -> Response:
        """Handles ``GET /healthz``. The model is run for this only if it has not run recently."""
        await self._health.check()
        age = self.worker.idle_seconds
        queue = {"waiting": self.worker.waiting, "limit": self.worker.limit}
        return JSONResponse(
            {"status": "ok", "last_success_seconds_ago": round(age, 3), "queue": queue}, headers=NO_STORE
        )

    async def figures(self, _: Request) -> Response:
        """Handles ``GET /metrics``."""
        worker = self.worker
        card = worker.classifier.model.card
        gauges = {
            "graft_queue_length": ("Photos in the queue.", float(worker.waiting)),
            "graft_queue_limit": ("Photos that fit into the queue.", float(worker.limit)),
            "graft_last_success_timestamp_seconds": ("When the model last ran, as Unix time.", worker.last_success),
            "graft_model_loaded_timestamp_seconds": ("When the model was opened, as Unix time.", self._loaded),
        }
        model = {
            "model": self.settings.model.name,
            "fingerprint": str(card.backbone.get("fingerprint", "")),
            "quantization": card.quantization,
            "runtime": worker.classifier.runtime,
            "version": __version__,
        }
        return Response(self.metrics.text(gauges, model), 200, NO_STORE, media_type=METRICS_TYPE)

    async def openapi(self, _: Request) -> Response:
        """Handles ``GET /openapi.json``."""
        labels = len(self.worker.classifier.labels)
        default = min(self.settings.top_k, labels)
        return JSONResponse(openapi.document(__version__, labels, default, self.settings.token is not None))

    def reloaded(self, result: str) -> None:
        """Counts an attempt to reopen the model file; ``result`` is ``ok`` or ``failed``."""
        self.metrics.reloads.labels(result=result).inc()
        if result == "ok":
            self._loaded = time.time()

    async def _in_time(self, reading: Any) -> bytes:
        try:
            photo: bytes = await asyncio.wait_for(reading, self.settings.timeout)
        except asyncio.TimeoutError:
            raise ProblemError(
                408, f"the photo did not arrive within {self.settings.timeout:g} seconds", {"Connection": "close"}
            ) from None
        return photo

    async def _result(self, request: Request, job: Job) -> Classification:
        """Waits for a job until it is done, the time is over, or the client disconnects."""
        result: asyncio.Future[Any] = asyncio.wrap_future(job.future)
        disconnected: asyncio.Future[Any] = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait(
                {result, disconnected}, timeout=self.settings.timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if result.done():
                classification: Classification = result.result()
                return classification
            if disconnected.done():
                raise ClientDisconnect
            raise ProblemError(504, f"no answer within {self.settings.timeout:g} seconds")
        except PhotoError as error:
            raise ProblemError(400, str(error)) from None
        except MemoryError:
            raise busy("the photo does not fit into memory", 5) from None
        finally:
            disconnected.cancel()
            result.cancel()
            self.worker.withdraw(job)

    def _response(self, classification: Classification) -> Response:
        timed = classification.timed
        ms = {"preprocess": timed.preprocess_ms, "invoke": timed.invoke_ms, "queue": classification.queue_ms}
        for stage, value in ms.items():
            self.metrics.stages.labels(stage=stage).observe(value / 1e3)
        self.metrics.predictions.labels(label=timed.predictions.label).inc()
        self.photos += 1
        content = {
            "predictions": [{"label": p.label, "score": round(p.score, 6)} for p in timed.predictions],
            "unknown": timed.unknown,
            **({"reason": timed.reason} if timed.unknown else {}),
            "ms": {stage: round(value, 3) for stage, value in ms.items()},
        }
        timing = ", ".join(f"{stage};dur={value:.1f}" for stage, value in ms.items())
        return JSONResponse(content, headers={**NO_STORE, "Server-Timing": timing})


async def _disconnected(request: Request) -> None:
    """Waits until the client disconnects; the request's body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _bytes_in_flight(settings: ServeSettings) -> int:
    """The bytes of all photos that may be in memory at a time: those in the queue, unless these are too many."""
    return max(2 * settings.max_bytes, min(settings.max_bytes * (settings.queue + 2), _MOST_IN_FLIGHT))
