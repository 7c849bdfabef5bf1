"""The map of the photos as it is kept: where each photo is, by its content."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from graft_device.errors import os_reason
from graft_device.system.durable import write_atomically
from graft_host.studio.maps.principal import Array
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project

Method = Literal["pca", "umap"]
METHODS: tuple[Method, ...] = ("pca", "umap")

_FOLDER = "maps"
_FORM = 1
_SIDES = 2


@dataclass(frozen=True, kw_only=True)
class PhotoMap:
    """Where photos are in two dimensions.

    Attributes:
        method: how they were laid out.
        ids: the photos as they were called then.
        digests: of their contents, in the same order.
        points: float32 ``[N,2]``, both axes from -1 to 1 or less, with one scale for both.
        explained: the share of the variance of each axis; empty where that has no meaning.
        left_out: files that could not be read, as they were called then.
    """

    method: Method
    ids: tuple[str, ...]
    digests: tuple[str, ...]
    points: Array
    explained: tuple[float, ...] = ()
    left_out: frozenset[str] = frozenset()


def scaled(points: Array) -> Array:
    """Moves and enlarges points so that they fill the square from -1 to 1, without stretching one axis."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    half = float((high - low).max()) / 2
    return np.asarray((points - (low + high) / 2) / (half or 1), np.float32)


def map_path(project: Project, method: Method) -> Path:
    """Where the map of a method is kept."""
    return project.work / _FOLDER / f"{method}.json"


def write_map(project: Project, made: PhotoMap) -> None:
    """Keeps a map in place of the earlier one of its method; raises StudioError if it cannot be written."""
    path = map_path(project, made.method)
    document = {
        "form": _FORM,
        "ids": made.ids,
        "digests": made.digests,
        "points": base64.b64encode(made.points.astype("<f4").tobytes()).decode(),
        "explained": made.explained,
        "left_out": sorted(made.left_out),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(document, ensure_ascii=False).encode())
    except OSError as error:
        raise StudioError(f"cannot write {path}: {os_reason(error)}", "free space on the disk") from error


def read_map(project: Project, method: Method) -> PhotoMap | None:
    """The map of a method; None if there is none, or it is damaged, for it can be made again."""
    try:
        document = json.loads(map_path(project, method).read_bytes())
        return _parsed(document, method)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _parsed(document: Mapping[str, Any], method: Method) -> PhotoMap | None:
    ids, digests = tuple(map(str, document["ids"])), tuple(map(str, document["digests"]))
    points = np.frombuffer(base64.b64decode(document["points"]), "<f4").reshape(-1, _SIDES).astype(np.float32)
    explained = tuple(float(share) for share in document["explained"])
    if document["form"] != _FORM or not len(ids) == len(digests) == len(points) or not np.isfinite(points).all():
        return None
    left_out = frozenset(map(str, document["left_out"]))
    return PhotoMap(
        method=method, ids=ids, digests=digests, points=points, explained=explained, left_out=left_out
    )  # fmt: skip
