"""Puts the photos as they are now on a map that was made earlier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graft_host.studio.album.state import AlbumState
from graft_host.studio.maps.photo_map import PhotoMap
from graft_host.studio.maps.principal import Array


@dataclass(frozen=True, kw_only=True)
class Placed:
    """The photos that are on the map, and the number of those that are not.

    Attributes:
        labels: of the classes, followed by that of the unknown photos if there are any.
        unknown: whether the last label is that of the unknown photos.
        ids: of the photos.
        versions: of the photos, for their addresses.
        classes: the place of each photo's label in ``labels``.
        points: float32 ``[N,2]``.
        missing: how many photos are not on the map.
    """

    labels: tuple[str, ...]
    unknown: bool
    ids: tuple[str, ...]
    versions: tuple[str, ...]
    classes: tuple[int, ...]
    points: Array
    missing: int


def placed(made: PhotoMap, state: AlbumState, digest: Callable[[str, str], str]) -> Placed:
    """Finds each photo on the map by its name, or by its content if it was moved since.

    Args:
        made: the map.
        state: the photos now.
        digest: of the content of a photo with such an id and version; empty if it cannot be read. It is only asked
            for photos that are not on the map by name, and only if others are gone.
    """
    groups = state.groups
    rows = {name: row for row, name in enumerate(made.ids)}
    now = {photo.id for group in groups for photo in group.photos}
    gone: Mapping[str, int] = {made.digests[row]: row for name, row in rows.items() if name not in now}
    ids, versions, classes, found = [], [], [], []
    missing = 0
    for place, group in enumerate(groups):
        for photo in group.photos:
            row = rows.get(photo.id)
            if row is None and gone:
                row = gone.get(digest(photo.id, photo.version))
            if row is None:
                missing += photo.id not in made.left_out
                continue
            ids.append(photo.id)
            versions.append(photo.version)
            classes.append(place)
            found.append(row)
    return Placed(
        labels=tuple(group.label for group in groups),
        unknown=state.unknown is not None,
        ids=tuple(ids),
        versions=tuple(versions),
        classes=tuple(classes),
        points=made.points[np.array(found, np.int64)],
        missing=missing,
    )
