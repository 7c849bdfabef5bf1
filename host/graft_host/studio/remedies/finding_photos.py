"""Turns the findings of a check into those of a page: with the photos as the album knows them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from graft_device.errors import PhotoError
from graft_device.system.plain import read_plain
from graft_host.photo_check import CheckResult
from graft_host.photos.dataset import Photo
from graft_host.photos.findings import Finding
from graft_host.studio.remedies.better import sharpness
from graft_host.studio.remedies.found import Found, FoundPhoto

_ABOUT_CLASSES = frozenset({"class", "split", "few", "imbalance"})
_NEAR = frozenset({"near", "near_across", "leak"})
_LARGEST_FILE = 64 << 20


def found_in(result: CheckResult, root: Path) -> tuple[Found, ...]:
    """The findings of a check, in its order.

    Args:
        result: of the check.
        root: the folder of photos that was checked.
    """
    photos = {photo.path: photo for photo in result.dataset.everything}
    folders = {
        folder: label
        for number, label in enumerate(result.dataset.labels)
        for folder in result.dataset.folders_of(number)
    }
    return tuple(_found(finding, result, photos, folders, root) for finding in result.findings)


def _found(
    finding: Finding, result: CheckResult, photos: Mapping[Path, Photo], folders: Mapping[Path, str], root: Path
) -> Found:
    details = finding.details
    if finding.kind in _ABOUT_CLASSES:
        shown: tuple[FoundPhoto, ...] = ()
        named = [folders[path] for path in finding.paths if path in folders] or [str(details.get("label", ""))]
        labels: Sequence[str] = list(dict.fromkeys(filter(None, named)))
    else:
        known = [photos.get(path) for path in finding.paths]
        levels = _sharpness(finding, [photo for photo in known if photo is not None])
        shown = tuple(
            _unread(path, folders, root)
            if photo is None
            else _photo(photo, result.dataset.name_of(photo.label), levels.get(photo.digest, 0.0), root)
            for path, photo in zip(finding.paths, known, strict=True)
        )
        labels = list(dict.fromkeys(photo.label for photo in shown if photo.label))
    return Found(
        kind=finding.kind,
        photos=shown,
        labels=tuple(labels),
        suggested=str(details.get("suggested", "")),
        probability=float(details.get("probability", 0)),
        problem=finding.problem,
        advice=finding.advice,
        figures={name: value for name, value in details.items() if isinstance(value, (int, float))},
    )


def _photo(photo: Photo, label: str, level: float, root: Path) -> FoundPhoto:
    width, height = photo.size or (0, 0)
    size, changed = _written(photo.path)
    return FoundPhoto(
        id=_id(photo.path, root), digest=photo.digest, label=label, width=width, height=height,
        size=size, changed=changed, sharpness=level,
    )  # fmt: skip


def _unread(path: Path, folders: Mapping[Path, str], root: Path) -> FoundPhoto:
    """A file that is no photo; it still has a content, by which it can be ignored."""
    size, changed = _written(path)
    digest = ""
    if size <= _LARGEST_FILE:
        try:
            digest = hashlib.sha256(read_plain(path)).hexdigest()
        except OSError:
            digest = ""
    label = next((folders[parent] for parent in path.parents if parent in folders), "")
    return FoundPhoto(id=_id(path, root), digest=digest, label=label, size=size, changed=changed)


def _sharpness(finding: Finding, photos: Sequence[Photo]) -> Mapping[str, float]:
    """The sharpness of different files by their digests; of copies that differ in nothing, none."""
    different = {photo.digest: photo for photo in photos}
    if finding.kind not in _NEAR or len(different) < 2:  # noqa: PLR2004  to compare
        return {}
    try:
        levels = sharpness([photo.path for photo in different.values()])
    except PhotoError:
        return {}
    return dict(zip(different, levels, strict=True))


def _written(path: Path) -> tuple[int, float]:
    """The size of a file, and when it was written."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0.0
    return status.st_size, status.st_mtime


def _id(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
