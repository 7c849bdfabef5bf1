"""Posts to a URL: http and https alone, certificates checked, no redirections, and an end to every wait."""

from __future__ import annotations

import base64
import contextlib
import email.utils
import http.client
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from graft_device import __version__
from graft_device.actions.action_error import ActionError
from graft_device.system.urls import credentials, scheme

CONNECT_S = 10.0
"""The longest wait for a connection, in seconds."""

_OK, _MULTIPLE = 200, 300
_SAFE = "%/:=&?~+!$,;'@()*[]"


@dataclass(frozen=True)
class PostUrl:
    """Where to post.

    Attributes:
        url: without user and password.
        host: host and port, for notes: the path of a webhook is often a secret.
        authorization: the ``Authorization`` header; None without a user.
    """

    url: str = field(repr=False)
    host: str
    authorization: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PostAnswer:
    """What a server answered.

    Attributes:
        status: the status code.
        reason: the text beside it.
        retry_after: the seconds after which the server wants to be asked again; None if it names none.
    """

    status: int
    reason: str
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        """Whether the server has taken it: 200 to 299."""
        return _OK <= self.status < _MULTIPLE


class PostError(Exception):
    """There is no answer. The text is the reason, without the URL."""


class Poster:
    """Posts to one URL, each time over a new connection."""

    def __init__(self, to: PostUrl, timeout: float) -> None:
        """Loads the trusted certificates: those of the system, or of ``$SSL_CERT_FILE``.

        Args:
            to: the address.
            timeout: the seconds that sending and answering may take once the connection is open.
        """
        self._to = to
        self._timeout = timeout
        self._context = ssl.create_default_context() if scheme(to.url) == "https" else None

    def post(self, body: bytes, headers: Mapping[str, str]) -> PostAnswer:
        """Posts a body. Reads no more of the answer than its head.

        Args:
            body: what to send.
            headers: besides those of every request.

        Raises:
            PostError: there is no answer.
        """
        named = {"User-Agent": f"graftkit/{__version__}", **headers}
        if self._to.authorization is not None:
            named["Authorization"] = self._to.authorization
        request = urllib.request.Request(self._to.url, body, named, method="POST")  # noqa: S310  http or https
        deadline = _Deadline(self._timeout)
        try:
            with _opener(deadline, self._context).open(request, timeout=min(self._timeout, CONNECT_S)) as response:
                if deadline.over:  # where it was cut off, the head of the answer seems to end
                    raise PostError(f"no answer within {self._timeout:g} seconds")
                return PostAnswer(response.status, _one_line(response.reason))
        except urllib.error.HTTPError as error:
            error.close()
            return PostAnswer(error.code, _one_line(error.reason), _retry_after(error.headers.get("Retry-After") or ""))
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise PostError(f"no answer within {self._timeout:g} seconds" if deadline.over else _why(error)) from error
        finally:
            deadline.cancel()


def parse_post_url(url: str) -> PostUrl:
    """Reads an http or https URL; a user and a password in it become an ``Authorization`` header.

    Raises:
        ActionError: it cannot be used. The message contains no part of it.
    """
    wrong = ActionError("the URL cannot be read", "give one that begins with https:// or http:// and a host")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        name = f"[{host}]" if ":" in host else host.encode("idna").decode()
    except (ValueError, UnicodeError) as error:
        raise wrong from error
    if scheme(url) not in {"http", "https"} or not name or any(letter <= " " for letter in url):
        raise wrong
    place = name if port is None else f"{name}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    user = credentials(url)
    basic = None if user is None else "Basic " + base64.b64encode(":".join(user).encode()).decode()
    return PostUrl(
        f"{scheme(url)}://{place}{quote(parts.path or '/', safe=_SAFE)}{quote(query, safe=_SAFE)}", place, basic
    )


class _Deadline:
    """Shuts a connection down when an answer takes too long in all: each wait for a byte has a limit of its own."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._seconds = seconds
        self._timer: threading.Timer | None = None

    def watch(self, sock: socket.socket) -> None:
        """Starts the time for a connection that has just been opened."""
        sock.settimeout(self._seconds)
        self._timer = threading.Timer(self._seconds, self._shut, (sock,))
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Ends the time."""
        if self._timer is not None:
            self._timer.cancel()

    def _shut(self, sock: socket.socket) -> None:
        self.over = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # under TLS, too, without a goodbye that may block


class _Http(http.client.HTTPConnection):
    def __init__(self, *args: Any, deadline: _Deadline, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline = deadline

    def connect(self) -> None:
        super().connect()
        self._deadline.watch(self.sock)


class _Https(http.client.HTTPSConnection):
    def __init__(self, *args: Any, deadline: _Deadline, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline = deadline

    def connect(self) -> None:
        super().connect()
        self._deadline.watch(self.sock)


class _HttpHandler(urllib.request.HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Http, deadline=self._deadline), req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def __init__(self, deadline: _Deadline, context: ssl.SSLContext | None) -> None:
        super().__init__(context=context)
        self._deadline = deadline
        self._trusted = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Https, deadline=self._deadline, context=self._trusted), req)


def _opener(deadline: _Deadline, context: ssl.SSLContext | None) -> urllib.request.OpenerDirector:
    """An opener that follows no redirection: a POST that is sent on becomes a GET, and the event is lost."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _HttpHandler(deadline),
        _HttpsHandler(deadline, context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        director.add_handler(handler)
    return director


def _retry_after(text: str) -> float | None:
    """The seconds of a ``Retry-After`` header (RFC 9110, 10.2.3); None if it has none."""
    if text.strip().isdecimal():
        return float(text)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    return None


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "its certificate is not trusted (name one to trust in $SSL_CERT_FILE)"
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, http.client.RemoteDisconnected):
        return "it closed the connection without an answer"
    if isinstance(reason, http.client.HTTPException):
        return "it does not speak HTTP as a web server does"
    return _one_line(getattr(reason, "strerror", None) or reason).lower()


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:100]
