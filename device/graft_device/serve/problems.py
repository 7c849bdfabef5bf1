"""Errors of requests, answered as problem details (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
NO_STORE = {"Cache-Control": "no-store"}


class ProblemError(Exception):
    """Ends a request with an error.

    Attributes:
        status: the HTTP status.
        detail: the reason in one sentence.
        headers: additional headers of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        """Creates the error; arguments as the attributes."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def busy(detail: str, seconds: int) -> ProblemError:
    """The error of a busy server, status 503; the client should try again after ``seconds``."""
    return ProblemError(503, detail, {"Retry-After": str(seconds)})


def response(problem: ProblemError) -> Response:
    """The HTTP answer that describes a problem."""
    body = {"title": _phrase(problem.status), "status": problem.status, "detail": problem.detail}
    headers = {**NO_STORE, **problem.headers}
    return Response(json.dumps(body), problem.status, headers, media_type=MEDIA_TYPE)


async def http_problem(_: Request, error: Exception) -> Response:
    """Turns Starlette's errors, such as 404 and 405, into problems."""
    assert isinstance(error, HTTPException)  # noqa: S101  the type that this handler is registered for
    reasons = {404: "no such path; /openapi.json describes the API", 405: "this path does not allow this method"}
    return response(ProblemError(error.status_code, reasons.get(error.status_code, error.detail), error.headers))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
