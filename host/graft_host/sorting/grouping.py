"""Arranges pictures in groups: what people said first, then what is suggested, then by likeness alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from graft_device.ranking import UNKNOWN, Answer, Prediction
from graft_host.sorting.likeness import groups_of_likeness
from graft_host.sorting.pictures import Found
from graft_host.sorting.state import Group, GroupKind, Picture
from graft_host.sorting.suggesting import Array, Sorted, Suggestion, suggested_labels

_WHOLE = 40
"""Pictures in a group of a suggested label, about: a screen of them."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A photo that is sorted.

    Attributes:
        path: the file.
        digest: SHA-256 of its content, in hex.
        place: equal for near duplicates.
        label: of its class; ``unknown`` for one of none.
    """

    path: Path
    digest: str
    place: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What pictures are arranged by.

    Attributes:
        known: the photos that are sorted.
        rows: bottlenecks ``[D]`` by digest, of pictures and sorted photos; empty if there are none.
        answers: those of a model by digest; None if none was asked.
    """

    known: Sequence[Known]
    rows: Mapping[str, Array]
    answers: Mapping[str, Answer] | None = None

    @cached_property
    def _twins(self) -> tuple[Mapping[str, Path], Mapping[str, Path]]:
        """The sorted photos by their content, and by their near duplicates."""
        return ({one.digest: one.path for one in self.known}, {one.place: one.path for one in self.known})

    def twin(self, digest: str, place: str) -> Path | None:
        """The sorted photo of the same content, or else a near duplicate; None if there is none."""
        same, near = self._twins
        return same.get(digest) or near.get(place)

    def sorted_already(self, said: Sequence[Found]) -> Sorted | None:
        """The sorted photos, and the pictures that a person named; None if there are none."""
        entries = [(one.digest, one.place, one.label) for one in self.known]
        entries += [(found.photo.digest, found.photo.place, found.said) for found in said]
        entries = sorted({entry for entry in entries if entry[0] in self.rows})
        if not entries:
            return None
        digests, places, labels = zip(*entries, strict=True)
        return Sorted(bottlenecks=self.matrix(digests), labels=labels, places=places)

    def matrix(self, digests: Sequence[str]) -> Array:
        """The bottlenecks of pictures, ``[N,D]``."""
        return np.stack([self.rows[digest] for digest in digests])


def arranged(pictures: Sequence[Found], evidence: Evidence, threads: int) -> tuple[Group, ...]:
    """Arranges pictures in groups.

    Args:
        pictures: those in the inbox that can be decoded, with the groups of their near duplicates.
        evidence: what they are arranged by.
        threads: the number of cores to use.

    Returns:
        The groups: by what people said, by suggested label and likeness with the surest first, by likeness alone, and
        at the end those that are there already.
    """
    stable = sorted((_with_twin(found, evidence) for found in pictures), key=lambda found: found.photo.digest)
    fresh = [found for found in stable if found.picture.twin is None]
    said = [
        replace(found, picture=replace(found.picture, suggested=found.picture.said)) for found in fresh if found.said
    ]
    rest = _with_suggestions([found for found in fresh if not found.said], said, evidence, threads)
    groups = [_Parts("said", f"said: {label}", label, _clusters(same, evidence, 1)) for label, same in _by_label(said)]
    for label, same in _by_label([found for found in rest if found.picture.suggested is not None]):
        groups.append(_Parts("suggested", f"like {label}", label, _surest_first(same, evidence)))
    others = [found for found in rest if found.picture.suggested is None]
    groups += [
        _Parts("cluster", f"group {place}", None, [same]) for place, same in enumerate(_clusters(others, evidence), 1)
    ]
    twins = [found for found in stable if found.picture.twin is not None]
    groups.append(_Parts("duplicates", "already there", None, [_beside(twins)]))
    return tuple(group for number, parts in enumerate(groups, 1) for group in parts.groups(number))


@dataclass(frozen=True)
class _Parts:
    """Pictures that share a title, in one group or several."""

    kind: GroupKind
    title: str
    label: str | None
    parts: Sequence[Sequence[Found]]

    def groups(self, number: int) -> list[Group]:
        """The groups, without those that are empty."""
        count = len(self.parts)
        return [
            Group(
                id=f"{number}-{place}",
                title=f"{self.title} ({place} of {count})" if count > 1 else self.title,
                kind=self.kind,
                label=self.label,
                pictures=tuple(found.picture for found in part),
            )
            for place, part in enumerate(self.parts, 1)
            if part
        ]


def _with_twin(found: Found, evidence: Evidence) -> Found:
    """The picture with what a model said, and with the sorted photo that it is a copy of."""
    picture, digest = found.picture, found.photo.digest
    if evidence.answers is not None and (answer := evidence.answers.get(digest)) is not None:
        picture = replace(picture, answer=answer.label, predictions=tuple(answer))
    twin = evidence.twin(digest, found.photo.place)
    return replace(found, picture=replace(picture, twin=twin, suggested=None, score=None))


def _with_suggestions(
    pictures: Sequence[Found], said: Sequence[Found], evidence: Evidence, threads: int
) -> list[Found]:
    """The pictures with the labels that they probably have.

    A head that is trained on the sorted photos suggests them, a model, or both, by the mean of their probabilities.
    Without them, what a board noted counts.
    """
    suggestions: Sequence[Suggestion | None] = [None] * len(pictures)
    if pictures and evidence.rows:
        sorted_already = evidence.sorted_already(said)
        matrix = evidence.matrix([found.photo.digest for found in pictures])
        suggestions = (sorted_already and suggested_labels(sorted_already, matrix, threads)) or suggestions
    noted = evidence.answers is not None or not any(suggestions)
    best: dict[str, Prediction] = {}
    for found, suggestion in zip(pictures, suggestions, strict=True):
        found_best = _best(suggestion, _noted(found.picture) if noted else None)
        place = found.photo.place  # near duplicates share the suggestion that is surest
        if found_best is not None and (place not in best or found_best.score > best[place].score):
            best[place] = found_best
    return [_suggested(found, *best.get(found.photo.place, (None, None))) for found in pictures]


def _suggested(found: Found, label: str | None, score: float | None) -> Found:
    return replace(found, picture=replace(found.picture, suggested=label, score=score))


def _noted(picture: Picture) -> Suggestion | None:
    return Suggestion(picture.predictions, picture.answer != UNKNOWN) if picture.predictions else None


def _best(*suggestions: Suggestion | None) -> Prediction | None:
    """The label with the highest mean of probabilities; None where no suggestion knows the picture."""
    used = [suggestion for suggestion in suggestions if suggestion is not None and suggestion.known]
    sums: dict[str, float] = defaultdict(float)
    for suggestion in used:
        for label, score in suggestion.scores:
            sums[label] += score / len(used)
    return Prediction(*max(sums.items(), key=lambda entry: entry[1])) if sums else None


def _by_label(pictures: Sequence[Found]) -> list[tuple[str, list[Found]]]:
    """The pictures of each suggested label, in code point order."""
    groups: dict[str, list[Found]] = defaultdict(list)
    for found in pictures:
        groups[found.picture.suggested or ""].append(found)
    return sorted(groups.items())


def _surest_first(pictures: Sequence[Found], evidence: Evidence) -> list[list[Found]]:
    """Pictures of a suggested label in groups of likeness, both the groups and the pictures with the surest first."""
    parts = _clusters(pictures, evidence, math.ceil(len(pictures) / _WHOLE))
    ordered = [_beside(sorted(part, key=_uncertainty)) for part in parts]
    return sorted(ordered, key=lambda part: sum(map(_uncertainty, part)) / len(part))


def _uncertainty(found: Found) -> float:
    return 1 - (found.picture.score or 0.0)


def _clusters(pictures: Sequence[Found], evidence: Evidence, most: int | None = None) -> list[list[Found]]:
    """Pictures in groups of likeness, near duplicates in one group; all in one if there are no bottlenecks."""
    copies = _copies(pictures)
    if not pictures or not evidence.rows:
        return [[found for same in copies for found in same]] if pictures else []
    rows = groups_of_likeness(evidence.matrix([same[0].photo.digest for same in copies]), most)
    return [[found for row in group for found in copies[row]] for group in rows]


def _beside(pictures: Sequence[Found]) -> list[Found]:
    """Pictures with near duplicates next to each other, each where the first of them is."""
    return [found for same in _copies(pictures) for found in same]


def _copies(pictures: Sequence[Found]) -> list[list[Found]]:
    """Pictures, each with its near duplicates, in the order of the first of them."""
    groups: dict[str, list[Found]] = defaultdict(list)
    for found in pictures:
        groups[found.photo.place].append(found)
    return list(groups.values())
