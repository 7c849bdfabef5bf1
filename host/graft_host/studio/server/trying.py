"""What the page that tries a model asks for: answers to photos and to the frames of a camera."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graft_device.errors import GraftError, PhotoError
from graft_device.serve.photos import Budget, Upload
from graft_device.serve.problems import NO_STORE, ProblemError, response
from graft_host.studio.trials.trials import Trials

MOST_BYTES = 64_000_000
"""Of a photo that is tried."""

_MOST_HELD = 3 * MOST_BYTES
_THREADS = 6
_MOST_WAITING = 24
"""Requests at a time: each window has one camera frame under way, and one of its photos."""

Result = TypeVar("Result")
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Requests:
    """What the handlers share.

    Attributes:
        budget: of the memory for the bodies of requests.
        threads: in which requests are answered, so that pages go on.
    """

    budget: Budget
    threads: ThreadPoolExecutor

    async def photo(self, request: Request) -> bytes:
        """The photo in a request's body; raises ProblemError if it is too large or of another type."""
        with Upload(request, MOST_BYTES, self.budget) as upload:
            return await upload.photo()

    async def work(self, act: Callable[[], Result]) -> Result:
        """Does something in a thread; raises ProblemError if too much is waiting."""
        if self.threads._work_queue.qsize() > _MOST_WAITING:  # noqa: SLF001  it has no public size
            raise ProblemError(503, "the studio is busy; try again", {"Retry-After": "1"})
        return await asyncio.get_running_loop().run_in_executor(self.threads, act)


def routes(trials: Trials) -> list[Route]:
    """The routes of the page."""
    shared = Requests(Budget(_MOST_HELD), ThreadPoolExecutor(_THREADS, "graft-try"))

    async def model(request: Request) -> Response:
        name = _name(request)
        return JSONResponse(_shown(await shared.work(lambda: trials.describe(name))), headers=NO_STORE)

    async def answer(request: Request) -> Response:
        name = _name(request)
        photo = await shared.photo(request)
        return JSONResponse(await shared.work(lambda: trials.classify(name, photo)), headers=NO_STORE)

    return [
        Route("/try/model", _answering(model)),
        Route("/try/answer", _answering(answer), methods=["POST"]),
    ]


def _name(request: Request) -> str:
    return request.query_params.get("model", "")


def _shown(description: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of a model; a card may have megabytes."""
    card = description["card"]
    kept = {key: card.get(key) for key in ("tap", "image_size", "resize", "quantization", "thresholds")}
    kept["backbone"] = {"name": card["backbone"].get("name")}
    accuracy = card["training"].get("accuracy") or {}
    return {
        "labels": description["labels"], "bytes": description["bytes"], "runtime": description["runtime"],
        "card": {**kept, "accuracy": accuracy.get("shipped")}, "compares": description["bottleneck"] is not None,
    }  # fmt: skip


def _answering(handle: Handler) -> Handler:
    """A handler that answers errors as problems: 400 for a photo, 422 for a model or anything else that is refused."""

    async def answered(request: Request) -> Response:
        try:
            return await handle(request)
        except ProblemError as problem:
            return response(problem)
        except ClientDisconnect:
            return Response(None, 499)
        except PhotoError as error:
            return response(ProblemError(400, str(error)))
        except GraftError as error:
            return response(ProblemError(422, str(error)))

    return answered
