"""Middleware for all routes: checks who may use the server, adds security headers, and counts requests."""

from __future__ import annotations

import hmac
import time
from asyncio import CancelledError
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graft_device.serve.hosts import Hosts
from graft_device.serve.metrics import HttpMetrics
from graft_device.serve.problems import ProblemError, busy, response
from graft_device.serve.settings import is_origin

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _SAFE | {"POST", "PUT", "PATCH", "DELETE"}
_ANY = "'*'"
_GUARDED = ("/v1/", "/metrics")


@dataclass(frozen=True)
class Rules:
    """Who may use the server.

    Attributes:
        token: the token that a client must send to use the API; None to require none.
        hosts: the host names that the server accepts.
        origins: the other sites whose pages may use the API (CORS); ``*`` for any site.
        routes: the paths that exist, such as ``/v1/model`` or ``/v1/events/{id}``. Requests for all other paths are
            counted together.
        remedy: what lets the pages of another site in, with ``{origin}`` in its place.
    """

    token: str | None
    hosts: Hosts
    origins: tuple[str, ...]
    routes: frozenset[str]
    remedy: str = "start it with --allow-origin {origin}"


class Guard:
    """ASGI middleware that calls a route only for permitted requests, and answers the ProblemErrors that it raises."""

    def __init__(self, app: ASGIApp, rules: Rules, metrics: HttpMetrics, report: Callable[[str], None]) -> None:
        """Wraps an application.

        Args:
            app: the application with the routes.
            rules: who may use the server.
            metrics: the counters of requests.
            report: called with a line about each internal error.
        """
        self._app = app
        self._rules = rules
        self._metrics = metrics
        self._report = report
        self._patterns = [(compile_path(route)[0], route) for route in sorted(rules.routes) if "{" in route]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        scope = _origin_form(scope)
        start = time.perf_counter()
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._complete(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            refusal = self._refusal(scope)
            await (refusal or self._app)(scope, receive, send_on)
        except ProblemError as problem:
            await response(problem)(scope, receive, send_on)
        except CancelledError:
            if not status:  # uvicorn stopped waiting for this request at shutdown
                await response(busy("the server is shutting down", 5))(scope, receive, send_on)
        except Exception as error:  # noqa: BLE001  a bug, but the server continues
            self._report(f"error: unexpected {type(error).__name__} at {self._route(scope)}: {error}")
            if not status:
                await response(ProblemError(500, "internal server error"))(scope, receive, send_on)
        self._count(scope, status, time.perf_counter() - start)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a CORS preflight request; None for a request to pass on.

        Raises:
            ProblemError: the request's host, origin or token is not permitted.
        """
        headers, method = Headers(scope=scope), scope["method"]
        host, origin = headers.get("host", ""), headers.get("origin")
        reason = self._rules.hosts.refusal(host)
        if reason is not None:
            raise ProblemError(421, reason)
        if origin is not None and method == "OPTIONS" and "access-control-request-method" in headers:
            return self._preflight(origin)
        if (
            origin is not None
            and method not in _SAFE
            and not self._allowed(origin)
            and origin.partition("://")[2] != host
        ):
            raise _forbidden(origin, self._rules.remedy)
        if self._rules.token is not None and scope["path"].startswith(_GUARDED):
            self._check_token(headers.get("authorization", ""))
        return None

    def _check_token(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        expected = self._rules.token or ""
        same = hmac.compare_digest(token.strip().encode("utf-8"), expected.encode("utf-8"))
        if scheme.lower() != "bearer" or not same:
            detail = "the token is wrong" if authorization else "a token is needed: send Authorization: Bearer TOKEN"
            raise ProblemError(401, detail, {"WWW-Authenticate": 'Bearer realm="graft-device"'})

    def _allowed(self, origin: str) -> bool:
        return "*" in self._rules.origins or origin in self._rules.origins

    def _preflight(self, origin: str) -> Response:
        if not self._allowed(origin):
            raise _forbidden(origin, self._rules.remedy)
        allowed = {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": "600",
        }
        return Response(None, 204, allowed)

    def _complete(self, scope: Scope, headers: MutableHeaders) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if self._rules.origins:
            headers.add_vary_header("Origin")
        origin = Headers(scope=scope).get("origin")
        if origin is not None and self._allowed(origin):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = "Retry-After, Server-Timing"

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = self._route(scope)
        self._metrics.requests.labels(method=method, route=route, status=str(status or 499)).inc()
        self._metrics.durations.labels(route=route).observe(seconds)

    def _route(self, scope: Scope) -> str:
        path = scope["path"]
        if path in self._rules.routes:
            return str(path)
        return next((route for pattern, route in self._patterns if pattern.match(path)), "other")


def _forbidden(origin: str, remedy: str) -> ProblemError:
    if is_origin(origin):
        return ProblemError(403, f"pages of {origin} may not use this server: {remedy.format(origin=origin)}")
    return ProblemError(
        403,
        "pages without an address, such as those opened from a file, may not use this server: open the page from a web "
        f"server and let that in, or {remedy.format(origin=_ANY)}, which lets all pages in",
    )


def _origin_form(scope: Scope) -> Scope:
    """Converts a request with a full URL, as clients send it to proxies, to one with a path (RFC 9112, 3.2.2)."""
    scheme, separator, rest = scope["path"].partition("://")
    if scheme not in {"http", "https"} or not separator:
        return scope
    host, _, path = rest.partition("/")
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    headers.append((b"host", host.encode("latin-1", "replace")))
    return {**scope, "path": f"/{path}", "raw_path": f"/{path}".encode(), "headers": headers}
