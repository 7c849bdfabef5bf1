"""Builds the OpenAPI 3.1 document that describes the API."""

from __future__ import annotations

from typing import Any

from graft_device.ranking import REASONS
from graft_device.serve.metrics import MEDIA_TYPE as METRICS_TYPE
from graft_device.serve.photos import FIELD
from graft_device.serve.problems import MEDIA_TYPE as PROBLEM_TYPE
from graft_device.serve.samples import MOST_SAMPLES

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/gif", "application/octet-stream")

_WHY = {
    400: "The image, the form or the request is invalid.",
    401: "The token is missing or wrong.",
    403: "The request comes from a page of another origin.",
    404: "The model file has no such photo.",
    408: "The body did not arrive in time.",
    411: "The request does not give the length of its body.",
    413: "The body is too large.",
    415: "The body's media type is not supported.",
    421: "The Host header names a host that this server does not accept.",
    422: "A parameter or a form field is wrong.",
    500: "The model failed.",
    503: "The server is busy: try again after Retry-After seconds.",
    504: "The answer took too long.",
}
_COMMON = (421, 503)


def document(version: str, labels: int, top_k: int, token: bool) -> dict[str, Any]:
    """Builds the document.

    Args:
        version: graftkit's version.
        labels: the number of classes that the model has.
        top_k: the number of labels in an answer if the client does not set it.
        token: whether clients must send a token.
    """
    guarded: list[dict[str, list[str]]] = [{"token": []}] if token else []
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "graft-device serve",
            "version": version,
            "summary": "Classifies photos.",
            "description": "One model classifies one photo at a time. Photos are neither stored nor logged.",
        },
        "paths": {
            "/v1/classify": {"post": _classify(labels, top_k, guarded)},
            "/v1/model": {"get": _get("model", "The model card and the server's limits.", _json("Model"), guarded)},
            "/v1/sample": {"get": _sample(guarded)},
            "/healthz": {"get": _get("health", "Whether the model works.", _json("Health"), [])},
            "/metrics": {
                "get": _get(
                    "metrics", "Metrics for Prometheus.", {METRICS_TYPE: {"schema": {"type": "string"}}}, guarded
                )
            },
            "/openapi.json": {
                "get": _get("openapi", "This document.", {"application/json": {"schema": {"type": "object"}}}, [])
            },
        },
        "components": {
            "schemas": _SCHEMAS,
            **({"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}} if token else {}),
        },
    }


def _classify(labels: int, top_k: int, security: list[dict[str, list[str]]]) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": [FIELD], "properties": {FIELD: binary["schema"]}}
    integer = {"type": "integer", "minimum": 1, "maximum": labels, "default": top_k}
    return {
        "operationId": "classify",
        "summary": "Classify a photo.",
        "description": (
            f"The photo is the body of the request, or the field '{FIELD}' of a form. If the best label scores less "
            "than the threshold in the model card, the photo is unknown."
        ),
        "security": security,
        "parameters": [
            {"name": "top_k", "in": "query", "description": "Number of labels in the answer.", "schema": integer},
            {
                "name": "unknown",
                "in": "query",
                "description": "Whether a photo with a low score is unknown; if false, no photo is.",
                "schema": {"type": "boolean", "default": True},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {**dict.fromkeys(IMAGE_TYPES, binary), "multipart/form-data": {"schema": form}},
        },
        "responses": {
            "200": {"description": "The most probable labels, best first.", "content": _json("Answer")},
            **_problems(400, *([401] if security else []), 403, 408, 411, 413, 415, 422, 500, 504, *_COMMON),
        },
    }


def _sample(security: list[dict[str, list[str]]]) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    number = {"type": "integer", "minimum": 1, "maximum": MOST_SAMPLES}
    content = dict.fromkeys(("image/jpeg", "image/png", "image/webp"), binary)
    operation = _get("sample", "A photo that is stored in the model file.", content, security)
    operation["parameters"] = [
        {
            "name": "number",
            "in": "query",
            "required": True,
            "description": "One of the numbers that /v1/model lists in samples.",
            "schema": number,
        }
    ]
    return {**operation, "responses": {**operation["responses"], **_problems(404, 422)}}


def _get(name: str, summary: str, content: dict[str, Any], security: list[dict[str, list[str]]]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "security": security,
        "responses": {
            "200": {"description": summary, "content": content},
            **_problems(*([401] if security else []), *_COMMON),
        },
    }


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _problems(*statuses: int) -> dict[str, Any]:
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": _WHY[status], "content": content, **_headers(status)} for status in statuses}


def _headers(status: int) -> dict[str, Any]:
    named = {401: ("WWW-Authenticate", "string"), 503: ("Retry-After", "integer")}.get(status)
    return {"headers": {named[0]: {"required": True, "schema": {"type": named[1]}}}} if named else {}


def _object(optional: dict[str, dict[str, Any]] | None = None, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": {**properties, **(optional or {})}}


_TEXT, _WHOLE, _FLAG = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
_MS = {"type": "number", "minimum": 0}
_SCORE = {"type": "number", "minimum": 0, "maximum": 1}

_SCHEMAS: dict[str, Any] = {
    "Answer": _object(
        optional={
            "reason": {
                "enum": list(REASONS),
                "description": "Only for an unknown photo: novel if it is unlike all photos that the model was trained "
                "on, uncertain if no label is certain enough.",
            }
        },
        predictions={
            "type": "array",
            "minItems": 1,
            "items": _object(label=_TEXT, score=_SCORE),
            "description": "The most probable labels, best first. The scores of all labels add up to 1.",
        },
        unknown={**_FLAG, "description": "Whether the best score is below the threshold in the model card."},
        ms={**_object(preprocess=_MS, invoke=_MS, queue=_MS), "description": "Milliseconds on the server."},
    ),
    "Model": _object(
        model={**_TEXT, "description": "The name of the model file."},
        bytes=_WHOLE,
        labels={"type": "array", "items": _TEXT, "description": "In the order of the output tensor."},
        card={"type": "object", "description": "The model card, as 'graft-device info --json' shows it."},
        runtime=_TEXT,
        threads=_WHOLE,
        samples={
            "type": "array",
            "items": _object(number=_WHOLE, label=_TEXT),
            "description": "The photos in the model file, by their number for /v1/sample.",
        },
        limits=_object(bytes=_WHOLE, pixels=_WHOLE, queue=_WHOLE, seconds=_MS),
        version={**_TEXT, "description": "The version of graftkit on the server."},
    ),
    "Health": _object(
        status={"const": "ok"},
        last_success_seconds_ago={
            **_MS,
            "description": "Seconds since the model last ran. If that is long ago, this request runs it.",
        },
        queue=_object(waiting=_WHOLE, limit=_WHOLE),
    ),
    "Problem": _object(title=_TEXT, status={"type": "integer", "minimum": 400, "maximum": 599}, detail=_TEXT),
}
