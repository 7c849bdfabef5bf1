"""Reads what the page sends: JSON objects of limited size, with fields of known types."""

from __future__ import annotations

import json
from typing import Any, get_args

from starlette.requests import Request

from graft_device.serve.problems import ProblemError
from graft_host.sorting.state import Destination, PlaceKind

_MOST_BYTES = 8_000_000
"""Of a body; the ids of 100,000 pictures take a quarter of it."""

_MOST_TEXT = 1000


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in the body of a request.

    Raises:
        ProblemError: it has another type, is too large, or is not an object.
        ClientDisconnect: the client went away (Starlette's).
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ProblemError(415, "send JSON, with Content-Type: application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise ProblemError(413, f"the body is larger than {_MOST_BYTES:,} bytes", {"Connection": "close"})
    try:
        content = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise ProblemError(400, "the body is not JSON") from None
    if not isinstance(content, dict):
        raise ProblemError(400, "the body is not a JSON object")
    return content


def text_of(content: dict[str, Any], name: str) -> str:
    """A text in an object; raises ProblemError if it is missing, no text, or too long."""
    value = content.get(name)
    if not isinstance(value, str) or len(value) > _MOST_TEXT or not _encodable(value):
        raise ProblemError(400, f"{name} must be a text of at most {_MOST_TEXT} characters")
    return value


def revision_of(content: dict[str, Any]) -> str | None:
    """The revision that a window shows; None if it did not say. Raises ProblemError if it is no text."""
    return text_of(content, "revision") if "revision" in content else None


def ids_of(content: dict[str, Any]) -> list[str]:
    """The ids of the pictures to move; raises ProblemError if there are none."""
    ids = content.get("pictures")
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise ProblemError(400, "pictures must be a list of ids")
    return ids


def destination_of(content: dict[str, Any]) -> Destination:
    """The place to put pictures; raises ProblemError if it is none."""
    to = content.get("to")
    kinds = get_args(PlaceKind)
    if not isinstance(to, dict) or to.get("kind") not in kinds:
        raise ProblemError(400, f"to must be an object whose kind is one of {', '.join(kinds)}")
    return Destination(to["kind"], text_of(to, "label") if to["kind"] == "class" else "")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
