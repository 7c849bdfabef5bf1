"""The JSON Schema of a ``board.toml``, from which editors complete it. It follows from the keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from graft_device.config.declared import FileKey
from graft_device.config.tables import Table, board

SCHEMA_FILE = Path(__file__).with_name("board.schema.json")
"""The schema as it is shipped."""

_DRAFT = "http://json-schema.org/draft-07/schema#"
_EXCLUSIVE = (("fps", "every"), ("model", "models"))
_NEEDED = ("model", "source")


def schema() -> dict[str, Any]:
    """The schema as plain values, in draft 7, which all editors know."""
    top = board()
    return {
        "$schema": _DRAFT,
        "title": "board.toml of graftkit",
        **_table(top),
        "required": list(_NEEDED),
        "definitions": {name: _variants(inner) for name, inner in _named(top).items()},
    }


def schema_text() -> str:
    """The contents of ``SCHEMA_FILE``."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _named(table: Table) -> dict[str, Table]:
    inner = {**table.arrays, **table.tables}
    return {**inner, **{name: found for each in inner.values() for name, found in _named(each).items()}}


def _variants(table: Table) -> dict[str, Any]:
    if not table.variants:
        return _table(table)
    return {"description": table.summary, "oneOf": [_table(each, kind) for kind, each in table.variants.items()]}


def _table(table: Table, kind: str = "") -> dict[str, Any]:
    properties = {name: _key(key) for name, key in table.keys.items()}
    if kind:
        properties["kind"] = {"description": table.summary, "const": kind}
    for name in table.tables:
        properties[name] = {"$ref": f"#/definitions/{name}"}
    for name in table.arrays:
        least = {"minItems": 1} if not table.title and name in _NEEDED else {}
        properties[name] = {"type": "array", "items": {"$ref": f"#/definitions/{name}"}, **least}
    required = [name for name, key in table.keys.items() if key.required]
    return {
        "description": table.summary,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": required} if required else {}),
        **_exclusions(table),
    }


def _exclusions(table: Table) -> dict[str, Any]:
    """Keys that exclude each other, and keys of which one is needed."""
    pairs = [list(pair) for pair in _EXCLUSIVE if set(pair) <= set(table.keys)]
    rules: dict[str, Any] = {"not": {"anyOf": [{"required": pair} for pair in pairs]}} if pairs else {}
    if "places" in table.keys:
        rules["oneOf"] = [{"required": ["place"]}, {"required": ["places"]}]
    return rules


def _key(key: FileKey) -> dict[str, Any]:
    described = {"description": key.key.help, **key.kind.schema}
    if key.required and described.get("type") == "array":
        described["minItems"] = 1
    if key.default not in (None, (), "") and _plain(key.default) is not None:
        described["default"] = _plain(key.default)
    if key.key.example:
        described["examples"] = [_example(key.key.example)]
    return described


def _plain(value: object) -> object:
    """A default as JSON has it; None for one that is written in another form."""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return value if isinstance(value, (bool, int, float, str)) else None


def _example(toml: str) -> object:
    """The value of an example; those that keys have are JSON, too."""
    return json.loads(toml)
