"""Announces a run to Home Assistant: its MQTT discovery, with one topic for each entity.

Such topics are understood by all versions; those of a whole device only since 2024.11. What may be in the messages is
described at https://www.home-assistant.io/integrations/mqtt/ and the pages of its platforms.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graft_device import __version__
from graft_device.mqtt.figures import EXPIRE_S
from graft_device.outputs.slugs import slugs
from graft_device.ranking import UNKNOWN

if TYPE_CHECKING:
    from graft_device.mqtt.broker import Broker
    from graft_device.mqtt.topics import Place, Topics

ALL = "*"
"""In place of labels: all labels of the model."""

NO_STATE = "none"
"""The value of the sensor of a view after a state has ended and before the next one."""

_LONGEST_STATE = 255  # Home Assistant takes a longer state for none
_LABEL = f"{{{{ '{NO_STATE}' if value_json.kind | default('') == 'leave' else value_json.label[:{_LONGEST_STATE}] }}}}"
_ATTRIBUTES = (
    "{{ {'score': value_json.score, 'unknown': value_json.unknown, 'reason': value_json.reason | default(none), "
    "'kind': value_json.kind | default(none), 'time': value_json.time, 'predictions': value_json.predictions} "
    "| tojson }}"
)
_FIGURES: dict[str, dict[str, Any]] = {
    "fps": {"name": "Frame rate", "unit_of_measurement": "fps", "icon": "mdi:speedometer"},
    "latency": {"name": "Latency", "unit_of_measurement": "ms", "device_class": "duration"},
    "unknown": {"name": "Share of unknown", "unit_of_measurement": "%", "icon": "mdi:help-circle-outline"},
    "temperature": {"name": "Temperature", "unit_of_measurement": "°C", "device_class": "temperature"},
}


@dataclass(frozen=True)
class Wanted:
    """Which entities a run has besides a sensor and its score for each view.

    Attributes:
        model: the model's name, for the device.
        labels: the labels that get a binary sensor; ``*`` for all.
        pictures: whether there is a picture.
        figures: the figures: ``fps``, ``latency``, ``unknown``, ``temperature``.
    """

    model: str
    labels: Sequence[str] = ()
    pictures: bool = False
    figures: Sequence[str] = ()


def announcements(broker: Broker, topics: Topics, wanted: Wanted) -> dict[str, bytes]:
    """The discovery messages, by topic; none if discovery is off.

    An entity's id depends on the machine, the topic, and the view. That of the only view is what it has always been,
    so that an entity keeps its history.
    """
    if broker.discovery is None:
        return {}
    device = {
        "identifiers": [broker.sensor_id],
        "name": broker.base,
        "manufacturer": "graftkit",
        "model": wanted.model,
        "sw_version": __version__,
    }
    common = {"device": device, "origin": {"name": "graftkit", "sw_version": __version__}}
    messages = {}
    for kind, key, entity in _entities(topics, wanted):
        unique_id = "_".join(filter(None, (broker.sensor_id, *key)))
        body = json.dumps({"unique_id": unique_id, **entity, **common}, ensure_ascii=False)
        messages[f"{broker.discovery}/{kind}/{unique_id}/config"] = body.encode("utf-8", "replace")
    return messages


def wanted_labels(labels: Sequence[str], given: Iterable[str]) -> list[str]:
    """The labels of a model that get a binary sensor; ``unknown`` only if it is named."""
    given = set(given)
    every = ALL in given
    return [*(label for label in labels if every or label in given), *([UNKNOWN] if UNKNOWN in given else [])]


def _entities(topics: Topics, wanted: Wanted) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
    """The platform, the parts of the id, and the message of each entity."""
    for place in topics.places:
        available = _availability(place.statuses)
        yield "sensor", (place.key,), {**_label(place), **available}
        yield "sensor", (place.key, "score"), {**_score(place), **available}
        for label, slug in slugs(wanted_labels(place.view.labels, wanted.labels)).items():
            yield "binary_sensor", (place.key, "is", slug), {**_binary(place, label), **available}
        if wanted.pictures:
            yield "image", (place.key, "picture"), {**_picture(place), **available}
    for name in wanted.figures:
        yield "sensor", ("", name), {**_figure(topics, name), **_availability((topics.status,))}


def _label(place: Place) -> dict[str, Any]:
    return {
        "name": place.name or None,
        "state_topic": place.state,
        "value_template": _LABEL,
        "json_attributes_topic": place.state,
        "json_attributes_template": _ATTRIBUTES,
        "icon": "mdi:camera-iris",
    }


def _score(place: Place) -> dict[str, Any]:
    return {
        "name": _named(place, "score"),
        "state_topic": place.state,
        "value_template": "{{ (100 * value_json.score) | round(1) }}",
        "unit_of_measurement": "%",
        "state_class": "measurement",
        "icon": "mdi:percent",
    }


def _binary(place: Place, label: str) -> dict[str, Any]:
    """On from ``enter`` to ``leave``, and without states while the newest label is this one."""
    test = f"value_json.label == {_literal(label)} and value_json.kind | default('') != 'leave'"
    return {
        "name": f"{place.name} {label}".strip(),
        "state_topic": place.state,
        "value_template": f"{{{{ 'ON' if {test} else 'OFF' }}}}",
        "payload_on": "ON",
        "payload_off": "OFF",
    }


def _picture(place: Place) -> dict[str, Any]:
    return {"name": _named(place, "picture"), "image_topic": place.picture, "content_type": "image/jpeg"}


def _figure(topics: Topics, name: str) -> dict[str, Any]:
    return {
        **_FIGURES[name],
        "state_topic": topics.diagnostics,
        "value_template": f"{{{{ value_json.{name} }}}}",
        "state_class": "measurement",
        "entity_category": "diagnostic",
        "expire_after": EXPIRE_S,
    }


def _availability(statuses: Sequence[str]) -> dict[str, Any]:
    if len(statuses) == 1:
        return {"availability_topic": statuses[0]}
    return {"availability": [{"topic": topic} for topic in statuses], "availability_mode": "all"}


def _named(place: Place, what: str) -> str:
    return f"{place.name} {what}" if place.name else what.capitalize()


def _literal(text: str) -> str:
    """A text as Jinja reads it; JSON's escapes are Jinja's too, except for pairs of surrogates."""
    return json.dumps(text, ensure_ascii=False)
