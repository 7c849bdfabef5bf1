"""What the page that tries a model asks for: answers to photos and frames, the reasons for them, and to keep one."""

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
from graft_host.studio.album.album import Album
from graft_host.studio.server.streaming import streamed
from graft_host.studio.trials.keeping import Said, keep
from graft_host.studio.trials.nearest import NearestPhotos, Progress
from graft_host.studio.trials.reasons import picture_map
from graft_host.studio.trials.trials import Trials

MOST_BYTES = 64_000_000
"""Of a photo that is tried."""

_MOST_HELD = 3 * MOST_BYTES
_THREADS, _LONG_THREADS = 6, 4

Result = TypeVar("Result")
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Requests:
    """What the handlers share.

    Attributes:
        budget: of the memory for the bodies of requests.
        threads: in which requests are answered, so that pages go on.
        long: in which reasons are found, so that answers go on.
    """

    budget: Budget
    threads: ThreadPoolExecutor
    long: ThreadPoolExecutor

    async def photo(self, request: Request) -> bytes:
        """The photo in a request's body; raises ProblemError if it is too large or of another type."""
        with Upload(request, MOST_BYTES, self.budget) as upload:
            return await upload.photo()

    async def work(self, act: Callable[[], Result]) -> Result:
        """Does something in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, act)


def routes(trials: Trials, album: Album) -> list[Route]:
    """The routes of the page.

    Args:
        trials: the models.
        album: the photos.
    """
    shared = Requests(
        Budget(_MOST_HELD), ThreadPoolExecutor(_THREADS, "graft-try"), ThreadPoolExecutor(_LONG_THREADS, "graft-why")
    )
    compared = NearestPhotos(trials, album)

    async def model(request: Request) -> Response:
        name = _name(request)
        return JSONResponse(_shown(await shared.work(lambda: trials.describe(name))), headers=NO_STORE)

    async def answer(request: Request) -> Response:
        name = _name(request)
        photo = await shared.photo(request)
        return JSONResponse(await shared.work(lambda: trials.classify(name, photo)), headers=NO_STORE)

    async def nearest(request: Request) -> Response:
        name, picture = _name(request), await shared.photo(request)

        def find(progress: Progress, stopped: Callable[[], bool]) -> list[dict[str, Any]]:
            return [one.to_json() for one in compared.find(name, picture, progress, stopped)]

        return streamed(shared.long, find)

    async def places(request: Request) -> Response:
        name, picture = _name(request), await shared.photo(request)
        return streamed(shared.long, lambda progress, stopped: picture_map(trials, name, picture, progress, stopped))

    async def kept(request: Request) -> Response:
        values = request.query_params
        said = Said(_name(request), values.get("label", ""), values.get("name", ""))
        picture = await shared.photo(request)
        photo = await shared.work(lambda: keep(trials, album, picture, said))
        return JSONResponse({"id": None if photo is None else photo.id}, headers=NO_STORE)

    async def taken_back(request: Request) -> Response:
        photo_id = request.query_params.get("id", "")
        return JSONResponse({"moved": await shared.work(lambda: album.delete([photo_id]))}, headers=NO_STORE)

    handlers = {"answer": answer, "nearest": nearest, "places": places, "keep": kept, "take-back": taken_back}
    posts = [Route(f"/try/{path}", _answering(handler), methods=["POST"]) for path, handler in handlers.items()]
    return [Route("/try/model", _answering(model)), *posts]


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
        "card": {**kept, "accuracy": accuracy.get("shipped")}, "compares": description["compares"],
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
