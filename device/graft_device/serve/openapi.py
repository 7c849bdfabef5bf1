"""Builds the OpenAPI 3.1 document that describes the API."""

from __future__ import annotations

from typing import Any

from graft_device.ranking import REASONS
from graft_device.serve.descriptions import (
    COMMON,
    FLAG,
    MS,
    PROBLEM,
    SCORE,
    TEXT,
    WHOLE,
    get,
    json_content,
    problems,
    record,
)
from graft_device.serve.metrics import MEDIA_TYPE as METRICS_TYPE
from graft_device.serve.photos import FIELD
from graft_device.serve.samples import MOST_SAMPLES

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/gif", "application/octet-stream")


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
            "/v1/model": {
                "get": get("model", "The model card and the server's limits.", json_content("Model"), guarded)
            },
            "/v1/sample": {"get": _sample(guarded)},
            "/healthz": {"get": get("health", "Whether the model works.", json_content("Health"), [])},
            "/metrics": {
                "get": get(
                    "metrics", "Metrics for Prometheus.", {METRICS_TYPE: {"schema": {"type": "string"}}}, guarded
                )
            },
            "/openapi.json": {
                "get": get("openapi", "This document.", {"application/json": {"schema": {"type": "object"}}}, [])
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
            "200": {"description": "The most probable labels, best first.", "content": json_content("Answer")},
            **problems(400, *([401] if security else []), 403, 408, 411, 413, 415, 422, 500, 504, *COMMON),
        },
    }


def _sample(security: list[dict[str, list[str]]]) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    number = {"type": "integer", "minimum": 1, "maximum": MOST_SAMPLES}
    content = dict.fromkeys(("image/jpeg", "image/png", "image/webp"), binary)
    operation = get("sample", "A photo that is stored in the model file.", content, security)
    operation["parameters"] = [
        {
            "name": "number",
            "in": "query",
            "required": True,
            "description": "One of the numbers that /v1/model lists in samples.",
            "schema": number,
        }
    ]
    return {**operation, "responses": {**operation["responses"], **problems(404, 422)}}


_SCHEMAS: dict[str, Any] = {
    "Answer": record(
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
            "items": record(label=TEXT, score=SCORE),
            "description": "The most probable labels, best first. The scores of all labels add up to 1.",
        },
        unknown={**FLAG, "description": "Whether the best score is below the threshold in the model card."},
        ms={**record(preprocess=MS, invoke=MS, queue=MS), "description": "Milliseconds on the server."},
    ),
    "Model": record(
        model={**TEXT, "description": "The name of the model file."},
        bytes=WHOLE,
        labels={"type": "array", "items": TEXT, "description": "In the order of the output tensor."},
        card={"type": "object", "description": "The model card, as 'graft-device info --json' shows it."},
        runtime=TEXT,
        threads=WHOLE,
        samples={
            "type": "array",
            "items": record(number=WHOLE, label=TEXT),
            "description": "The photos in the model file, by their number for /v1/sample.",
        },
        limits=record(bytes=WHOLE, pixels=WHOLE, queue=WHOLE, seconds=MS),
        version={**TEXT, "description": "The version of graftkit on the server."},
    ),
    "Health": record(
        status={"const": "ok"},
        last_success_seconds_ago={
            **MS,
            "description": "Seconds since the model last ran. If that is long ago, this request runs it.",
        },
        queue=record(waiting=WHOLE, limit=WHOLE),
    ),
    "Problem": PROBLEM,
}
