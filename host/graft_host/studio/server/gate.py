"""Middleware in front of everything, WebSockets too: decides by Host, Origin and cookie who may use the studio."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graft_device.serve.hosts import Hosts
from graft_device.serve.problems import ProblemError, response

_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
_OPEN = ("/enter", "/shared/", "/static/", "/session")
"""Where a browser needs no cookie: what lets it in."""


class Gate:
    """ASGI middleware that passes on permitted requests only."""

    def __init__(self, app: ASGIApp, hosts: Hosts, cookie: str, token: str, report: Callable[[str], None]) -> None:
        """Wraps an application.

        Args:
            app: the application.
            hosts: the host names that the server accepts.
            cookie: the name of the cookie.
            token: what it must contain.
            report: called with a line about each internal error.
        """
        self._app = app
        self._hosts = hosts
        self._cookie = cookie
        self._token = token
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
            self._check(scope)
        except ProblemError as problem:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:100]})
            else:
                await response(problem)(scope, receive, send_on)
            return
        try:
            await self._app(scope, receive, send_on)
        except Exception as error:  # noqa: BLE001  a bug, but the studio continues
            self._report(f"error: unexpected {type(error).__name__} at {scope['path']}: {error}")
            if not started and scope["type"] == "http":
                await response(ProblemError(500, "internal server error"))(scope, receive, send_on)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        reason = self._hosts.refusal(host)
        if reason is not None:
            raise ProblemError(421, reason)
        if origin is not None and origin.partition("://")[2] != host:
            raise ProblemError(403, "pages of other sites may not use the studio")
        if not scope["path"].startswith(_OPEN) and not self._knows(headers):
            raise ProblemError(401, "open the address that 'graft studio' printed")

    def _knows(self, headers: Headers) -> bool:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except CookieError:
            return False
        given = jar[self._cookie].value if self._cookie in jar else ""
        return hmac.compare_digest(given.encode(), self._token.encode())
