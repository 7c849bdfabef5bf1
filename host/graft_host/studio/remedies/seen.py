"""Compares the photos now with those that a check has seen."""

from __future__ import annotations

import hashlib

from graft_host.studio.album.state import AlbumState


def seen(state: AlbumState) -> str:
    """A short text that is another one once a photo is added, changed, moved or deleted; the same after a restart."""
    groups = state.groups
    names = sorted(f"{photo.id}\0{photo.version}" for group in groups for photo in group.photos)
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def ids_of(state: AlbumState) -> frozenset[str]:
    """The photos that there are."""
    groups = state.groups
    return frozenset(photo.id for group in groups for photo in group.photos)


def counts_of(state: AlbumState) -> dict[str, int]:
    """The number of photos in each class."""
    return {group.label: len(group.photos) for group in state.classes}
