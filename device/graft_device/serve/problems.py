"""What goes wrong with a request, as problem details (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """Ends a request with a status, a reason in one sentence, and headers that go with it."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def busy(detail: str, seconds: int) -> ProblemError:
    """The server has no room now; ``seconds`` is when to come back."""
    return ProblemError(503, detail, {"Retry-After": str(seconds)})


def response(problem: ProblemError) -> Response:
    """The answer that tells it."""
    body = {"title": _phrase(problem.status), "status": problem.status, "detail": problem.detail}
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(json.dumps(body), problem.status, headers, media_type=MEDIA_TYPE)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
