"""Receives photos from pages: one photo in a request, or an archive of many."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from graft_device.errors import GraftError, os_reason
from graft_device.serve.problems import NO_STORE, ProblemError, response
from graft_host.studio.album.album import Album
from graft_host.studio.album.receiving import MOST_BYTES, Received, receive_archive, receive_photo
from graft_host.studio.album.unpacking import archive_ending

MOST_ARCHIVE_BYTES = 8_000_000_000
"""Of an archive, packed."""

_IDLE_S = 60.0
"""How long a client may send nothing, in seconds."""

_MOST_TEXT = 1000  # characters of a parameter
_CLOSE = {"Connection": "close"}


@dataclass(frozen=True)
class _Upload:
    """What the address of a request contains."""

    label: str
    name: str
    recording: str

    @property
    def ending(self) -> str:
        """That of an archive; empty for a photo."""
        return archive_ending(self.name)

    @property
    def most(self) -> int:
        """The largest body, in bytes."""
        return MOST_ARCHIVE_BYTES if self.ending else MOST_BYTES


def handler(album: Album, idle_s: float = _IDLE_S) -> Callable[[Request], Awaitable[Response]]:
    """What answers ``POST /upload?label=…&name=…&recording=…`` with a file as its body.

    Args:
        album: gets the photos.
        idle_s: how long a client may send nothing, in seconds.
    """
    limiter = anyio.CapacityLimiter(2)

    async def answer(request: Request) -> Response:
        try:
            upload = _read(request)
            async with _written(request, album, upload, idle_s) as path:
                act = receive_archive if upload.ending else receive_photo
                received = await anyio.to_thread.run_sync(
                    act, album, path, upload.name, upload.label, upload.recording, limiter=limiter
                )
            return JSONResponse(_described(received), headers=NO_STORE)
        except ProblemError as problem:
            return response(problem)
        except GraftError as error:
            return response(ProblemError(409, str(error)))
        except ClientDisconnect:
            return Response(status_code=400)

    return answer


def _read(request: Request) -> _Upload:
    texts = {}
    for name in ("label", "name", "recording"):
        texts[name] = request.query_params.get(name, "")
        if len(texts[name]) > _MOST_TEXT:
            raise ProblemError(400, f"{name} must have at most {_MOST_TEXT} characters", _CLOSE)
    return _Upload(**texts)


@contextlib.asynccontextmanager
async def _written(request: Request, album: Album, upload: _Upload, idle_s: float) -> AsyncIterator[Path]:
    """The body as a file, which is removed in the end."""
    _check_length(request, upload)
    folder = await anyio.to_thread.run_sync(lambda: album.incoming.folder)
    path = folder / f"upload-{secrets.token_hex(8)}{upload.ending}"
    try:
        await _write(request, path, upload, idle_s)
        yield path
    finally:
        await anyio.to_thread.run_sync(_remove, path)


async def _write(request: Request, path: Path, upload: _Upload, idle_s: float) -> None:
    try:
        with path.open("xb") as file:
            size = await _copy(request, file, upload, idle_s)
    except OSError as error:  # also from closing the file, which writes what small photos have left in its buffer
        raise ProblemError(507, f"cannot write {upload.name!r}: {os_reason(error)}", _CLOSE) from error
    if size == 0:
        raise ProblemError(400, "the body is empty; send a photo")


async def _copy(request: Request, file: BinaryIO, upload: _Upload, idle_s: float) -> int:
    """Writes the body into a file; returns its size in bytes."""
    size = 0
    chunks = request.stream().__aiter__()
    while True:
        try:
            chunk = await asyncio.wait_for(chunks.__anext__(), idle_s)
        except StopAsyncIteration:
            return size
        except asyncio.TimeoutError:
            raise ProblemError(408, "the photo did not arrive in time", _CLOSE) from None
        size += len(chunk)
        if size > upload.most:
            raise _too_large(upload)
        await anyio.to_thread.run_sync(file.write, chunk)


def _check_length(request: Request, upload: _Upload) -> None:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > upload.most:
        raise _too_large(upload)


def _too_large(upload: _Upload) -> ProblemError:
    return ProblemError(413, f"{upload.name or 'it'} is larger than {upload.most / 1e6:,.0f} MB", _CLOSE)


def _described(received: Received) -> dict[str, object]:
    refused = [{"name": one.name, "reason": one.reason} for one in received.refused]
    return {"added": received.added, "twins": received.twins, "refused": refused}


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    shutil.rmtree(path.with_name(f"{path.name}.d"), ignore_errors=True)
