"""What passes between a sorting table and those who use it: pictures in groups, places to put them, and moves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from graft_device.errors import GraftError
from graft_device.ranking import Prediction

PlaceKind = Literal["class", "unknown", "bin", "inbox"]
"""Where a picture can be put: a class, the photos that are none of the classes, the bin, or back where it was."""

GroupKind = Literal["said", "suggested", "cluster", "duplicates"]
"""What the pictures of a group share: a person's word, a suggested label, their likeness, or that they are among the
photos already."""


class SortError(GraftError):
    """An inbox cannot be sorted, or pictures cannot be moved."""


@dataclass(frozen=True)
class Destination:
    """Where pictures are put.

    Attributes:
        kind: ``class``, ``unknown``, ``bin`` or ``inbox``.
        label: the class; empty for the others.
    """

    kind: PlaceKind
    label: str = ""

    def text(self) -> str:
        """The destination as the end of a sentence: ``to cats``."""
        return {"class": f"to {self.label}", "unknown": "to unknown", "bin": "to the bin", "inbox": "to the inbox"}[
            self.kind
        ]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture in the inbox.

    Attributes:
        id: the first 16 hex digits of the SHA-256 of its content; further copies of the same content have ``-2``,
            ``-3`` and so on at the end.
        name: its path relative to the inbox, with ``/`` between folders.
        board: the board that it came from; empty if it is not known.
        said: what a person said that it shows; None if nobody did.
        answer: what a model said that it shows, ``unknown`` if it was refused; None if no model was asked.
        predictions: the model's labels with their scores, best first.
        suggested: the label that it probably has; None if there is none.
        score: how probable the suggested label is, from 0 to 1; None if a person said it, or if there is none.
        twin: the photo among those that are sorted already that it is a copy or a near duplicate of.
    """

    id: str
    name: str
    board: str = ""
    said: str | None = None
    answer: str | None = None
    predictions: tuple[Prediction, ...] = ()
    suggested: str | None = None
    score: float | None = None
    twin: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """The picture as plain values."""
        predictions = [{"label": one.label, "score": round(one.score, 4)} for one in self.predictions]
        score = None if self.score is None else round(self.score, 4)
        twin = None if self.twin is None else str(self.twin)
        return {**vars(self), "predictions": predictions, "score": score, "twin": twin}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Pictures that belong together.

    Attributes:
        id: the same for as long as the table is open.
        title: what to call it, such as ``like cats`` or ``group 3``.
        kind: ``said``, ``suggested``, ``cluster`` or ``duplicates``.
        label: the label that its pictures probably have; None if there is none.
        pictures: those that are still in the inbox: the surest first in a suggested group, the most alike next to each
            other in the others.
    """

    id: str
    title: str
    kind: GroupKind
    label: str | None
    pictures: tuple[Picture, ...]

    def to_json(self) -> dict[str, Any]:
        """The group as plain values."""
        return {**vars(self), "pictures": [picture.to_json() for picture in self.pictures]}


@dataclass(frozen=True)
class ClassCount:
    """A class that pictures can be put into, and the number of its photos."""

    label: str
    photos: int


@dataclass(frozen=True, kw_only=True)
class TableState:
    """A sorting table at a moment.

    Attributes:
        groups: the pictures in the inbox; no group is empty.
        classes: the classes in code point order, also those that have no photo yet.
        unknown: the number of photos that are none of the classes.
        binned: the number of pictures in the bin.
        moved: the number of pictures that were put somewhere, and not taken back, since the journal began.
        undo: what ``undo`` would take back, such as ``3 pictures to cats``; None if there is nothing.
        redo: what ``redo`` would do again; None if there is nothing.
    """

    groups: tuple[Group, ...]
    classes: tuple[ClassCount, ...]
    unknown: int
    binned: int
    moved: int
    undo: str | None
    redo: str | None

    def to_json(self) -> dict[str, Any]:
        """The state as plain values."""
        return {
            **vars(self),
            "groups": [group.to_json() for group in self.groups],
            "classes": [asdict(count) for count in self.classes],
        }


@dataclass(frozen=True)
class Left:
    """A picture that was not moved, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Moved:
    """What a move, an undo or a redo did.

    Attributes:
        pictures: the ids of the pictures that were moved.
        text: what was moved, such as ``3 pictures to cats``.
        left: the pictures that were not moved.
    """

    pictures: tuple[str, ...]
    text: str
    left: tuple[Left, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The move as plain values."""
        return {"pictures": list(self.pictures), "text": self.text, "left": [asdict(one) for one in self.left]}
