"""The pictures of the studio's pages: thumbnails, and photos as JPEGs whatever they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from graft_device.errors import GraftError
from graft_device.runtime import threads_to_use
from graft_device.serve.problems import ProblemError, response
from graft_host.studio.album.album import Album
from graft_host.studio.album.listing import version_of

Handler = Callable[[Request], Awaitable[Response]]

_KEPT = "private, max-age=31536000, immutable"
"""For an address with the version that a photo has: another content has another address."""

_ASKED_AGAIN = "private, no-cache"


def routes(album: Album) -> dict[str, Handler]:
    """The handlers by path.

    Args:
        album: the photos.
    """
    limiter = anyio.CapacityLimiter(max(2, threads_to_use(None)))

    def handler(picture: Callable[[str], bytes]) -> Handler:
        async def answer(request: Request) -> Response:
            photo_id = request.path_params["photo_id"]
            try:
                async with limiter:
                    if await request.is_disconnected():  # a person who scrolls on does not wait for it any more
                        return Response(status_code=499)
                    path = await anyio.to_thread.run_sync(album.path, photo_id)
                    return await _answered(request, path, picture, photo_id)
            except (GraftError, OSError) as error:
                return response(ProblemError(404, str(error)))

        return answer

    return {
        "/media/thumbnails/{photo_id:path}": handler(album.thumbnail),
        "/media/photos/{photo_id:path}": handler(album.picture),
    }


async def _answered(request: Request, path: Path, picture: Callable[[str], bytes], photo_id: str) -> Response:
    version = version_of(await anyio.to_thread.run_sync(path.stat))
    kept = request.query_params.get("v") == version
    headers = {"ETag": f'"{version}"', "Cache-Control": _KEPT if kept else _ASKED_AGAIN}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    data = await anyio.to_thread.run_sync(picture, photo_id)
    return Response(data, headers=headers, media_type="image/jpeg")
