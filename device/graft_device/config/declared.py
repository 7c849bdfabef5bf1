"""Reads from the settings classes which keys the file has: names, kinds, limits and defaults, each declared once."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from graft_device.config.areas import Mask, Roi, parse_mask, parse_roi
from graft_device.config.key import Key
from graft_device.config.kinds import Kind, ListOf, Number, Parsed, PathText, Switch, SwitchOrNumber, Text
from graft_device.config.settings import Confirm
from graft_device.config.texts import ADDRESS, CONFIRM, SIZE, Address, parse_address, parse_confirm, parse_size

_NUMBER = r"\s*\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*"
_PARSED: dict[Any, Kind] = {
    Confirm: Parsed(parse_confirm, CONFIRM, numbers=True),
    Roi: Parsed(parse_roi, rf"{_NUMBER}(,{_NUMBER}){{3}}"),
    Mask: Parsed(parse_mask, rf"{_NUMBER},{_NUMBER}(,{_NUMBER},{_NUMBER})+"),
    Address: Parsed(parse_address, ADDRESS),
    tuple[int, int]: Parsed(parse_size, SIZE),
}


@dataclass(frozen=True)
class FileKey:
    """A key of the file.

    Attributes:
        name: as it is written, with dashes.
        field: the field of the settings class.
        key: what is known of it.
        kind: how its value is written.
        required: whether the table needs it.
        default: the setting where it is missing.
    """

    name: str
    field: str
    key: Key
    kind: Kind
    required: bool
    default: Any


@cache
def keys_of(settings: Any) -> dict[str, FileKey]:
    """The keys that a settings class declares, by their names in the file."""
    hints = get_type_hints(settings, include_extras=True)
    found = {}
    for field in fields(settings):
        kind, *notes = get_args(hints[field.name])
        key = next(note for note in notes if isinstance(note, Key))
        name = field.name.replace("_", "-")
        required = field.default is MISSING
        found[name] = FileKey(name, field.name, key, kind_of(kind, key), required, None if required else field.default)
    return found


def kind_of(annotation: Any, key: Key) -> Kind:
    """The kind of values that a type stands for.

    Args:
        annotation: the type of a field.
        key: the limits of its values.
    """
    if annotation in _PARSED:
        return _PARSED[annotation]
    arguments = [entry for entry in get_args(annotation) if entry not in (type(None), Ellipsis)]
    if get_origin(annotation) is Union:
        return SwitchOrNumber(key) if bool in arguments else kind_of(arguments[0], key)
    if get_origin(annotation) is tuple:
        return ListOf(kind_of(arguments[0], key))
    simple: dict[Any, Any] = {
        bool: Switch, Path: PathText, str: partial(Text, key),
        int: partial(Number, key, whole=True), float: partial(Number, key, whole=False),
    }  # fmt: skip
    kind: Kind = simple[annotation]()
    return kind
