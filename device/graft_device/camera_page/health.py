"""Says whether a run works: its loop turns, and a camera gives frames."""

from __future__ import annotations

from typing import Any

from graft_device.camera_page.hub import Hub
from graft_device.serve.problems import busy

STUCK_S = 30.0
"""Seconds without a turn of the loop after which it counts as stuck."""

_RETRY_S = 10


def health(hub: Hub) -> dict[str, Any]:
    """The state of each source, as plain values.

    Raises:
        ProblemError: 503, the loop is stuck, or no source gives frames.
    """
    if hub.idle_s > STUCK_S:
        raise busy(f"the run is stuck: nothing has happened for {hub.idle_s:.0f} seconds", _RETRY_S)
    sources = hub.sources()
    if sources and not any(source.present for source in sources):
        away = ", ".join(source.id for source in sources)
        raise busy(f"no camera gives frames; away: {away}", _RETRY_S)
    rows = [
        {
            "id": source.id,
            "present": source.present,
            "last_frame_seconds_ago": None if source.silent_s is None else round(source.silent_s, 3),
        }
        for source in sources
    ]
    return {"status": "ok", "sources": rows}
