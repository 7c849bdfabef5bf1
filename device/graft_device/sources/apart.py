"""Keeps a watched folder apart from the one that unsure pictures go to: seen again, each would be kept again."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from graft_device.sources.base import SourceError

_KEPT_NAME = re.compile(r"\d{8}T\d{6}\.\d{3}Z_.*\.(jpg|jpeg|png|webp|bmp|gif)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Apart:
    """What of a watched folder doesn't count.

    Attributes:
        below: a folder below it, written as the watched one is.
        among: whether kept pictures lie in the watched folder itself, beside others.
    """

    below: str | None = None
    among: bool = False


def apart(watched: Path, kept: Path | None) -> Apart:
    """What doesn't count of a watched folder where unsure pictures go to ``kept``, into a folder per label.

    Raises:
        SourceError: they are one folder.
    """
    if kept is None:
        return Apart()
    root, store = os.path.realpath(watched), os.path.realpath(kept)
    if root == store:
        raise SourceError(
            f"{watched} is watched, so unsure pictures kept in it would come again and again; "
            "keep them in a folder of their own (it may lie below)"
        )
    below = os.path.relpath(store, root)
    if below.partition(os.sep)[0] != os.pardir:
        return Apart(below=os.path.join(watched, below))  # noqa: PTH118  ./x for ., as os.scandir writes it
    return Apart(among=os.path.dirname(root) == store)  # noqa: PTH120


def is_kept(path: str) -> bool:
    """Whether a file's name is that of a kept picture."""
    return _KEPT_NAME.fullmatch(os.path.basename(path)) is not None  # noqa: PTH119  many a second
