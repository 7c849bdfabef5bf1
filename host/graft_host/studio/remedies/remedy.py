"""Which remedies a finding has: what each would do to the photos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from graft_host.studio.remedies.better import Better, better
from graft_host.studio.remedies.found import COPIES, Found, FoundPhoto

Action = Literal["keep", "choose", "move", "bin", "photos", "ignore"]
"""Keep one photo of several; keep those of one class; move to a class; into the bin; go to the photos; never again."""

SAFE = frozenset({"identical", "near", "unreadable"})
"""The kinds of which all findings can be settled at once, for it takes no look to see what is right."""


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """Something that can be done about a finding.

    Attributes:
        action: what it is.
        moved: the photos that are moved to ``label``.
        binned: the photos that are put into the bin.
        label: the class that photos are moved to, or that is chosen; empty if there is none.
        better: the photo that is kept, and why; None if none is chosen.
    """

    action: Action
    moved: tuple[str, ...] = ()
    binned: tuple[str, ...] = ()
    label: str = ""
    better: Better | None = None


def remedies(finding: Found, photos: Sequence[FoundPhoto]) -> tuple[Remedy, ...]:
    """The remedies of a finding, the usual one first; *ignore* is always the last.

    Args:
        finding: what was found.
        photos: those of its photos that are still where they were.
    """
    return (*_remedies(finding, photos), Remedy(action="ignore"))


def _remedies(finding: Found, photos: Sequence[FoundPhoto]) -> Iterable[Remedy]:
    if finding.kind in COPIES:
        labels = list(dict.fromkeys(photo.label for photo in photos))
        if len(labels) > 1:
            return [_chosen(label, photos) for label in labels]
        return [_kept(photos)]
    if finding.kind == "mislabel":
        ids = tuple(photo.id for photo in photos)
        return [Remedy(action="move", moved=ids, label=finding.suggested), Remedy(action="bin", binned=ids)]
    if finding.kind == "stray":  # outside the class folders, where the studio moves nothing
        return []
    if photos:
        return [Remedy(action="bin", binned=tuple(photo.id for photo in photos))]
    return [Remedy(action="photos", label=finding.labels[-1] if finding.labels else "")]


def _kept(photos: Sequence[FoundPhoto]) -> Remedy:
    best = better(photos)
    return Remedy(action="keep", binned=tuple(photo.id for photo in photos if photo.id != best.id), better=best)


def _chosen(label: str, photos: Sequence[FoundPhoto]) -> Remedy:
    """Keeps one file of those in a class, and puts those in the other classes into the bin."""
    others = tuple(photo.id for photo in photos if photo.label != label)
    return Remedy(action="choose", binned=others, label=label)
