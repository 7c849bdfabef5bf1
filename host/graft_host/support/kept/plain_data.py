"""Writes dataclasses, arrays and plain values as JSON, reads them back, and hashes them."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_json(value: object) -> str:
    """Writes a value as JSON; raises TypeError for a value of another type than ``from_json`` returns."""
    return json.dumps(_plain(value), separators=(",", ":"))


def from_json(text: str, classes: Collection[type]) -> Any:
    """Reads what ``to_json`` wrote.

    Args:
        text: the JSON.
        classes: the dataclasses that it may contain.

    Returns:
        None, a bool, number, text, bytes or array, a tuple, list or dictionary of such values, or a dataclass of them.

    Raises:
        ValueError: the text is not such JSON.
        KeyError: a class is not one of ``classes``, or a part is missing.
        TypeError: a part has the wrong type, or a class has other fields.
    """
    return _value(json.loads(text), {cls.__name__: cls for cls in classes})


def digest_of(*values: object) -> str:
    """The SHA-256 in hex of values that ``to_json`` can write; different values have different digests."""
    sha256 = hashlib.sha256()
    _feed(sha256, values)
    return sha256.hexdigest()


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if dataclasses.is_dataclass(value):
        return {"class": type(value).__name__, "fields": _plain(_fields(value))}
    for kind, (name, write) in _WRITERS.items():
        if isinstance(value, kind):
            return write(value) if name is None else {name: write(value)}
    raise TypeError(f"cannot write a {type(value).__name__}")


def _value(raw: Any, classes: Mapping[str, type]) -> Any:
    if isinstance(raw, list):
        return [_value(entry, classes) for entry in raw]
    if not isinstance(raw, dict):
        return raw
    if "class" in raw:
        return classes[raw["class"]](**_value(raw["fields"], classes))
    ((name, content),) = raw.items()
    return _READERS[name](_value(content, classes))


def _array(parts: list[Any]) -> NDArray[Any]:
    kind, shape, data = parts
    return np.frombuffer(_bytes(data), np.dtype(kind)).reshape(shape).copy()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(data: Any) -> str:
    return base64.b64encode(data).decode()


_WRITERS: dict[type, tuple[str | None, Callable[[Any], Any]]] = {
    tuple: ("tuple", lambda value: _plain(list(value))),
    dict: ("dictionary", lambda value: _plain([list(entry) for entry in value.items()])),
    bytes: ("bytes", _text),
    np.ndarray: ("array", lambda value: [value.dtype.str, list(value.shape), _text(np.ascontiguousarray(value))]),
    np.generic: (None, lambda value: value.item()),
}
_READERS: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "dictionary": dict, "bytes": _bytes, "array": _array}


def _feed(sha256: Any, value: Any) -> None:
    """Adds a value to a hash, each part after its kind and length, so that no two values give the same bytes."""
    if isinstance(value, np.ndarray):
        sha256.update(f"array {value.dtype.str} {value.shape} ".encode())
        sha256.update(np.ascontiguousarray(value).data)
    elif isinstance(value, bytes):
        sha256.update(f"bytes {len(value)} ".encode())
        sha256.update(value)
    elif isinstance(value, (tuple, list)):
        sha256.update(f"list {len(value)} ".encode())
        for entry in value:
            _feed(sha256, entry)
    elif isinstance(value, Mapping):
        _feed(sha256, list(value.items()))
    elif dataclasses.is_dataclass(value):
        _feed(sha256, [type(value).__name__, *_fields(value).items()])
    else:
        text = json.dumps(_plain(value)).encode()
        sha256.update(f"value {len(text)} ".encode())
        sha256.update(text)
