"""Reads unlabelled photos of a place, and measures what its camera does to photos."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from graft_device.errors import DatasetError, PhotoError
from graft_device.preprocess import read_photo
from graft_host.photos.dataset import Photo, Skipped
from graft_host.photos.folders import entries_of_root, files
from graft_host.photos.matching import MOST, SIDE, Square, Statistics, digest_of, measured
from graft_host.photos.renditions import Decoded


def place_statistics(
    folder: Path, sources: Sequence[Photo], rule: str, threads: int
) -> tuple[Statistics, list[Skipped]]:
    """Measures the photos of a place, compared with source photos.

    At most ``MOST`` photos of each are measured, those with the smallest digests, so that the same photos give the
    same statistics in any order and under any name.

    Args:
        folder: photos of the place, with or without class folders; their classes are not used.
        sources: photos that will be matched.
        rule: the resize rule.
        threads: photos that are decoded at a time.

    Returns:
        The statistics, and the files of the folder that are not usable photos.

    Raises:
        DatasetError: the folder cannot be listed or has no usable photo, or no source photo can be read.
    """
    entries_of_root(folder)  # reports a folder that does not exist as one of photos
    paths = list(files(folder))
    with ThreadPoolExecutor(threads) as pool:
        known = list(pool.map(_digest, paths))
        skipped = [
            Skipped(path, str(each)) for path, each in zip(paths, known, strict=True) if isinstance(each, PhotoError)
        ]
        found = {each: path for each, path in zip(known, paths, strict=True) if isinstance(each, str)}
        targets, undecodable = _squares(sorted(found.items()), rule, pool)
        originals, _ = _squares(sorted({photo.digest: photo.path for photo in sources}.items()), rule, pool)
    skipped += undecodable
    if not targets:
        raise DatasetError(f"no photo in {folder} can be read", "give a folder with photos that the camera took")
    if not originals:
        raise DatasetError("no source photo can be read", "check the folders of --source")
    digest = digest_of(list(targets), list(originals))
    return measured(list(targets.values()), list(originals.values()), digest), skipped


def _digest(path: Path) -> str | PhotoError:
    try:
        return hashlib.sha256(read_photo(path)).hexdigest()
    except PhotoError as error:
        return error


def _squares(
    photos: Sequence[tuple[str, Path]], rule: str, pool: ThreadPoolExecutor
) -> tuple[dict[str, Square], list[Skipped]]:
    """The first ``MOST`` photos that can be decoded, by digest, and those before them that cannot."""

    def square(photo: tuple[str, Path]) -> Square | PhotoError:
        digest, path = photo
        try:
            data = read_photo(path)
            if hashlib.sha256(data).hexdigest() != digest:
                raise PhotoError("changed while it was being read")
            return Decoded(data, digest, rule).square(SIDE)
        except PhotoError as error:
            return error

    squares: dict[str, Square] = {}
    skipped = []
    for start in range(0, len(photos), MOST):
        batch = photos[start : start + MOST]
        for (digest, path), result in zip(batch, pool.map(square, batch), strict=True):
            if isinstance(result, PhotoError):
                skipped.append(Skipped(path, str(result)))
            elif len(squares) < MOST:
                squares[digest] = result
        if len(squares) == MOST:
            break
    return squares, skipped
