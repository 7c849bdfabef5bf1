"""The entries of a model card one by one, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MOST = 12
"""Entries of a list of one thing, such as the test photos, that are shown."""


def card_entries(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walks through a card.

    Args:
        value: the card as plain values.
        keys: where it stands.

    Yields:
        The keys that lead to a value, and the value; in the place of a long list its length in words.
    """
    if isinstance(value, (dict, list)) and len(value) > _MOST and keys and not _holds_more(value):
        yield keys, f"{len(value):,} entries"
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from card_entries(inner, (*keys, str(key)))
    else:
        yield keys, value


def _holds_more(values: dict[str, Any] | list[Any]) -> bool:
    """Whether there are objects or lists among the values; then they are no long list of one thing."""
    found = values.values() if isinstance(values, dict) else values
    return any(isinstance(value, (dict, list)) for value in found)
