"""Fetches the still picture of a network camera over HTTP, within limits of size and time."""

from __future__ import annotations

import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from graft_device import __version__
from graft_device.sources.base import SourceError
from graft_device.system.redirections import opener
from graft_device.system.urls import hide

SILENCE_S = 10.0
"""Seconds that a camera may send nothing."""

TOTAL_S = 20.0
"""Seconds for one picture, however slowly it comes in."""

MAX_BYTES = 32_000_000
"""The largest picture, in bytes."""

_CHUNK = 1 << 16
_REASON_LENGTH = 200
_NOT_MODIFIED = 304
_PARTS = "multipart/x-mixed-replace"
_PART_HEAD = 4096
_SOI = b"\xff\xd8\xff"
_UNNAMED = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"RIFF")


class NotAPictureError(SourceError):
    """The answer is something else, such as a stream or a page. ``what`` says what it is.

    Attributes:
        page: whether it is text, such as the page of a camera that is starting.
        odd: whether it is a stream of JPEGs whose parts have not the headers that FFmpeg needs to find them.
    """

    page = odd = False


class UntrustedError(SourceError):
    """The server's certificate is not trusted."""


@dataclass(frozen=True)
class _Picture:
    data: bytes
    conditions: dict[str, str]


class PictureUrl:
    """The URL of a still picture. The picture is not sent again while the server reports that it has not changed."""

    def __init__(self, url: str, name: str) -> None:
        """Connects to nothing.

        Args:
            url: an http or https URL, perhaps with a user and a password.
            name: the URL without user, password and query, for errors.

        Raises:
            SourceError: it is not a URL.
        """
        self._name = name
        self._given = url
        self._last: _Picture | None = None
        try:
            parts = urlsplit(url)
            self._url = urlunsplit(parts._replace(netloc=_without_user(parts), fragment=""))
            self._opener = _opener(self._url, parts)
        except ValueError as error:
            raise SourceError(f"the URL of {name} cannot be read ({hide(str(error), url).lower()})") from error

    def fetch(self) -> bytes:
        """Returns the picture's file.

        Raises:
            NotAPictureError: the server answers with something else, of which little has been read.
            UntrustedError: the server's certificate is not trusted.
            SourceError: there is no answer, or it is an error, cut short, too large or too slow.
        """
        headers = {"User-Agent": f"graftkit/{__version__}", **(self._last.conditions if self._last else {})}
        request = urllib.request.Request(self._url, headers=headers)  # noqa: S310  http and https alone, see _opener
        try:
            with self._opener.open(request, timeout=SILENCE_S) as response:
                self._last = _Picture(self._read(response), _conditions(response.headers))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != _NOT_MODIFIED or self._last is None:
                answer = " ".join(hide(str(error.reason), self._given).split())[:_REASON_LENGTH]
                raise self._failed(f"the server answers {error.code} {answer}".strip()) from error
        except http.client.IncompleteRead as error:
            raise self._failed("the picture is cut short") from error
        except http.client.HTTPException as error:
            raise NotAPictureError(f"{self._name} does not speak HTTP as a web server does") from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise UntrustedError(
                    f"the certificate of {self._name} is not trusted", "name it in $SSL_CERT_FILE, or use http://"
                ) from error
            raise self._failed(hide(_text(reason), self._given)) from error
        return self._last.data

    def _read(self, response: Any) -> bytes:
        kind = response.headers.get_content_type() if response.headers.get("Content-Type") else ""
        length = response.headers.get("Content-Length", "")
        if not kind.startswith("image/") and not (kind in _UNNAMED and length):
            error = NotAPictureError(f"{self._name} gives {kind or 'data without a type'} instead of a picture")
            error.page = kind.startswith("text/")
            error.odd = kind == _PARTS and _is_odd(_beginning(response))
            raise error
        if length.isdecimal() and len(length) > len(str(MAX_BYTES)):
            raise self._failed(f"the picture is larger than {MAX_BYTES / 1e6:.0f} MB")
        data, until = bytearray(), time.monotonic() + TOTAL_S
        while chunk := response.read1(_CHUNK):
            data += chunk
            if kind in _UNNAMED and not data.startswith(_SIGNATURES):
                raise NotAPictureError(f"{self._name} gives {kind or 'data without a type'} instead of a picture")
            if len(data) > MAX_BYTES:
                raise self._failed(f"the picture is larger than {MAX_BYTES / 1e6:.0f} MB")
            if time.monotonic() > until:
                raise self._failed(f"the picture takes longer than {TOTAL_S:.0f} seconds")
        if length.isdecimal() and len(data) < int(length):
            raise self._failed("the picture is cut short")
        return bytes(data)

    def _failed(self, reason: str) -> SourceError:
        return SourceError(f"cannot read {self._name}: {reason}")


class _Digest(urllib.request.HTTPDigestAuthHandler):
    """Answers a digest challenge, and closes the refused answer, which urllib leaves open."""

    def http_error_401(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        fp.close()
        return super().http_error_401(req, fp, code, msg, headers)


def _beginning(response: Any) -> bytes:
    """The headers of the first part of a stream of JPEGs."""
    data = bytearray()
    while len(data) < _PART_HEAD and _SOI not in data and (chunk := response.read1(_PART_HEAD)):
        data += chunk
    return bytes(data).partition(_SOI)[0]


def _is_odd(head: bytes) -> bool:
    """Whether a part has no length, or no type that FFmpeg knows; its lines must end with CR and LF."""
    lines = [line.strip().lower() for line in head.split(b"\r\n")]
    typed = any(re.fullmatch(rb"content-type\s*:\s*image/jpeg", line) for line in lines)
    return not typed or not any(re.fullmatch(rb"content-length\s*:\s*\d+", line) for line in lines)


def _opener(url: str, parts: SplitResult) -> urllib.request.OpenerDirector:
    """An opener for http and https alone; the user and the password are sent only to the host of the URL."""
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        passwords.add_password(None, url, unquote(parts.username), unquote(parts.password or ""))
    return opener(_Digest(passwords), urllib.request.HTTPBasicAuthHandler(passwords))


def _without_user(parts: SplitResult) -> str:
    _ = parts.port  # raises ValueError where it is not a number
    return parts.netloc.rpartition("@")[2]


def _conditions(headers: Any) -> dict[str, str]:
    """The headers of the next request, with which the server need not send the same picture again."""
    pairs = {"If-None-Match": headers.get("ETag"), "If-Modified-Since": headers.get("Last-Modified")}
    return {name: value for name, value in pairs.items() if value}


def _text(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"no data for {SILENCE_S:g} seconds"
    return " ".join(str(getattr(reason, "strerror", None) or reason).split()).lower()
