"""Where the photos of a data set are: folders of classes, or files that a list of labels names."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from graft_host.photos.given.archive import is_archive, unpacked


@dataclass(frozen=True, kw_only=True)
class PhotoPlaces:
    """Where the photos of a data set are.

    Attributes:
        root: a folder with a folder of photos per class, or an archive of one; with ``labels``, the folder that their
            paths begin at.
        also: further folders with a folder of photos per class, or archives.
        labels: files that list the photos below ``root`` with their labels; the folders there are no classes then.
        cache: graftkit's cache folder, where archives are unpacked; the usual one if None.
        unknown: folders of photos that are of none of the classes, beside those called ``unknown``; None if there are
            no such photos, and ``unknown`` is an ordinary name for a class.
    """

    root: Path
    also: tuple[Path, ...] = ()
    labels: tuple[Path, ...] = ()
    cache: Path | None = None
    unknown: tuple[Path, ...] | None = None

    @property
    def roots(self) -> tuple[Path, ...]:
        """All folders."""
        return (self.root, *self.also)

    def unpacked(self) -> PhotoPlaces:
        """The places with folders instead of archives.

        Raises:
            CacheError: there is no room for an archive's photos.
            DatasetError: an archive cannot be unpacked.
        """
        root, *also = (unpacked(path, self.cache) if is_archive(path) else path for path in self.roots)
        return replace(self, root=root, also=tuple(also))

    @property
    def arguments(self) -> str:
        """The places as words of a command line."""
        words = [self.root, *(word for path in self.also for word in ("--also", path))]
        words += [word for path in self.labels for word in ("--labels", path)]
        words += [word for path in self.unknown or () for word in ("--unknown", path)]
        return " ".join(shlex.quote(os.fspath(word)) for word in words)
