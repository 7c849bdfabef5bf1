"""Lists names in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """The names with commas, and ``and`` before the last: ``nuts, screws and washers``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
