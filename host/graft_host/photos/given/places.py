"""Where the photos of a data set are: folders of classes, or files that a list of labels names."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PhotoPlaces:
    """Where the photos of a data set are.

    Attributes:
        root: a folder with a folder of photos per class; with ``labels``, the folder that their paths begin at.
        also: further folders with a folder of photos per class.
        labels: files that list the photos below ``root`` with their labels; the folders there are no classes then.
    """

    root: Path
    also: tuple[Path, ...] = ()
    labels: tuple[Path, ...] = ()

    @property
    def roots(self) -> tuple[Path, ...]:
        """All folders."""
        return (self.root, *self.also)

    @property
    def arguments(self) -> str:
        """The places as words of a command line."""
        words = [self.root, *(word for path in self.also for word in ("--also", path))]
        words += [word for path in self.labels for word in ("--labels", path)]
        return " ".join(shlex.quote(os.fspath(word)) for word in words)
