"""Where the kit keeps backbones, bottlenecks and fingerprints."""

from __future__ import annotations

import os
from pathlib import Path

from graft_device.errors import CacheError


def default_cache() -> Path:
    """``$GRAFT_CACHE``, or ``graftkit`` in the user's cache folder; raises CacheError where there is no home folder."""
    if chosen := os.environ.get("GRAFT_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  Path's own may raise
    if not Path(base).is_absolute():
        raise CacheError("there is no home folder to keep the cache in: name one with --cache DIR or $GRAFT_CACHE")
    return Path(base) / "graftkit"
