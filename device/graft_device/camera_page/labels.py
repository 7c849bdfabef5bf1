"""Reads the label that a person gives a picture, and how many pictures are to be taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request

from graft_device.capture import labels
from graft_device.ranking import UNKNOWN
from graft_device.serve.problems import ProblemError
from graft_device.system.strict_json import parse_json

MOST_PICTURES = 20
"""Pictures that one request may capture."""

_MOST_BODY_BYTES = 1000
_LABEL, _COUNT = "label", "count"


async def read_label(request: Request) -> str:
    """Reads ``{"label": "cat"}`` from the body of a request.

    Raises:
        ProblemError: 415, the body is not JSON; 413, it is too large; 400, it was cut short; 422, it is something
            else, or the label cannot name a folder.
    """
    given = await _object(request)
    if set(given) != {_LABEL} or not isinstance(given[_LABEL], str):
        raise ProblemError(422, 'send {"label": "cat"}')
    return _accepted(given[_LABEL], refusal)


async def read_capture(request: Request) -> tuple[str, int]:
    """Reads ``{"label": "cat", "count": 3}`` from the body of a request; the count is 1 where it is missing.

    Raises:
        ProblemError: as ``read_label``; also 422 for a count that is not from 1 to ``MOST_PICTURES``.
    """
    given = await _object(request)
    if not {_LABEL} <= set(given) <= {_LABEL, _COUNT} or not isinstance(given[_LABEL], str):
        raise ProblemError(422, 'send {"label": "cat"} or {"label": "cat", "count": 3}')
    count = given.get(_COUNT, 1)
    if type(count) is not int or not 1 <= count <= MOST_PICTURES:
        raise ProblemError(422, f"count is {count!r}; give a number from 1 to {MOST_PICTURES}")
    return _accepted(given[_LABEL], labels.refusal), count


def refusal(label: str) -> str | None:
    """Why a text cannot be the right label of a picture; None if it can."""
    if label == UNKNOWN:
        return f"{UNKNOWN!r} is what the model says without a label; say what it was"
    return labels.refusal(label)


def _accepted(label: str, refuse: Callable[[str], str | None]) -> str:
    reason = refuse(label)
    if reason is not None:
        raise ProblemError(422, reason)
    return label


async def _object(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, 'send JSON, with Content-Type: application/json, such as {"label": "cat"}')
    body = await _body(request)
    try:
        given = parse_json(body.decode("utf-8"))
    except ValueError as error:
        raise ProblemError(422, f"the body is no JSON ({error})") from None
    if not isinstance(given, dict):
        raise ProblemError(422, 'send {"label": "cat"}')
    return given


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BODY_BYTES:
                raise ProblemError(413, f"the body has more than {_MOST_BODY_BYTES} bytes", {"Connection": "close"})
    except ClientDisconnect:
        raise ProblemError(400, "the body was cut short") from None
    return body
