"""Builds the OpenAPI 3.1 document that describes the page's API."""

from __future__ import annotations

from typing import Any

from graft_device.camera_page.labels import MOST_PICTURES
from graft_device.capture.labels import MOST_LABEL_BYTES
from graft_device.config.sinks import KINDS
from graft_device.history.queries import MOST_EVENTS
from graft_device.ranking import REASONS
from graft_device.serve.descriptions import (
    FLAG,
    MS,
    PROBLEM,
    SCORE,
    TEXT,
    WHOLE,
    Security,
    get,
    json_content,
    problems,
    record,
)
from graft_device.serve.metrics import MEDIA_TYPE as METRICS_TYPE

_JPEG = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
_CORRECT = "Keep {} under its right label, to train on it."
_CAPTURE = "Keep what a view shows now, and the frames that follow for a count above 1, to train a class on it."
_STREAM = {"multipart/x-mixed-replace": {"schema": {"type": "string", "format": "binary"}}}


def document(version: str, token: bool) -> dict[str, Any]:
    """Builds the document.

    Args:
        version: graftkit's version.
        token: whether clients must send a token.
    """
    guarded: Security = [{"token": []}] if token else []
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "graft-device run --http",
            "version": version,
            "summary": "Shows the cameras of a board.",
            "description": "Live pictures, answers, events and figures of a run.",
        },
        "paths": {
            "/v1/board": {"get": get("board", "Sources, views, models and states.", json_content("Board"), guarded)},
            "/v1/live/{source}": {"get": _live(guarded)},
            "/v1/still/{source}": {"get": _of("still", "The newest frame of a source.", _JPEG, "source", guarded)},
            "/v1/views/{view}/label": {
                "post": _label("labelView", _CORRECT.format("what a view saw last"), "view", guarded)
            },
            "/v1/views/{view}/capture": {
                "post": _label("captureView", _CAPTURE, "view", guarded, "Capture", "Captured")
            },
            "/v1/events": {"get": _events(guarded)},
            "/v1/events/{event}/picture": {"get": _of("picture", "Its picture.", _JPEG, "event", guarded, 503)},
            "/v1/events/{event}/thumbnail": {"get": _of("thumbnail", "Small.", _JPEG, "event", guarded, 503)},
            "/v1/events/{event}/label": {
                "post": _label("labelEvent", _CORRECT.format("the picture of an event"), "event", guarded)
            },
            "/v1/drift": {"get": get("drift", "Scores by day, and the model card's.", json_content("Drift"), guarded)},
            "/healthz": {"get": get("health", "Whether the run works.", json_content("Health"), [])},
            "/metrics": {"get": get("metrics", "Metrics for Prometheus.", _text(METRICS_TYPE), guarded)},
            "/openapi.json": {"get": get("openapi", "This document.", _object_content(), [])},
        },
        "components": {
            "schemas": _SCHEMAS,
            **({"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}} if token else {}),
        },
    }


def _of(
    name: str, summary: str, content: dict[str, Any], parameter: str, security: Security, *statuses: int
) -> dict[str, Any]:
    """A GET operation about one thing, which may not exist."""
    operation = get(name, summary, content, security)
    responses = {**operation["responses"], **problems(404, *statuses)}
    return {**operation, "parameters": [_in_path(parameter)], "responses": responses}


def _live(security: Security) -> dict[str, Any]:
    text = (
        "Each part is a JPEG. Its header X-Graft-Answers contains the newest answers of all views of the source as "
        "JSON: time, and views with id, label, score, predictions, unknown, reason, state and still."
    )
    return {**_of("live", "Live pictures of a source.", _STREAM, "source", security), "description": text}


def _events(security: Security) -> dict[str, Any]:
    schemas: dict[str, Any] = {
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_EVENTS, "default": 50},
        "before": {**WHOLE, "maximum": 10**15 - 1},
        "label": {**TEXT, "maxLength": 1000},
        "source": {**TEXT, "maxLength": 1000},
        "region": {**TEXT, "maxLength": 1000},
        "kind": {"enum": list(KINDS)},
        "min_score": SCORE,
        "since": {**TEXT, "format": "date-time"},
        "until": {**TEXT, "format": "date-time"},
    }
    operation = get("events", "Events, the newest first.", json_content("Events"), security)
    parameters = [{"name": name, "in": "query", "schema": schema} for name, schema in schemas.items()]
    return {**operation, "parameters": parameters, "responses": {**operation["responses"], **problems(404, 422, 503)}}


def _label(
    name: str, summary: str, parameter: str, security: Security, body: str = "Label", answer: str = "Saved"
) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "security": security,
        "parameters": [_in_path(parameter)],
        "requestBody": {"required": True, "content": json_content(body)},
        "responses": {
            "201": {"description": "It is kept.", "content": json_content(answer)},
            **problems(400, *([401] if security else []), 403, 404, 413, 415, 421, 422, 503, 507),
        },
    }


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {**TEXT, "minLength": 1}}


def _text(media_type: str) -> dict[str, Any]:
    return {media_type: {"schema": TEXT}}


def _object_content() -> dict[str, Any]:
    return {"application/json": {"schema": {"type": "object"}}}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_MAYBE_TEXT = _or_null(TEXT)
_PREDICTIONS = _list(record(label=TEXT, score=SCORE))
_SHARES = _list({"type": "number"})
_COUNTS = record(counts=_list(WHOLE), unknown=WHOLE, photos=WHOLE)

_LABEL = {
    **TEXT,
    "format": "folder-name",
    "minLength": 1,
    "maxLength": MOST_LABEL_BYTES,
    "description": "A plain name: no slash, no control character, no dot in front; 60 bytes in UTF-8.",
}
_COUNT = {
    "type": "integer",
    "minimum": 1,
    "maximum": MOST_PICTURES,
    "default": 1,
    "description": "How many frames are captured, one after the other.",
}

_SCHEMAS: dict[str, Any] = {
    "Board": record(
        version=TEXT,
        time=TEXT,
        sources=_list(
            record(
                id=TEXT,
                name=TEXT,
                present=FLAG,
                size=_or_null(_list(WHOLE)),
                masks=_list(_list(_SHARES)),
                views=_list(
                    record(
                        id=TEXT,
                        region=_MAYBE_TEXT,
                        roi=_or_null(_SHARES),
                        model=TEXT,
                        labels=_list(TEXT),
                        threshold=SCORE,
                        state=_MAYBE_TEXT,
                        figures=record(
                            classified=WHOLE,
                            still=WHOLE,
                            still_share=SCORE,
                            ms={"type": "object"},
                            labels={"type": "object"},
                        ),
                    )
                ),
                figures=record(fps=MS, frames=WHOLE, dropped=WHOLE, failed=WHOLE),
            )
        ),
        models=_list(record(name=TEXT, card={"type": "object"}, runtime=TEXT)),
        events={**FLAG, "description": "Whether events are kept."},
        corrections={**FLAG, "description": "Whether photos can be kept under their right labels."},
        capture={**FLAG, "description": "Whether pictures can be captured for training."},
        captured={**_list(TEXT), "description": "The classes that have captured pictures."},
        drift={**FLAG, "description": "Whether scores are counted by day."},
        viewers=record(now=WHOLE, limit=WHOLE),
    ),
    "Events": record(
        events=_list(
            record(
                optional={"region": TEXT, "model": TEXT, "reason": {"enum": list(REASONS)}, "corrected": TEXT},
                id=TEXT,
                seq=WHOLE,
                kind={"enum": list(KINDS)},
                time=TEXT,
                source=TEXT,
                label=TEXT,
                score=SCORE,
                predictions=_PREDICTIONS,
                unknown=FLAG,
                picture={**FLAG, "description": "Whether its picture is kept."},
            )
        ),
        next=_or_null({**WHOLE, "description": "The value of before for the events that follow."}),
    ),
    "Label": {**record(label=_LABEL), "additionalProperties": False},
    "Capture": {**record(optional={"count": _COUNT}, label=_LABEL), "additionalProperties": False},
    "Captured": record(
        saved={**_list(TEXT), "description": "The files in the folder of captured pictures."},
        same={**WHOLE, "description": "Frames that were not kept, because they are identical to the last one."},
    ),
    "Saved": record(saved={**TEXT, "description": "The file in the folder of uncertain photos."}),
    "Drift": record(
        models=_list(
            record(
                model=TEXT,
                edges=_list({"type": "number"}),
                reference=_or_null(_COUNTS),
                days=_list(record(day=TEXT, counts=_list(WHOLE), unknown=WHOLE, photos=WHOLE)),
                recent=_COUNTS,
                index=_or_null({"type": "number"}),
                verdict=TEXT,
                retrain=FLAG,
            )
        )
    ),
    "Health": record(
        status={"const": "ok"},
        sources=_list(record(id=TEXT, present=FLAG, last_frame_seconds_ago=_or_null(MS))),
    ),
    "Problem": PROBLEM,
}
