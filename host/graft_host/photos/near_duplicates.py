"""Groups the near duplicates in a data set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from graft_host.photos.dataset import Dataset
from graft_host.photos.fingerprints import TURNS, Fingerprints, fingerprints, turned, turned_hashes
from graft_host.photos.likeness import same_picture
from graft_host.photos.registration import SIDE, Array
from graft_host.support.progress import Progress

Indices = NDArray[np.int64]
_Pair = tuple[int, int, int]  # two photos, and the symmetry that lays the second on the first

_RADIUS = 16  # bits of 64 that may differ between copies: a crop of 5% at one corner changes 10, rarely 22
_BLOCKS = 8  # along a side of the coarse thumbnail
_LEAST_CORRELATION = 0.75  # of coarse thumbnails: a crop of 5% at one corner leaves 0.94, rarely 0.76
_LEAST_TURNED = 0.9  # for turned pictures: eight symmetries are eight chances to look alike
_ADVANTAGE = 0.02  # over the correlation without a turn; real photos have 0.8
_FLAT = 4.0  # a picture with a smaller deviation, in levels, is plain
_FLAT_DIFFERENCE = 8.0  # levels by which the colours of two plain pictures may differ
_PHOTOS_AT_ONCE = 512


def group_near_duplicates(
    dataset: Dataset, cache: Path, threads: int, progress: Progress, note: Callable[[str], None] | None = None
) -> Dataset:
    """Sets the ``group`` of every photo, and moves photos that cannot be decoded to ``skipped``.

    Args:
        dataset: the result of ``scan``.
        cache: graftkit's cache folder, where fingerprints are stored.
        threads: photos decoded at a time.
        progress: called with the number of photos decoded and the number to decode.
        note: called with a line if the cache was damaged; None to say nothing.

    Raises:
        CacheError: the cache cannot be used.
    """
    prints = fingerprints(dataset.everything, cache, threads, progress)
    if prints.put_aside is not None and note is not None:
        note(f"warning: a cache file was damaged and put aside as {prints.put_aside}: the disk may be failing")
    return grouped(dataset.without(prints.failures), prints, threads)


def grouped(dataset: Dataset, prints: Fingerprints, threads: int) -> Dataset:
    """Sets the ``group`` of every photo to the smallest digest among its near duplicates."""
    names = {member: group[0] for group in near_duplicates(prints, threads) for member in group}
    photos, negatives = (
        tuple(replace(photo, group=names.get(photo.digest, photo.digest)) for photo in some)
        for some in (dataset.photos, dataset.negatives)
    )
    return replace(dataset, photos=photos, negatives=negatives)


def near_duplicates(prints: Fingerprints, threads: int) -> list[list[str]]:
    """Returns groups of two or more different files that show the same picture, digests ascending.

    Every group has a leader, its smallest digest. A photo joins the leaders that it resembles, and two groups are
    merged if a photo resembles both leaders. Groups are not merged through a third one, so that photos of which each
    differs a little from the one before (the frames of a film) don't all end up in one group.
    """
    with threadpool_limits(threads):
        finder = _Finder(prints)
        leaders, links = _elected(finder, len(prints.digests))
        members = np.setdiff1d(np.arange(len(prints.digests)), leaders)
        links += finder.alike(leaders, members)
    return [[prints.digests[index] for index in group] for group in _united(leaders.tolist(), links)]


class _Finder:
    """Finds pairs of photos that show the same picture: by hash, then by coarse thumbnail, then by registration."""

    def __init__(self, prints: Fingerprints) -> None:
        """Prepares hashes and coarse thumbnails under all symmetries."""
        self._thumbnails = prints.thumbnails
        self._signs = [
            np.where(hashes, np.float32(1), np.float32(-1))
            for hashes in (prints.hashes, *turned_hashes(prints.thumbnails)[1:])
        ]
        width = SIDE // _BLOCKS
        coarse = prints.thumbnails.reshape(-1, _BLOCKS, width, _BLOCKS, width, 3).mean((2, 4), dtype=np.float32)
        self._colours = coarse.mean((1, 2))
        luma = coarse.mean(3).reshape(-1, _BLOCKS * _BLOCKS)
        around = luma - luma.mean(1, keepdims=True)
        self._deviations = around.std(1)
        shapes = around / np.maximum(np.linalg.norm(around, axis=1, keepdims=True), 1e-6)
        self._shapes = [
            turned(shapes.reshape(-1, _BLOCKS, _BLOCKS), turn).reshape(shapes.shape) for turn in range(TURNS)
        ]
        self._answers: dict[_Pair, bool] = {}

    def candidates(self, first: Indices, second: Indices) -> list[_Pair]:
        """Pairs of a photo in each group that may show the same picture: unturned, and in the best turn."""
        return [
            pair
            for start in range(0, len(first), _PHOTOS_AT_ONCE)
            for pair in self._of_block(first[start : start + _PHOTOS_AT_ONCE], second)
        ]

    def confirmed(self, pairs: Iterable[_Pair]) -> list[tuple[int, int]]:
        """The pairs that show the same picture; each pair is compared only once."""
        candidates = list(pairs)
        new = [pair for pair in candidates if pair not in self._answers]
        if new:
            first, second, turns = np.array(new).T
            partners = self._thumbnails[second]
            for turn in range(1, TURNS):
                partners[turns == turn] = turned(partners[turns == turn], turn)
            with threadpool_limits(1):  # products this small are slower with more threads
                answers = same_picture(self._thumbnails[first], partners, turns > 0)
            self._answers.update(zip(new, answers.tolist(), strict=True))
        return [pair[:2] for pair in candidates if self._answers[pair]]

    def alike(self, first: Indices, second: Indices) -> list[tuple[int, int]]:
        """Pairs of a photo in each group that show the same picture."""
        return self.confirmed(self.candidates(first, second))

    def _of_block(self, first: Indices, second: Indices) -> list[_Pair]:
        best: dict[tuple[int, int], tuple[float, int]] = {}
        for turn in range(1, TURNS):
            for i, j, likeness in self._turned(first, second, turn):
                best[i, j] = max(best.get((i, j), (0.0, 0)), (likeness, turn))
        upright = [(i, j, 0) for i, j in self._upright(first, second)]
        return upright + [(i, j, turn) for (i, j), (_, turn) in best.items()]

    def _upright(self, first: Indices, second: Indices) -> Iterable[tuple[int, int]]:
        left, right, likeness = self._near(first, second, 0)
        plain = np.maximum(self._deviations[left], self._deviations[right]) < _FLAT
        near = np.abs(self._colours[left] - self._colours[right]).max(1, initial=0) <= _FLAT_DIFFERENCE
        kept = np.where(plain, near, likeness >= _LEAST_CORRELATION)
        return zip(left[kept].tolist(), right[kept].tolist(), strict=True)

    def _turned(self, first: Indices, second: Indices, turn: int) -> Iterable[tuple[int, int, float]]:
        """Pairs more alike in this turn than unturned, as nuts and washers are not, with their correlation."""
        left, right, likeness = self._near(first, second, turn)
        kept = (likeness >= _LEAST_TURNED) & (np.maximum(self._deviations[left], self._deviations[right]) >= _FLAT)
        left, right, likeness = left[kept], right[kept], likeness[kept]
        kept = likeness >= self._likeness(left, right, 0) + _ADVANTAGE
        return zip(left[kept].tolist(), right[kept].tolist(), likeness[kept].tolist(), strict=True)

    def _near(self, first: Indices, second: Indices, turn: int) -> tuple[Indices, Indices, Array]:
        """Pairs whose hashes are near when the second photo is turned, with the correlation of coarse thumbnails."""
        least = self._signs[0].shape[1] - 2 * _RADIUS
        rows, columns = np.nonzero(self._signs[0][first] @ self._signs[turn][second].T >= least)
        different = first[rows] != second[columns]
        left, right = first[rows][different], second[columns][different]
        return left, right, self._likeness(left, right, turn)

    def _likeness(self, first: Indices, second: Indices, turn: int) -> Array:
        """The correlation of coarse thumbnails."""
        correlation: Array = np.einsum("pi,pi->p", self._shapes[0][first], self._shapes[turn][second])
        return correlation


def _elected(finder: _Finder, count: int) -> tuple[Indices, list[tuple[int, int]]]:
    """Chooses the leaders; returns them, ascending, and the pairs of a leader and a photo that resembles it.

    A photo becomes a leader unless it resembles an earlier leader. Photos are only compared with leaders, so that many
    copies of one picture take no more comparisons than as many different photos.
    """
    leaders: list[int] = []
    links: list[tuple[int, int]] = []
    for start in range(0, count, _PHOTOS_AT_ONCE):
        block = np.arange(start, min(start + _PHOTOS_AT_ONCE, count))
        links += finder.alike(np.array(leaders, np.int64), block)
        undecided = set(block.tolist()) - {member for _, member in links}
        pairs = [pair for pair in finder.candidates(block, block) if pair[0] < pair[1] and pair[1] in undecided]
        while undecided:
            pairs = [pair for pair in pairs if pair[0] in undecided and pair[1] in undecided]
            new = undecided - {j for _, j, _ in pairs}
            confirmed = finder.confirmed(pair for pair in pairs if pair[0] in new)
            links += confirmed
            leaders += sorted(new)
            undecided -= new | {j for _, j in confirmed}
    return np.array(sorted(leaders), np.int64), links


def _united(leaders: list[int], links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Returns groups of two or more: each leader with its photos, and the leaders that share a photo with it."""
    members, resembled = defaultdict(list), defaultdict(list)
    for leader, member in sorted(set(links)):
        members[leader].append(member)
        resembled[member].append(leader)
    taken: set[int] = set()
    groups = []
    for leader in leaders:
        if leader in taken or not members[leader]:
            continue
        merged = {leader, *(other for member in members[leader] for other in resembled[member])} - taken
        group = merged | ({member for other in merged for member in members[other]} - taken)
        taken |= group
        if len(group) > 1:
            groups.append(sorted(group))
    return groups
