"""Durations and moments as a person writes them."""

from __future__ import annotations

import time

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


def moment(seconds: float) -> str:
    """A moment in local time, such as ``2026-11-28 14:05``, in a form that every language reads.

    Args:
        seconds: since 1970.
    """
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
