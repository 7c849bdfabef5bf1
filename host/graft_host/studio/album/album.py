"""The photos of a project: looked up, added, moved between classes, and put into a bin, all of which can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graft_host.studio.album.state import AlbumState, Photo
from graft_host.studio.project.folder import Project
from graft_host.studio.project.signal import Signal


class Album:
    """The photos of a project. Its methods may be called from several threads, and other programs may add photos.

    Attributes:
        changed: emitted after each change of the photos.
    """

    def __init__(self, project: Project, cache: Path | None) -> None:
        self.changed = Signal()
        self._project = project
        self._cache = cache

    def state(self) -> AlbumState:
        """The photos as they are now; quick, for it is kept until something changes."""
        raise NotImplementedError

    def path(self, photo_id: str) -> Path:
        """The file of a photo; raises StudioError if there is none, or if it leads out of the project."""
        raise NotImplementedError(photo_id)

    def thumbnail(self, photo_id: str) -> bytes:
        """A JPEG of at most 256 pixels a side, made once; raises PhotoError or StudioError."""
        raise NotImplementedError(photo_id)

    def add(self, label: str, name: str, content: bytes) -> Photo | None:
        """Adds a photo to a class, or to ``unknown``, which is made if it is missing.

        Args:
            label: of the class.
            name: the file's name, of which the last part is used, and a number added if it is taken.
            content: of the file.

        Returns:
            The photo; None if the class has a file with the same content already.

        Raises:
            PhotoError: it is no photo that graftkit reads.
            StudioError: the class cannot be made, or the file cannot be written.
        """
        raise NotImplementedError(label, name, content)

    def add_class(self, label: str) -> str:
        """Adds a class, with an empty folder; returns its label. Raises StudioError if the label cannot be used."""
        raise NotImplementedError(label)

    def rename_class(self, label: str, new: str) -> str:
        """Renames a class, into another one if there is one of the new name, as a move that can be undone."""
        raise NotImplementedError(label, new)

    def delete_class(self, label: str) -> None:
        """Puts all photos of a class into the bin and removes its folder, which an undo brings back."""
        raise NotImplementedError(label)

    def move(self, ids: Sequence[str], label: str) -> int:
        """Moves photos to a class or to ``unknown``; returns how many were moved. Raises StudioError."""
        raise NotImplementedError(ids, label)

    def delete(self, ids: Sequence[str]) -> int:
        """Puts photos into the bin; returns how many. Raises StudioError."""
        raise NotImplementedError(ids)

    def undo(self) -> str | None:
        """Takes the last change back, also one from before a restart; returns what, None for nothing."""
        raise NotImplementedError

    def redo(self) -> str | None:
        """Does again what was taken back last; returns what, None for nothing."""
        raise NotImplementedError
