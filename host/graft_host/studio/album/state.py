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
    """

    revision: str
    classes: tuple[AlbumClass, ...]
    unknown: AlbumClass | None
    binned: int
    undo: str | None
    redo: str | None
