"""What a collect brought."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graft_host.collecting.inbox import Taken
from graft_host.collecting.options import MB


@dataclass(frozen=True)
class Removed:
    """What became of the photos that were to be removed from a board.

    Attributes:
        removed: how many are gone.
        kept: the paths of those that are still there, and why.
    """

    removed: int = 0
    kept: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: Removed) -> Removed:
        return Removed(self.removed + other.removed, self.kept + other.kept)


@dataclass(frozen=True, kw_only=True)
class BoardResult:
    """What came from one board.

    Attributes:
        board: its name.
        found: how many kept photos there are on it.
        before: how many of them came earlier.
        coming: the paths of those that are new, and their sizes in bytes.
        taken: what became of those that came.
        removed: what became of those that were to be removed.
        left: how many are left for the next run because of the limit on its size.
        others: how many other files there are in the folders.
        folders: the folders on the board that were looked into.
        sent: the bytes that were sent, as rsync counts them.
        seconds: the time that it took.
        problems: what could not be read there, with what to do about it.
        error: why it ended early; empty if it did not.
        error_status: the exit status of that error.
    """

    board: str
    found: int = 0
    before: int = 0
    coming: tuple[tuple[str, int], ...] = ()
    taken: Taken = field(default_factory=Taken)
    removed: Removed = field(default_factory=Removed)
    left: int = 0
    others: int = 0
    folders: tuple[str, ...] = ()
    sent: int = 0
    seconds: float = 0.0
    problems: tuple[str, ...] = ()
    error: str = ""
    error_status: int = 1

    @property
    def failed(self) -> bool:
        """Whether something could not be collected."""
        return bool(self.error or self.problems)

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        taken = self.taken
        return {
            "board": self.board,
            "found": self.found,
            "before": self.before + taken.known,
            "coming": [{"path": path, "bytes": size} for path, size in self.coming],
            "new": [{"file": one.file, "kind": one.kind, "label": one.label, "place": one.place} for one in taken.new],
            "updated": [{"file": one.file, "kind": one.kind, "label": one.label} for one in taken.updated],
            "refused": [{"path": path, "problem": problem} for path, problem in taken.refused],
            "changed": taken.changed,
            "removed": self.removed.removed,
            "kept": [{"path": path, "problem": problem} for path, problem in self.removed.kept],
            "left": self.left,
            "others": self.others,
            "folders": list(self.folders),
            "bytes": self.sent,
            "seconds": round(self.seconds, 3),
            "problems": list(self.problems),
            "error": self.error or None,
        }

    def line(self) -> str:
        """The result in one line, without the board's name."""
        kinds = Counter(photo.kind for photo in self.taken.new)
        shown = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        parts = [f"{len(self.taken.new):,} new" + (f" ({shown}; {self.sent / MB:.1f} MB)" if shown else "")]
        counts = (
            (self.before + self.taken.known, "collected before"),
            (len(self.taken.updated), "with a new label"),
            (self.removed.removed, "removed there"),
            (self.left + self.taken.changed, "left for the next run"),
            (len(self.taken.refused), "no photo"),
        )
        return ", ".join([*parts, *(f"{count:,} {what}" for count, what in counts if count)])


@dataclass(frozen=True)
class Collected:
    """What a collect brought from all boards.

    Attributes:
        inbox: where the photos are.
        boards: the boards, in order.
        dry_run: whether nothing was brought.
    """

    inbox: Path
    boards: tuple[BoardResult, ...]
    dry_run: bool = False

    @property
    def new(self) -> int:
        """How many photos are new in the inbox."""
        return sum(len(board.taken.new) for board in self.boards)

    def to_json(self) -> dict[str, Any]:
        """The result as ``--json`` prints it."""
        boards = [board.to_json() for board in self.boards]
        return {"inbox": str(self.inbox), "dry_run": self.dry_run, "new": self.new, "boards": boards}
