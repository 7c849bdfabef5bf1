"""Downloads a file over HTTP, with limits on its size and on the time."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import queue
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Union
from urllib.parse import urlsplit

from graft_device import __version__
from graft_device.store.exit_codes import FetchError, writing
from graft_device.system.redirections import opener
from graft_device.system.urls import credentials, hide, scheme, shown, without_credentials

SILENCE_S = 30.0
"""Seconds that a server may send nothing."""

HEAD_S = 60.0
"""Seconds for a server to answer, including redirections and headers, however slowly they come in."""

PACE_S = 60.0
"""Seconds in which a few kilobytes have to arrive."""

TOTAL_S = 3600.0
"""Seconds for the whole file."""

_CHUNK = 1 << 18
_QUEUED = 4
_POLL_S = 0.1
_AGAIN = "try again"
_SCHEMES = ("http", "https")
_SIZE = re.compile(r"[0-9]{1,18}")
_LEAST = 16_384
"""Bytes that have to arrive in ``PACE_S`` seconds, or the server counts as one that never ends."""

_REASON_LENGTH = 200
_REDIRECTIONS = (301, 302, 303, 307, 308)
_NOT_FOUND = (403, 404, 410)
"""Object stores answer 403 for a missing file, so as not to reveal which files exist."""


_Pieces = queue.Queue[Union[bytes, BaseException]]


class NotThereError(FetchError):
    """The server has no such file."""


def is_url(text: str) -> bool:
    """Whether a text is a URL that can be downloaded."""
    return scheme(text) in _SCHEMES


def file_name(url: str) -> str:
    """The last part of a URL's path."""
    return urllib.request.url2pathname(urlsplit(url).path.rpartition("/")[2])


def fetch(url: str, target: Path, limit: int, on_size: Callable[[int], None] = lambda _: None) -> None:
    """Downloads a file.

    Args:
        url: an http or https URL, perhaps with user and password, which only its own host gets and no message
            contains; a redirection from https to http is not followed.
        target: the file to write; after an error its contents are useless.
        limit: the largest size in bytes.
        on_size: called with the size, if the server gives it, before anything is written; may raise.

    Raises:
        FetchError: the file did not arrive completely.
        NotThereError: the server has no such file.
        StoreError: the target cannot be written.
    """
    until = time.monotonic() + TOTAL_S
    with _opened(url) as response:
        size = _announced(url, response)
        if size is not None:
            _check_size(url, size, limit)
            on_size(size)
        with writing(target.parent), target.open("wb") as file, _pieces(response) as pieces:
            done = _copy(url, pieces, file, limit, until)
    if size is not None and done < size:
        raise _failed(url, f"the connection ended after {done} of {size} bytes", _AGAIN)


def _announced(url: str, response: Any) -> int | None:
    """The size that the server gives; None if it gives none."""
    if response.chunked:
        return None
    lengths = {each.strip() for text in response.headers.get_all("Content-Length", ()) for each in text.split(",")}
    if not lengths:
        return None
    if len(lengths) > 1:
        raise _failed(url, "the server gives several sizes of the file")
    (length,) = lengths
    if not _SIZE.fullmatch(length):
        raise _failed(url, "the server gives a size of the file that is not a number or far too large")
    return int(length)


def _copy(url: str, pieces: _Pieces, file: IO[bytes], limit: int, until: float) -> int:
    done, mark, since = 0, 0, time.monotonic()
    while True:
        now = time.monotonic()
        if now > until:
            raise _failed(url, f"it takes longer than {TOTAL_S / 60:.0f} minutes", _AGAIN)
        if now > since + PACE_S:
            if done < mark + _LEAST:
                raise _failed(url, f"only {done - mark} bytes came in {PACE_S:g} seconds", _AGAIN)
            mark, since = done, now
        try:
            chunk = pieces.get(timeout=max(0.0, min(until, since + PACE_S) - now) + 0.01)
        except queue.Empty:
            continue
        if isinstance(chunk, BaseException):
            raise _failed(url, _reason(chunk, url), _AGAIN) from chunk
        if not chunk:
            return done
        done += len(chunk)
        _check_size(url, done, limit)
        file.write(chunk)


@contextmanager
def _pieces(response: Any) -> Iterator[_Pieces]:
    """What arrives, piece by piece, then an empty piece or an error.

    A thread reads it, since the head of a chunk may never end. The end of the block ends the connection.
    """
    pieces: _Pieces = queue.Queue(_QUEUED)
    ended = threading.Event()
    handle = None if response.isclosed() else os.dup(response.fileno())  # closed: a file of 0 bytes

    def read() -> None:
        piece: bytes | BaseException = b"begin"
        while piece and not isinstance(piece, BaseException) and not ended.is_set():
            try:
                piece = response.read1(_CHUNK)  # what has arrived: read() would wait for all of it
            except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
                piece = error  # the last two from a response that was closed meanwhile
            while not ended.is_set():
                with contextlib.suppress(queue.Full):
                    pieces.put(piece, timeout=_POLL_S)
                    break

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield pieces
    finally:
        ended.set()
        if handle is not None:
            with contextlib.suppress(OSError), socket.socket(fileno=handle) as connection:
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(SILENCE_S)


def _check_size(url: str, size: int, limit: int) -> None:
    if size > limit:
        raise _failed(url, f"it is larger than the {limit / 1e6:.0f} MB that a model may have")


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    try:
        response = _answer(_request(url))
    except urllib.error.HTTPError as error:
        with error:
            kind = NotThereError if error.code in _NOT_FOUND else FetchError
            if error.code in _REDIRECTIONS and "infinite loop" in str(error.reason):
                raise _failed(url, "it redirects in a circle, or too often") from error
            raise _failed(
                url, f"the server answers {error.code} {_line(str(error.reason), url)}".strip(), kind=kind
            ) from error
    except TimeoutError as error:
        raise _failed(url, _reason(error, url), _AGAIN) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(url, _reason(error, url)) from error
    with response:
        yield response


def _request(url: str) -> urllib.request.Request:
    request = urllib.request.Request(  # noqa: S310  http only
        without_credentials(url), headers={"User-Agent": f"graftkit/{__version__}"}
    )
    if known := credentials(url):
        token = base64.b64encode(":".join(known).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")  # for this host alone
    return request


def _answer(request: urllib.request.Request) -> Any:
    """The response, once its headers have arrived; urllib limits only each silence."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(opener().open(request, timeout=SILENCE_S))
        except BaseException as error:  # noqa: BLE001  raised below
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=HEAD_S)
    except queue.Empty:
        raise TimeoutError(f"the server does not answer within {HEAD_S:g} seconds") from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _failed(url: str, reason: str, remedy: str = "", kind: type[FetchError] = FetchError) -> FetchError:
    return kind(f"cannot download {shown(url)}: {reason}", remedy)


def _reason(error: BaseException, url: str) -> str:
    inner = getattr(error, "reason", None) or error
    return _line(str(getattr(inner, "strerror", None) or str(inner) or type(inner).__name__), url)


def _line(text: str, url: str) -> str:
    """A server's or library's text as one short line without secrets."""
    line = " ".join(hide(text, url).split())
    return line if len(line) <= _REASON_LENGTH else f"{line[:_REASON_LENGTH]}…"
