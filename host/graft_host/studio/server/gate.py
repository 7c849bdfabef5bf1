"""Middleware in front of everything, WebSockets too: decides by Host, Origin and cookie who may use the studio."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graft_device.serve.hosts import Hosts
from graft_device.serve.problems import ProblemError
from graft_host.studio.server.refusal import refusal

_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""NiceGUI writes scripts into its pages, and Vue compiles templates in the browser."""

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
_OPEN = ("/enter", "/shared/", "/session")
"""Where a browser needs no cookie: what lets it in."""

_SAFE = {"GET", "HEAD"}
_NEAR = {"same-origin", "none"}
_STREAMED = ("/upload",)
"""What counts the bytes of its bodies itself."""

_MOST_BYTES = 64_000_000
"""Of any other body, once a browser has its cookie."""

_MOST_OPEN_BYTES = 10_000


@dataclass(frozen=True)
class Pass:
    """What a browser shows to be let in.

    Attributes:
        cookie: the name of the cookie.
        token: what it contains.
        encrypted: whether it is sent through encrypted connections alone.
    """

    cookie: str
    token: str
    encrypted: bool

    def shown(self, headers: Headers) -> bool:
        """Whether a request has the cookie."""
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except CookieError:
            return False
        given = jar[self.cookie].value if self.cookie in jar else ""
        return hmac.compare_digest(given.encode(), self.token.encode())


class Gate:
    """ASGI middleware that passes on permitted requests only."""

    def __init__(self, app: ASGIApp, hosts: Hosts, wanted: Pass, report: Callable[[str], None]) -> None:
        """Wraps an application.

        Args:
            app: the application.
            hosts: the host names that the server accepts.
            wanted: what each request must show.
            report: called with a line about each internal error.
        """
        self._app = app
        self._hosts = hosts
        self._pass = wanted
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(scope, Headers(scope=scope))
        except ProblemError as problem:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:100]})
            else:
                await refusal(scope, problem)(scope, receive, send_on)
            return
        try:
            await self._app(scope, receive, send_on)
        except Exception as error:  # noqa: BLE001  a bug, but the studio continues
            self._report(f"error: unexpected {type(error).__name__} at {scope['path']}: {error}")
            if not started and scope["type"] == "http":
                await refusal(scope, ProblemError(500, "internal server error"))(scope, receive, send_on)

    def _check(self, scope: Scope, headers: Headers) -> None:
        reason = self._hosts.refusal(headers.get("host", ""))
        if reason is not None:
            raise ProblemError(421, reason)
        if _of_another_site(scope, headers):
            raise ProblemError(403, "pages of other sites may not use the studio")
        opened = scope["path"].startswith(_OPEN)
        if not opened and not self._pass.shown(headers):
            raise ProblemError(401, "open the address that 'graft studio' printed")
        if scope["type"] == "http" and not scope["path"].startswith(_STREAMED):
            _check_body(headers, _MOST_OPEN_BYTES if opened else _MOST_BYTES)


def _of_another_site(scope: Scope, headers: Headers) -> bool:
    """Whether another page sent a request. Other ports of this machine are other sites, too, despite their cookies."""
    encrypted = scope["scheme"] in {"https", "wss"}
    own = f"{'https' if encrypted else 'http'}://{headers.get('host', '')}".lower()
    origin = headers.get("origin")
    if scope["type"] == "websocket":  # each browser sends an Origin with it
        return origin is None or origin.lower() != own
    if origin is not None and origin.lower() != own:
        return True
    if headers.get("sec-fetch-site", "same-origin").lower() in _NEAR:
        return False
    link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return not (link and scope["method"] in _SAFE)


def _check_body(headers: Headers, most: int) -> None:
    """Refuses a body that is too large or whose size is not given; the server holds the body to the size given."""
    if "transfer-encoding" in headers:
        raise ProblemError(411, "say how long the body is", {"Connection": "close"})
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > most:
        raise ProblemError(413, f"the body is larger than {most:,} bytes", {"Connection": "close"})
