"""Reads the label that a person gives a picture."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from graft_device.ranking import UNKNOWN
from graft_device.serve.problems import ProblemError
from graft_device.system.strict_json import parse_json

MOST_LABEL_BYTES = 60
"""Of a label in UTF-8: it names a folder."""

_MOST_BODY_BYTES = 1000
_FIELD = "label"


async def read_label(request: Request) -> str:
    """Reads ``{"label": "cat"}`` from the body of a request.

    Raises:
        ProblemError: 415, the body is not JSON; 413, it is too large; 400, it was cut short; 422, it is something
            else, or the label cannot name a folder.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, 'send JSON, with Content-Type: application/json, such as {"label": "cat"}')
    body = await _body(request)
    try:
        given = parse_json(body.decode("utf-8"))
    except ValueError as error:
        raise ProblemError(422, f"the body is no JSON ({error})") from None
    if not isinstance(given, dict) or set(given) != {_FIELD} or not isinstance(given[_FIELD], str):
        raise ProblemError(422, 'send {"label": "cat"}')
    reason = refusal(given[_FIELD])
    if reason is not None:
        raise ProblemError(422, reason)
    return str(given[_FIELD])


def refusal(label: str) -> str | None:
    """Why a text cannot be a label that names a folder; None if it can."""
    control = not label.isprintable() or "/" in label or "\\" in label
    refusals = {
        "the label is empty": not label.strip(),
        "the label begins or ends with a space": label != label.strip(),
        f"the label has more than {MOST_LABEL_BYTES} bytes": len(label.encode("utf-8")) > MOST_LABEL_BYTES,
        "the label has a slash, a backslash or a control character": control,
        "the label begins with a dot": label.startswith("."),
        f"{UNKNOWN!r} is what the model says without a label; say what it was": label == UNKNOWN,
    }
    return next((reason for reason, applies in refusals.items() if applies), None)


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
