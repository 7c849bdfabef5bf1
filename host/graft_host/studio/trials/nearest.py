"""Finds the photos that a model was trained on and that look most like a picture to it.

Two pictures are as alike as their bottlenecks are near, since the head sees nothing else of them. Bottlenecks that are
means of a ReLU are compared by their square roots, because their variance grows with their mean. The likeness of two is
1 minus their squared distance over the mean squared distance of two photos, which is twice the sum of the variances:
1 for the same picture, 0 for two photos that were taken at random.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.runtime import threads_to_use
from graft_host.photos.dataset import Photo, read_files
from graft_host.studio.album.album import Album
from graft_host.studio.album.state import AlbumState
from graft_host.studio.album.state import Photo as Listed
from graft_host.studio.project.models import model_status
from graft_host.studio.trials.known_bottlenecks import KnownBottlenecks
from graft_host.studio.trials.model_process import ModelProcess
from graft_host.studio.trials.trials import Trials
from graft_host.support.cache import default_cache

MOST = 6
"""Photos that are found."""

_RECORDED_DIGITS = 16
"""Hex digits of a test photo's digest in a model card."""

Array = NDArray[np.float32]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Near:
    """A photo that is like a picture.

    Attributes:
        listed: the photo, as the album calls it now.
        label: the class that it is in now.
        likeness: 1 for the same picture, 0 for two photos that were taken at random.
    """

    listed: Listed
    label: str
    likeness: float

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {"id": self.listed.id, "version": self.listed.version, "label": self.label, "likeness": self.likeness}


@dataclass(frozen=True)
class _Candidate:
    """A photo that a model may have been trained on: in the album with its class, and as a file with its digest."""

    listed: Listed
    label: str
    file: Photo


@dataclass(frozen=True, kw_only=True)
class _Index:
    """The photos that a model was trained on, and their bottlenecks.

    Attributes:
        key: of the model and of the photos.
        photos: those that can be read.
        rows: as they are compared, ``[N,D]``.
        roots: whether these are square roots.
        scale: the mean squared distance of two photos.
    """

    key: tuple[str, str]
    photos: tuple[_Candidate, ...]
    rows: Array
    roots: bool
    scale: float


class NearestPhotos:
    """The photos of a project, compared by the bottlenecks of its models. Several threads may use it."""

    def __init__(self, trials: Trials, album: Album) -> None:
        """Compares nothing yet; the photos of the last model are kept."""
        self._trials = trials
        self._album = album
        self._index: _Index | None = None

    def find(self, name: str, picture: bytes, progress: Progress, stopped: Callable[[], bool]) -> tuple[Near, ...]:
        """The photos that are most alike, the best first. The picture itself is not among them.

        Args:
            name: of the model.
            picture: the bytes of an image file.
            progress: called with (photos done, photos to do), for those that were never compared before.
            stopped: asked often whether to stop.

        Raises:
            StoppedError: ``stopped`` returned True.
            PhotoError: the picture cannot be read.
            GraftError: the model or the cache cannot be used.
        """
        process = self._trials.process(name)
        state = self._album.refresh()
        key = process.description()["digest"], state.revision
        known = KnownBottlenecks(process, self._trials.cache or default_cache(), picture)
        index = self._index
        if index is None or index.key != key:
            photos = self._candidates(name, process, state)
            index = self._index = _made(key, photos, known.rows([one.file for one in photos], progress, stopped))
        distances = np.square(index.rows - (np.sqrt(known.row) if index.roots else known.row)).sum(axis=1)
        own = hashlib.sha256(picture).hexdigest()
        order = [(index.photos[place], float(distances[place])) for place in np.argsort(distances, kind="stable")]
        others = [(one, distance) for one, distance in order if one.file.digest != own]
        return tuple(Near(one.listed, one.label, _likeness(distance, index.scale)) for one, distance in others[:MOST])

    def _candidates(self, name: str, process: ModelProcess, state: AlbumState) -> list[_Candidate]:
        """The photos that were there when the model was made, without those that it was tested on."""
        written = model_status(self._trials.project, name).st_mtime_ns
        classes = state.groups
        listed = [
            (photo, one.label) for one in classes for photo in one.photos if _changed_ns(photo.version) <= written
        ]
        paths = [self._trials.project.photos / photo.id for photo, _ in listed]
        files = read_files(paths, threads_to_use(None), self._trials.cache or default_cache())
        tested = _tested(process.description()["card"])
        return [
            _Candidate(photo, label, file)
            for (photo, label), file in zip(listed, files, strict=True)
            if isinstance(file, Photo) and file.digest[:_RECORDED_DIGITS] not in tested
        ]


def _tested(card: Mapping[str, Any]) -> set[str]:
    """The beginnings of the digests of a model's test photos; none where a card has something else in their place."""
    split = card["training"].get("split")
    listed = split.get("test") if isinstance(split, dict) else None
    return {one for one in listed if isinstance(one, str)} if isinstance(listed, list) else set()


def _made(key: tuple[str, str], candidates: list[_Candidate], known: dict[str, Array]) -> _Index:
    photos = tuple(one for one in candidates if one.file.digest in known)
    rows = np.stack([known[one.file.digest] for one in photos]) if photos else np.zeros((0, 1), np.float32)
    roots = bool(rows.min(initial=0) >= 0)
    rows = np.sqrt(rows) if roots else rows
    scale = 2 * float(rows.var(axis=0).sum()) if photos else 0.0
    return _Index(key=key, photos=photos, rows=rows, roots=roots, scale=scale)


def _likeness(distance: float, scale: float) -> float:
    return round(max(0.0, 1 - distance / scale), 4) if scale else float(distance == 0)


def _changed_ns(version: str) -> int:
    """When a photo was changed last, which moving it to another class does not change."""
    return int(version.partition("-")[0], 16)
