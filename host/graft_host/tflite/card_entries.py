"""Lists the entries of a model card for display."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MOST = 12
"""The longest list of similar values, such as the test photos, that is shown in full."""


def card_entries(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walks through a card.

    Args:
        value: the card, or a part of it, as plain values.
        keys: the keys that lead to the part.

    Yields:
        The keys that lead to a value, and the value; instead of a long list, a text with its length.
    """
    if isinstance(value, (dict, list)) and len(value) > _MOST and keys and not _holds_more(value):
        yield keys, f"{len(value):,} entries"
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from card_entries(inner, (*keys, str(key)))
    else:
        yield keys, value


def _holds_more(values: dict[str, Any] | list[Any]) -> bool:
    """Whether objects or lists are among the values, which are then no list of similar values."""
    members = values.values() if isinstance(values, dict) else values
    return any(isinstance(value, (dict, list)) for value in members)
