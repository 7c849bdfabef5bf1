"""Which photos of a data set are near duplicates of one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from graft_host.dataset import Dataset
from graft_host.fingerprints import Fingerprints, fingerprints
from graft_host.isolated import Progress
from graft_host.likeness import same_picture
from graft_host.registration import SIDE

Indices = NDArray[np.int64]

_RADIUS = 16  # bits of 64 in which the hashes of copies may differ: a crop of 5% at one corner changes 10, rarely 22
_BLOCKS = 8  # a side of the coarse thumbnail
_LEAST_CORRELATION = 0.75  # of coarse thumbnails: a crop of 5% at one corner leaves 0.94, rarely 0.76
_FLAT, _FLAT_DIFFERENCE = (
    4.0,
    8.0,
)  # levels of deviation below which pictures are plain; levels that those may differ by
_PHOTOS_AT_ONCE = 512


def group_near_duplicates(dataset: Dataset, cache: Path, threads: int, progress: Progress) -> Dataset:
    """The photos that can be decoded, every one's ``group`` set.

    Args:
        dataset: from ``scan``.
        cache: folder of the kit's caches, where fingerprints are kept.
        threads: photos decoded at a time.
        progress: called with (photos done, photos to decode).

    Raises:
        CacheError: the cache cannot be used.
    """
    prints = fingerprints(dataset.photos, cache, threads, progress)
    return grouped(dataset.without(prints.failures), prints, threads)


def grouped(dataset: Dataset, prints: Fingerprints, threads: int) -> Dataset:
    """The data set with the photos of a group of near duplicates named after the smallest digest in it."""
    names = {member: group[0] for group in near_duplicates(prints, threads) for member in group}
    return replace(
        dataset, photos=tuple(replace(photo, group=names.get(photo.digest, photo.digest)) for photo in dataset.photos)
    )


def near_duplicates(prints: Fingerprints, threads: int) -> list[list[str]]:
    """Groups of two or more different contents that show one picture, digests ascending.

    Every group has a leader, its smallest digest. Photos join the leaders that they resemble, and the groups of two
    leaders become one where a photo resembles both; but never through a third, so that photos each a little unlike
    the one before (the frames of a film) don't all become one group.
    """
    with threadpool_limits(threads):
        finder = _Finder(prints)
        leaders, links = _elected(finder, len(prints.digests))
        members = np.setdiff1d(np.arange(len(prints.digests)), leaders)
        links += finder.alike(leaders, members)
    return [[prints.digests[index] for index in group] for group in _united(leaders.tolist(), links)]


class _Finder:
    """Finds pairs that show one picture: by their hashes, then coarsely, then by laying one over the other."""

    def __init__(self, prints: Fingerprints) -> None:
        self._thumbnails = prints.thumbnails
        self._signs = np.where(prints.hashes, np.float32(1), np.float32(-1))
        width = SIDE // _BLOCKS
        coarse = prints.thumbnails.reshape(-1, _BLOCKS, width, _BLOCKS, width, 3).mean((2, 4), dtype=np.float32)
        self._colours = coarse.mean((1, 2))
        luma = coarse.mean(3).reshape(-1, _BLOCKS * _BLOCKS)
        around = luma - luma.mean(1, keepdims=True)
        self._deviations = around.std(1)
        self._shapes = around / np.maximum(np.linalg.norm(around, axis=1, keepdims=True), 1e-6)
        self._asked: dict[tuple[int, int], bool] = {}

    def candidates(self, first: Indices, second: Indices) -> list[tuple[int, int]]:
        """The pairs of the two sets that may show one picture."""
        least = self._signs.shape[1] - 2 * _RADIUS
        found = [
            self._plausible(first[rows + start], second[columns])
            for start in range(0, len(first), _PHOTOS_AT_ONCE)
            for rows, columns in [
                np.nonzero(self._signs[first[start : start + _PHOTOS_AT_ONCE]] @ self._signs[second].T >= least)
            ]
        ]
        return [pair for pairs in found for pair in pairs]

    def confirmed(self, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Those of the pairs that show one picture; each is looked at once."""
        wanted = list(pairs)
        new = [pair for pair in wanted if pair not in self._asked]
        if new:
            first, second = np.array(new).T
            with threadpool_limits(1):  # products this small are slower on more
                answers = same_picture(self._thumbnails[first], self._thumbnails[second])
            self._asked.update(zip(new, answers.tolist(), strict=True))
        return [pair for pair in wanted if self._asked[pair]]

    def alike(self, first: Indices, second: Indices) -> list[tuple[int, int]]:
        """The pairs of the two sets that show one picture."""
        return self.confirmed(self.candidates(first, second))

    def _plausible(self, first: Indices, second: Indices) -> list[tuple[int, int]]:
        flat = np.maximum(self._deviations[first], self._deviations[second]) < _FLAT
        near = np.abs(self._colours[first] - self._colours[second]).max(1, initial=0) <= _FLAT_DIFFERENCE
        similar = np.einsum("pi,pi->p", self._shapes[first], self._shapes[second]) >= _LEAST_CORRELATION
        kept = np.where(flat, near, similar) & (first != second)
        return list(zip(first[kept].tolist(), second[kept].tolist(), strict=True))


def _elected(finder: _Finder, count: int) -> tuple[Indices, list[tuple[int, int]]]:
    """The leaders, ascending, and the pairs of a leader and a photo that resembles it.

    A photo becomes a leader unless it resembles a leader before it; photos are only compared with leaders, so that many
    copies of one picture cost no more than as many photos.
    """
    leaders: list[int] = []
    links: list[tuple[int, int]] = []
    for start in range(0, count, _PHOTOS_AT_ONCE):
        block = np.arange(start, min(start + _PHOTOS_AT_ONCE, count))
        links += finder.alike(np.array(leaders, np.int64), block)
        undecided = set(block.tolist()) - {member for _, member in links}
        pairs = [(i, j) for i, j in finder.candidates(block, block) if i < j and j in undecided]
        while undecided:
            pairs = [(i, j) for i, j in pairs if i in undecided and j in undecided]
            new = undecided - {j for _, j in pairs}
            found = finder.confirmed((i, j) for i, j in pairs if i in new)
            links += found
            leaders += sorted(new)
            undecided -= new | {j for _, j in found}
    return np.array(sorted(leaders), np.int64), links


def _united(leaders: list[int], links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups of two or more, ascending: each leader's photos, and those of the leaders that share one with it."""
    members, resembled = defaultdict(list), defaultdict(list)
    for leader, member in sorted(set(links)):
        members[leader].append(member)
        resembled[member].append(leader)
    taken: set[int] = set()
    groups = []
    for leader in leaders:
        if leader in taken or not members[leader]:
            continue
        near = {leader, *(other for member in members[leader] for other in resembled[member])} - taken
        group = near | ({member for other in near for member in members[other]} - taken)
        taken |= group
        if len(group) > 1:
            groups.append(sorted(group))
    return groups
