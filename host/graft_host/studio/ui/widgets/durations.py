"""Times as a person says them."""

from __future__ import annotations

from graft_host.studio.texts.texts import Texts

_MINUTE, _HOUR = 60, 3600


def duration(texts: Texts, seconds: float) -> str:
    """A time such as ``2 min 10 s``.

    Args:
        texts: of the language.
        seconds: from 0; below 0 counts as 0.
    """
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return texts("jobs.seconds", seconds=whole)
    if whole < _HOUR:
        return texts("jobs.minutes", minutes=whole // _MINUTE, seconds=whole % _MINUTE)
    return texts("jobs.hours", hours=whole // _HOUR, minutes=whole % _HOUR // _MINUTE)
