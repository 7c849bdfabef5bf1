"""The options that name photos besides the folder of photos itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from graft_host.support.option import Option

ALSO = Option(
    group="Photos",
    help="Another folder with a folder of photos per class. May be given several times.",
)
LABELS = Option(
    group="Photos",
    help="A CSV or JSON file that lists the photos in PHOTOS with their labels, as path,label or path,label,split; or "
    "COCO annotations. The folders in PHOTOS are no classes then. May be given several times.",
)


@dataclass(frozen=True, kw_only=True)
class GivenOptions:
    """Where photos are besides the folder of photos itself.

    Attributes:
        also: further folders with a folder of photos per class.
        labels: files that list the photos with their labels.
    """

    also: Annotated[tuple[Path, ...], ALSO] = ()
    labels: Annotated[tuple[Path, ...], LABELS] = ()
