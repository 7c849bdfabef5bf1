"""The photos of a project as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Photo:
    """A photo of a class.

    Attributes:
        id: its path relative to ``photos/``, with ``/`` between folders; another one once it is moved.
        version: another text once the file's content changes, for addresses that browsers keep.
    """

    id: str
    version: str


@dataclass(frozen=True)
class AlbumClass:
    """A class and its photos.

    Attributes:
        label: of the class; ``unknown`` for the photos that are none of the classes.
        photos: the newest first.
    """

    label: str
    photos: tuple[Photo, ...]


@dataclass(frozen=True)
class Change:
    """A change of the photos that can be taken back, or done again.

    Attributes:
        photos: how many were moved; 0 for a class that was added or removed.
        kind: where they were put: ``class``, ``classes`` for several, ``unknown``, ``bin`` or ``inbox``.
        label: the class; the number of classes for several; empty for the others.
        text: all of it in English, such as ``3 pictures to cat``.
    """

    photos: int
    kind: str
    label: str
    text: str


@dataclass(frozen=True, kw_only=True)
class AlbumState:
    """The photos of a project at one moment.

    Attributes:
        revision: another text after each change.
        classes: in the order of their labels; ``unknown`` is not among them.
        unknown: the photos that are none of the classes; None if there is no such folder.
        binned: the number of photos in the bin.
        undo: what would be taken back, such as ``3 pictures to cat``; None for nothing.
        redo: what would be done again; None for nothing.
        undo_change: the same as ``undo``, for texts in other languages.
        redo_change: the same as ``redo``.
        refused: files and folders that are not shown, with the reasons, such as links that lead out of the project.
    """

    revision: str
    classes: tuple[AlbumClass, ...]
    unknown: AlbumClass | None
    binned: int
    undo: str | None
    redo: str | None
    undo_change: Change | None = None
    redo_change: Change | None = None
    refused: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[AlbumClass, ...]:
        """The classes, and then the unknown photos, if there is a folder of them."""
        return self.classes if self.unknown is None else (*self.classes, self.unknown)

    def find(self, label: str) -> AlbumClass | None:
        """A class, or the unknown photos, by label; None if there is none."""
        return next((one for one in self.groups if one.label == label), None)
