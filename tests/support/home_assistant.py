"""What Home Assistant makes of the messages of a broker, by the rules of its documents.

The rules are those of https://www.home-assistant.io/integrations/mqtt/ (discovery), /sensor.mqtt/,
/binary_sensor.mqtt/ and /image.mqtt/, and for units and classes of /integrations/sensor/. Home Assistant drops keys
that it does not know without a word, so an unknown key is an error here.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

jinja2: Any = pytest.importorskip("jinja2", reason="Jinja is not installed")
sandbox: Any = pytest.importorskip("jinja2.sandbox", reason="Jinja is not installed")

TEXT, NUMBER, FLAG, MAP, LIST = str, int, bool, dict, list
Rules = dict[str, tuple[type, ...]]

EVERY: Rules = {
    "availability": (LIST,), "availability_mode": (TEXT,), "availability_template": (TEXT,),
    "availability_topic": (TEXT,), "default_entity_id": (TEXT,), "device": (MAP,), "enabled_by_default": (FLAG,),
    "encoding": (TEXT,), "entity_category": (TEXT,), "entity_picture": (TEXT,), "icon": (TEXT,),
    "json_attributes_template": (TEXT,), "json_attributes_topic": (TEXT,), "name": (TEXT, type(None)),
    "object_id": (TEXT,), "origin": (MAP,), "payload_available": (TEXT,), "payload_not_available": (TEXT,),
    "qos": (NUMBER,), "unique_id": (TEXT,),
}  # fmt: skip
WITH_STATE: Rules = {
    "device_class": (TEXT,), "expire_after": (NUMBER,), "force_update": (FLAG,), "state_topic": (TEXT,),
    "value_template": (TEXT,),
}  # fmt: skip
PLATFORMS: dict[str, Rules] = {
    "sensor": {
        **EVERY, **WITH_STATE, "last_reset_value_template": (TEXT,), "options": (LIST,), "state_class": (TEXT,),
        "suggested_display_precision": (NUMBER,), "unit_of_measurement": (TEXT,),
    },
    "binary_sensor": {
        **EVERY, **WITH_STATE, "off_delay": (NUMBER,), "payload_off": (TEXT,), "payload_on": (TEXT,),
    },
    "image": {
        **EVERY, "content_type": (TEXT,), "image_encoding": (TEXT,), "image_topic": (TEXT,), "url_template": (TEXT,),
        "url_topic": (TEXT,),
    },
}  # fmt: skip
REQUIRED = {"sensor": {"state_topic"}, "binary_sensor": {"state_topic"}, "image": {"image_topic"}}
DEVICE: Rules = {
    "configuration_url": (TEXT,), "connections": (LIST,), "hw_version": (TEXT,), "identifiers": (LIST, TEXT),
    "manufacturer": (TEXT,), "model": (TEXT,), "model_id": (TEXT,), "name": (TEXT,), "serial_number": (TEXT,),
    "suggested_area": (TEXT,), "sw_version": (TEXT,), "via_device": (TEXT,),
}  # fmt: skip
ORIGIN: Rules = {"name": (TEXT,), "sw_version": (TEXT,), "support_url": (TEXT,)}
AVAILABILITY: Rules = {
    "topic": (TEXT,), "payload_available": (TEXT,), "payload_not_available": (TEXT,), "value_template": (TEXT,),
}  # fmt: skip
UNITS = {"temperature": {"°C", "°F", "K"}, "duration": {"d", "h", "min", "s", "ms", "µs"}}
LONGEST_STATE = 255


@dataclass
class Entity:
    """An entity as a user sees it.

    Attributes:
        platform: ``sensor``, ``binary_sensor`` or ``image``.
        config: its discovery message.
        state: the state; None for unknown. Of a picture: its bytes.
        available: whether it is not shown as unavailable.
        attributes: its attributes.
    """

    platform: str
    config: dict[str, Any]
    state: Any
    available: bool
    attributes: dict[str, Any]


def entities(messages: Iterable[tuple[str, bytes, bool]]) -> dict[str, Entity]:
    """The entities after these messages, by ``platform: name``; the name is that of the device for None."""
    found: dict[str, Entity] = {}
    for entity in by_topic(messages).values():
        name = entity.config["name"]
        key = f"{entity.platform}: {entity.config['device']['name'] if name is None else name}"
        assert key not in found, key
        found[key] = entity
    return found


def by_topic(messages: Iterable[tuple[str, bytes, bool]], prefix: str = "homeassistant") -> dict[str, Entity]:
    """The entities after these messages, by the topics of their discovery."""
    retained: dict[str, bytes] = {}
    for topic, body, _ in messages:
        retained[topic] = body
        if not body:
            del retained[topic]
    found: dict[str, Entity] = {}
    for topic, body in retained.items():
        match = re.fullmatch(rf"{re.escape(prefix)}/(\w+)/([a-zA-Z0-9_-]+)/config", topic)
        if match is None:
            assert not topic.startswith(f"{prefix}/"), f"Home Assistant ignores {topic}"
            continue
        config = json.loads(body)
        check(match[1], config)
        found[topic] = _entity(match[1], config, retained)
    ids = [(entity.platform, entity.config["unique_id"]) for entity in found.values()]
    assert len(set(ids)) == len(ids)
    return found


def check(platform: str, config: dict[str, Any]) -> None:
    """Fails for a discovery message that Home Assistant refuses, or a part of which it ignores."""
    _keys(config, PLATFORMS[platform])
    assert config.keys() >= REQUIRED[platform] | {"unique_id", "device", "origin", "name"}
    _keys(config["device"], DEVICE)
    assert config["device"]["identifiers"]
    _keys(config["origin"], ORIGIN)
    assert config["origin"]["name"]
    assert not ("availability" in config and "availability_topic" in config)
    for entry in config.get("availability", []):
        _keys(entry, AVAILABILITY)
        _topic(entry["topic"])
    assert config.get("availability_mode", "latest") in {"all", "any", "latest"}
    assert config.get("entity_category", "diagnostic") == "diagnostic", "nothing here can be configured"
    assert re.fullmatch(r"mdi:[a-z-]+", config.get("icon", "mdi:camera"))
    assert config.get("state_class", "measurement") in {"measurement", "total", "total_increasing"}
    assert config.get("expire_after", 1) > 0
    if "device_class" in config:
        assert config["unit_of_measurement"] in UNITS[config["device_class"]]
    for key, value in config.items():
        if key.endswith("_topic"):
            _topic(value)
        elif key.endswith("_template"):
            _template(value)


def render(template: str, payload: bytes) -> str:
    """What a template makes of a payload."""
    return str(_template(template).render(value=payload.decode(), value_json=json.loads(payload)))


@functools.cache
def _template(text: str) -> Any:
    return sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined).from_string(text)


def _entity(platform: str, config: dict[str, Any], retained: dict[str, bytes]) -> Entity:
    topics = [entry["topic"] for entry in config.get("availability", [])] or [config["availability_topic"]]
    assert len(topics) == 1 or config["availability_mode"] == "all"
    available = all(retained.get(topic) == b"online" for topic in topics)
    if platform == "image":
        return Entity(platform, config, retained.get(config["image_topic"]), available, {})
    body = retained.get(config["state_topic"])
    state = None if body is None else render(config["value_template"], body)
    if platform == "binary_sensor" and state is not None:
        assert state in {config["payload_on"], config["payload_off"]}
        state = "on" if state == config["payload_on"] else "off"
    if state == "None":
        state = None
    assert state is None or len(state) <= LONGEST_STATE
    if state is not None and "state_class" in config:
        float(state)
    attributes = {}
    if body is not None and "json_attributes_template" in config:
        attributes = json.loads(render(config["json_attributes_template"], retained[config["json_attributes_topic"]]))
    return Entity(platform, config, state, available, attributes)


def _keys(values: dict[str, Any], rules: Rules) -> None:
    for key, value in values.items():
        assert key in rules, f"Home Assistant does not know the key {key}"
        assert isinstance(value, rules[key]), f"{key} is a {type(value).__name__}"


def _topic(topic: str) -> None:
    """By MQTT 3.1.1, section 4.7, a name of a topic."""
    assert 0 < len(topic.encode()) <= 65_535
    assert not re.search(r"[+#\x00]", topic)
