"""Names of kept photos, and the folders of them in a watched folder: a kept photo must not be classified again."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from graft_device.sources.base import SourceError

LABELLED = ".labelled"
"""In the name of a kept photo, behind the time: a person said what it shows. No label of a model can look like it."""

CAPTURED = ".captured"
"""In the name of a kept photo, behind the time: a person took it for the class that its folder names."""

KEPT_NAME = (
    rf"(?P<stamp>\d{{8}}T\d{{6}}\.\d{{3}})Z"
    rf"(?:(?P<labelled>{re.escape(LABELLED)})?_(?P<scores>.*)|(?P<captured>{re.escape(CAPTURED)})(?:-\d+)?)"
    r"\.(?:jpg|jpeg|png|webp|bmp|gif|heic|avif)"
)
"""The pattern of a kept photo's name, upper case or lower case: its time, and who said what."""

_KEPT_NAME = re.compile(KEPT_NAME, re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Apart:
    """What to skip in a watched folder.

    Attributes:
        below: a folder below it, with the same prefix as the watched folder; None for no folder.
        among: whether kept photos are in the watched folder itself, beside others.
    """

    below: str | None = None
    among: bool = False


def apart(watched: Path, kept: Path | None) -> Apart:
    """Finds what to skip in a watched folder.

    Args:
        watched: the watched folder.
        kept: the folder where uncertain photos are kept, one folder for each label; None for no such folder.

    Raises:
        SourceError: both are the same folder.
    """
    if kept is None:
        return Apart()
    root, store = os.path.realpath(watched), os.path.realpath(kept)
    if root == store:
        raise SourceError(
            f"{watched} is watched, so photos that are kept in it would be read again and again",
            "keep them in another folder (it may be below this one)",
        )
    below = os.path.relpath(store, root)
    if below.partition(os.sep)[0] != os.pardir:
        return Apart(below=os.path.join(watched, below))  # noqa: PTH118  ./x for ., as os.scandir writes it
    return Apart(among=os.path.dirname(root) == store)  # noqa: PTH120


def check_apart(watched: Path, captured: Path | None) -> None:
    """Checks that photos which a person captures do not come up as new ones in a watched folder.

    Args:
        watched: the watched folder.
        captured: the folder of captured photos, one folder for each label; None for no such folder.

    Raises:
        SourceError: they would.
    """
    if apart(watched, captured) != Apart():
        raise SourceError(
            f"{watched} is watched, and captured photos would appear in it", "capture into another folder"
        )


def is_kept(path: str) -> bool:
    """Whether a file has the name of a kept photo."""
    return _KEPT_NAME.fullmatch(os.path.basename(path)) is not None  # noqa: PTH119  many a second


def is_labelled(path: str) -> bool:
    """Whether a file has the name of a kept photo of which a person said what it shows."""
    match = _KEPT_NAME.fullmatch(os.path.basename(path))  # noqa: PTH119  as above
    return match is not None and match["labelled"] is not None


def is_captured(path: str) -> bool:
    """Whether a file has the name of a photo that a person captured."""
    match = _KEPT_NAME.fullmatch(os.path.basename(path))  # noqa: PTH119  as above
    return match is not None and match["captured"] is not None
