"""Renders the photos of the demo into its folder, and keeps files that the demo did not make."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from graft_device.errors import ExportError, os_reason
from graft_host.demo.rendering.render import PARTS, UNKNOWN_OBJECTS, render_alone, render_dataset
from graft_host.support.progress import Progress

PHOTOS_PER_CLASS = 240
"""Enough for rare views, such as screws that are driven in, which 100 photos have too few of."""

PHOTO_SIZE = 256
"""Side in pixels. The network sees 224, and larger photos would take longer to render."""

UNKNOWN_OBJECT = "leaf"

_SEED = 0
_NEW_PHOTOS_SEED = 1
_OWN = re.compile(rf"({'|'.join(PARTS)})(/\1-\d{{4,}}\.jpg)?")
_OWN_NEW = re.compile(rf"({'|'.join((*PARTS, *UNKNOWN_OBJECTS))})\.jpg")


@dataclass(frozen=True)
class Folders:
    """The files of a demo.

    Attributes:
        root: the folder that holds them.
    """

    root: Path

    @property
    def photos(self) -> Path:
        """The folder of photos to train on, with a folder for each part."""
        return self.root / "photos"

    @property
    def new(self) -> Path:
        """The folder of photos that the training does not use."""
        return self.root / "new"

    @property
    def model(self) -> Path:
        """The model."""
        return self.root / "parts.tflite"

    @property
    def report(self) -> Path:
        """The page about the model."""
        return self.root / "parts.html"

    def prepare(self) -> None:
        """Creates the folders, and removes the photos of an earlier demo.

        Raises:
            ExportError: they hold other files, or cannot be written.
        """
        with _writing(self.root):
            for path in [*_former(self.photos, _OWN), *_former(self.new, _OWN_NEW)]:
                path.unlink()
            self.photos.mkdir(parents=True, exist_ok=True)
            self.new.mkdir(exist_ok=True)


def render_photos(
    folders: Folders,
    place: int | None,
    threads: int,
    progress: Progress,
    seed: int = _SEED,
    per_class: int = PHOTOS_PER_CLASS,
) -> None:
    """Renders the photos to train on.

    Args:
        folders: prepared.
        place: of all photos; None for another place in each photo.
        threads: photos to render at a time.
        progress: called with the numbers of photos done and of all.
        seed: of the renderer; the demo has one, and its benchmark tries others.
        per_class: number of photos of each part.

    Raises:
        ExportError: a photo cannot be written.
    """
    with _writing(folders.root):
        render_dataset(folders.photos, per_class, seed, place, threads, progress, PHOTO_SIZE)


def render_new_photos(folders: Folders, place: int | None) -> list[tuple[Path, str | None]]:
    """Renders a photo of each part, and one of an unknown object, that are not among the photos to train on.

    Args:
        folders: prepared.
        place: of all photos; None for another place in each photo.

    Returns:
        The photos, each with its part; the last with None, because it shows none.

    Raises:
        ExportError: a photo cannot be written.
    """
    photos: list[tuple[Path, str | None]] = []
    for index, name in enumerate((*PARTS, UNKNOWN_OBJECT)):
        rng = np.random.default_rng([_NEW_PHOTOS_SEED, index])
        path = folders.new / f"{name}.jpg"
        with _writing(folders.root), threadpool_limits(1):  # as in ``render_dataset``
            render_alone(name, rng, PHOTO_SIZE, place).save(path, quality=90)
        photos.append((path, name if name in PARTS else None))
    return photos


def _former(folder: Path, own: re.Pattern[str]) -> list[Path]:
    """The photos of an earlier demo in a folder.

    Raises:
        ExportError: the folder holds something else.
    """
    photos = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if own.fullmatch(path.relative_to(folder).as_posix()) is None:
            raise ExportError(f"{path} is not from a demo", "choose another place with --folder, or move it away")
        if not path.is_dir() or path.is_symlink():
            photos.append(path)
    return photos


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turns an error of the file system into an ExportError that names the option."""
    try:
        yield
    except OSError as error:
        raise ExportError(
            f"cannot write {error.filename or folder}: {os_reason(error)}", "choose another place with --folder"
        ) from error
