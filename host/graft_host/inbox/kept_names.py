"""Reads the names of the files that boards keep, and makes names safe for this machine."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime

from graft_device.outputs.photo_notes import PhotoNotes
from graft_device.ranking import Prediction
from graft_device.sources.apart import KEPT_NAME
from graft_host.inbox.collected import Kind

_NAME = re.compile(KEPT_NAME, re.IGNORECASE | re.DOTALL | re.ASCII)
_SCORES = re.compile(r"(?P<first>.+?)-(?P<one>\d{1,3})(?:_(?P<second>.+?)-(?P<two>\d{1,3}))?(?:-\d+)?", re.DOTALL)
_STAMP = "%Y%m%dT%H%M%S.%f"
_MOST_BYTES = 200
"""The most bytes of a name; file systems allow 255, and a number may be added."""


@dataclass(frozen=True)
class KeptName:
    """What the name of a kept photo says.

    Attributes:
        kind: why the board kept it.
        time: when it was taken, ISO 8601 in UTC.
        predictions: the model's best labels with their scores; empty where the name has none.
    """

    kind: Kind
    time: str
    predictions: tuple[Prediction, ...] = ()

    def notes(self, label: str) -> PhotoNotes:
        """The notes of a photo that has none in its EXIF.

        Args:
            label: the folder that it was in on the board.
        """
        said = None if self.kind == "uncertain" else label
        return PhotoNotes(time=self.time, said=said, predictions=self.predictions)


def read_name(name: str) -> KeptName | None:
    """Reads a file name; None if it is not that of a kept photo."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        time = datetime.strptime(match["stamp"], _STAMP)  # noqa: DTZ007  in UTC, as its Z says
    except ValueError:
        return None
    kind: Kind = "captured" if match["captured"] else "labelled" if match["labelled"] else "uncertain"
    predictions = () if match["scores"] is None else _predictions(match["scores"])
    return KeptName(kind, f"{time.isoformat(timespec='milliseconds')}Z", predictions)


def _predictions(text: str) -> tuple[Prediction, ...]:
    match = _SCORES.fullmatch(text)
    if match is None:
        return ()
    pairs = [(match["first"], match["one"]), (match["second"], match["two"])]
    return tuple(Prediction(printed(label), int(score) / 100) for label, score in pairs if label and int(score) <= 100)  # noqa: PLR2004


def safe_name(name: str) -> str:
    """A file name of a board as one that is safe here: no folder, not hidden, no option, and valid UTF-8.

    Args:
        name: the name, with the bytes that are not UTF-8 as ``surrogateescape`` gives them.
    """
    text = re.sub(r"[/\\\x00-\x1f\x7f]", "_", printed(name))
    text = re.sub(r"^[.-]", "_", text)
    stem, suffix = os.path.splitext(text)  # noqa: PTH122  a name that is no path
    kept = stem.encode()[: _MOST_BYTES - len(suffix.encode())].decode(errors="ignore")
    return f"{kept}{suffix}"[:_MOST_BYTES] or "_"


def printed(text: str) -> str:
    """A text of a board as valid Unicode."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
