"""Parts of OpenAPI documents, which the servers share."""

from __future__ import annotations

from typing import Any

from graft_device.serve.problems import MEDIA_TYPE as PROBLEM_TYPE

Security = list[dict[str, list[str]]]
"""What a request must have: ``[{"token": []}]``, or nothing."""

_WHY = {
    400: "The body or the request is invalid.",
    401: "The token is missing or wrong.",
    403: "The request comes from a page of another origin.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    411: "The request does not give the length of its body.",
    413: "The body is too large.",
    415: "The body's media type is not supported.",
    421: "The Host header names a host that this server does not accept.",
    422: "A parameter or a field is wrong.",
    500: "The model failed.",
    503: "The server is busy: try again after Retry-After seconds.",
    504: "The answer took too long.",
    507: "There is no room on the disk.",
}
COMMON = (421, 503)
"""The errors of every request."""

TEXT, WHOLE, FLAG = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
MS = {"type": "number", "minimum": 0}
SCORE = {"type": "number", "minimum": 0, "maximum": 1}


def get(name: str, summary: str, content: dict[str, Any], security: Security) -> dict[str, Any]:
    """A GET operation.

    Args:
        name: its id.
        summary: what it answers.
        content: the answer's schema by its media type.
        security: what a request must have.
    """
    return {
        "operationId": name,
        "summary": summary,
        "security": security,
        "responses": {
            "200": {"description": summary, "content": content},
            **problems(*([401] if security else []), *COMMON),
        },
    }


def json_content(name: str) -> dict[str, Any]:
    """JSON with a schema of the document."""
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def problems(*statuses: int) -> dict[str, Any]:
    """The answers with errors."""
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": _WHY[status], "content": content, **_headers(status)} for status in statuses}


def record(optional: dict[str, dict[str, Any]] | None = None, **properties: dict[str, Any]) -> dict[str, Any]:
    """An object.

    Args:
        optional: the properties that may be missing.
        properties: those that are always there.
    """
    return {"type": "object", "required": list(properties), "properties": {**properties, **(optional or {})}}


PROBLEM = record(title=TEXT, status={"type": "integer", "minimum": 400, "maximum": 599}, detail=TEXT)


def _headers(status: int) -> dict[str, Any]:
    named = {401: ("WWW-Authenticate", "string"), 503: ("Retry-After", "integer")}.get(status)
    return {"headers": {named[0]: {"required": True, "schema": {"type": named[1]}}}} if named else {}
