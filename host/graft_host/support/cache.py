"""Finds the cache folder, which holds backbones, bottlenecks, fingerprints and results of earlier runs."""

from __future__ import annotations

import os
from pathlib import Path

from graft_device.errors import CacheError
from graft_device.system.homes import user_folder


def default_cache() -> Path:
    """``$GRAFT_CACHE``, or ``graftkit`` in the user's cache folder; raises CacheError where there is no home folder."""
    if chosen := os.environ.get("GRAFT_CACHE"):
        return Path(chosen).expanduser()
    folder = user_folder("XDG_CACHE_HOME", ".cache")
    if folder is None:
        raise CacheError("there is no home folder to keep the cache in", "choose one with --cache DIR or $GRAFT_CACHE")
    return folder
