"""Downloads a file over HTTP, with limits on its size and on the time."""

from __future__ import annotations

import http.client
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from graft_device import __version__
from graft_device.store.exit_codes import FetchError, writing

SILENCE_S = 30.0
"""Seconds that a server may send nothing."""

HEAD_S = 60.0
"""Seconds for a server to answer, including redirections and headers, however slowly they come in."""

TOTAL_S = 3600.0
"""Seconds for the whole file."""

_CHUNK = 1 << 18
_AGAIN = "try again"
_NOT_FOUND = (403, 404, 410)
"""Object stores answer 403 for a missing file, so as not to reveal which files exist."""


class NotThereError(FetchError):
    """The server has no such file."""


def is_url(text: str) -> bool:
    """Whether a text is a URL that can be downloaded."""
    return text.lower().startswith(("http://", "https://"))


def file_name(url: str) -> str:
    """The last part of a URL's path."""
    return urllib.request.url2pathname(urlsplit(url).path.rpartition("/")[2])


def fetch(url: str, target: Path, limit: int, on_size: Callable[[int], None] = lambda _: None) -> None:
    """Downloads a file.

    Args:
        url: an http or https URL; a redirection from https to http is not followed.
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
        length = response.headers.get("Content-Length", "")
        size = int(length) if length.isdecimal() else None
        if size is not None:
            _check_size(url, size, limit)
            on_size(size)
        with writing(target.parent), target.open("wb") as file:
            done = _copy(url, response, file, limit, until)
    if size is not None and done < size:
        raise _failed(url, f"the connection ended after {done} of {size} bytes", _AGAIN)


def _copy(url: str, response: Any, file: IO[bytes], limit: int, until: float) -> int:
    done = 0
    while chunk := _read(url, response):
        done += len(chunk)
        _check_size(url, done, limit)
        if time.monotonic() > until:
            raise _failed(url, f"it takes longer than {TOTAL_S / 60:.0f} minutes", _AGAIN)
        file.write(chunk)
    return done


def _read(url: str, response: Any) -> bytes:
    try:
        chunk: bytes = response.read1(_CHUNK)  # what has arrived: read() would wait for all of it
    except (OSError, http.client.HTTPException) as error:
        raise _failed(url, _reason(error), _AGAIN) from error
    return chunk


def _check_size(url: str, size: int, limit: int) -> None:
    if size > limit:
        raise _failed(url, f"it is larger than the {limit / 1e6:.0f} MB that a model may have")


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    try:
        request = urllib.request.Request(url, headers={"User-Agent": f"graftkit/{__version__}"})  # noqa: S310  http only
        response = _answer(request)
    except urllib.error.HTTPError as error:
        with error:
            kind = NotThereError if error.code in _NOT_FOUND else FetchError
            raise _failed(url, f"the server answers {error.code} {error.reason}", kind=kind) from error
    except TimeoutError as error:
        raise _failed(url, _reason(error), _AGAIN) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(url, _reason(error)) from error
    with response:
        yield response


def _answer(request: urllib.request.Request) -> Any:
    """The response, once its headers have arrived; urllib limits only each silence."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_opener().open(request, timeout=SILENCE_S))
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


def _opener() -> urllib.request.OpenerDirector:
    """An opener for http and https alone, not ``file:`` or ``ftp:``, wherever a server redirects to."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirections(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows redirections, except from https to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise urllib.error.URLError("it redirects from https to an unencrypted address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _failed(url: str, reason: str, remedy: str = "", kind: type[FetchError] = FetchError) -> FetchError:
    return kind(f"cannot download {url}: {reason}", remedy)


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", None) or error
    text = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return " ".join(str(text).split())
