"""Downloads a published file over HTTP, goes on where an interrupted download ended, and verifies the checksum.

The data is kept in a file beside the target, ``NAME.part``, which is locked during the download and gets its final name
when it is complete. Only the checksum decides whether it is right, so a kept part needs no date and no tag.
"""

from __future__ import annotations

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device import __version__
from graft_device.errors import GraftError, os_reason
from graft_device.system.durable import sync
from graft_device.system.redirections import opener
from graft_host.support.part_file import Part, locked_part
from graft_host.support.progress import Progress

SILENCE_S = 20.0
"""Seconds that a server may send nothing, as behind a firewall that drops packets."""

LEAST = 1 << 16
"""Bytes that a connection must bring to be followed by another one without asking the user."""

_CHUNK = 1 << 18
_MEGA = 1e6


class DownloadError(GraftError):
    """A file could not be downloaded.

    Attributes:
        kept: the number of bytes that the next run goes on after.
    """

    def __init__(self, what: str, remedy: str = "", *, kept: int = 0) -> None:
        super().__init__(what, remedy)
        self.kept = kept


@dataclass(frozen=True)
class Published:
    """A file on a server that never changes.

    Attributes:
        url: an http or https URL.
        size: in bytes.
        md5: of its content, in hex.
    """

    url: str
    size: int
    md5: str


def download(file: Published, target: Path, progress: Progress, on_wait: Callable[[], None]) -> None:
    """Downloads a file unless the target exists.

    Of several processes that download the same file, one works and the others wait for it. One that is killed leaves
    its part, and the next one goes on from there.

    Args:
        file: the file on the server.
        target: where it is stored; its folder must exist.
        progress: called with the numbers of bytes that are here and that the file has.
        on_wait: called once if another process downloads the file.

    Raises:
        DownloadError: the server cannot be reached, fails, or sends another file.
        OSError: the folder cannot be written to, or the disk is full.
    """
    path = target.with_name(f"{target.name}.part")
    while not target.is_file():
        with locked_part(path, on_wait) as part:
            if part is None or target.is_file():
                continue  # another process finished while this one waited
            with _without_empty_part(path):
                _complete(file, part, progress)
            sync(path)
            path.replace(target)
            with contextlib.suppress(OSError):
                sync(target.parent)


@contextlib.contextmanager
def _without_empty_part(path: Path) -> Iterator[None]:
    """Removes a part with nothing in it if the block fails.

    The file itself says so: Ctrl-C may come when bytes have been written but not counted yet.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            if not path.stat().st_size:
                path.unlink()
        raise


def _complete(file: Published, part: Part, progress: Progress) -> None:
    """Fetches what is missing, and all of it again if a part from before turns out to be wrong."""
    kept = part.size
    if kept > file.size:
        part.clear()
    _fetch_rest(file, part, progress)
    if part.md5 != file.md5 and kept:
        part.clear()
        _fetch_rest(file, part, progress)
    if part.md5 != file.md5:
        part.clear()
        raise DownloadError("the server sends a file that is not the one that was published")


def _fetch_rest(file: Published, part: Part, progress: Progress) -> None:
    """Connects until all bytes are here, as long as each connection brings some."""
    part.furthest = part.size
    while part.size < file.size:
        before = part.furthest
        try:
            _connect(file, part, progress)
            reason = f"the connection ended after {part.size / _MEGA:.1f} of {file.size / _MEGA:.1f} MB"
            failure: Exception | None = None
        except _CutError as error:
            reason, failure = str(error), error
        if part.size < file.size and part.furthest < before + LEAST:
            raise DownloadError(reason, kept=part.size) from failure


class _CutError(Exception):
    """A connection failed, and another one may succeed."""


def _connect(file: Published, part: Part, progress: Progress) -> None:
    """Asks for the bytes that are missing, and stores what arrives until the connection ends."""
    headers = {"User-Agent": f"graftkit/{__version__}"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
    request = urllib.request.Request(file.url, headers=headers)  # noqa: S310  the opener refuses what is not http
    with _answer(request, part) as response:
        if response.status == http.client.PARTIAL_CONTENT:
            _check_range(response, file, part)
        else:  # a server without ranges sends everything
            _check_whole(response, file, part)
            part.clear()
        progress(part.size, file.size)
        while data := _read(response, file.size - part.size):
            part.write(data)
            progress(part.size, file.size)


def _answer(request: urllib.request.Request, part: Part) -> Any:
    try:
        return opener().open(request, timeout=SILENCE_S)
    except urllib.error.HTTPError as error:
        with error:
            reason = f"the server answers {error.code} {error.reason}".strip()
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and part.size:
                part.clear()
            raise DownloadError(reason, kept=part.size) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _CutError(_reason(error)) from error


def _check_range(response: Any, file: Published, part: Part) -> None:
    """Raises DownloadError unless the answer is the part that was asked for, of a file of the right size."""
    wanted = f"bytes {part.size}-{file.size - 1}/"
    given = response.headers.get("Content-Range", "").strip()
    if not part.size or given not in {f"{wanted}{file.size}", f"{wanted}*"}:
        part.clear()
        raise DownloadError("the server sends another part of the file than the one that was asked for")


def _check_whole(response: Any, file: Published, part: Part) -> None:
    """Raises DownloadError if the answer is plainly another file; the part from before is kept then."""
    if response.headers.get_content_type() == "text/html":  # such as the log-in page of a hotel's network
        raise DownloadError("the server sends a web page instead of the file", kept=part.size)
    length = response.headers.get("Content-Length")
    if length is not None and length != str(file.size):
        raise DownloadError(f"the server sends a file of {length} bytes, not of {file.size}", kept=part.size)


def _read(response: Any, missing: int) -> bytes:
    """What has arrived, of the bytes that are missing; nothing if there are none, or at the end of the connection."""
    try:
        data: bytes = response.read1(min(_CHUNK, missing))  # read() would wait for all of it
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _CutError(_reason(error)) from error
    return data


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None) or error
    if isinstance(inner, TimeoutError):
        return f"the server sends nothing for {SILENCE_S:g} seconds"
    return os_reason(inner) if isinstance(inner, OSError) else str(inner) or type(inner).__name__
