"""Chooses and reads the photos that the ranges of a backbone's activations are measured on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import DatasetError, PhotoError
from graft_device.preprocess import preprocess
from graft_host.photos.dataset import Photo

MAX_CALIBRATION_PHOTOS = 32


def calibration_photos(
    training: Sequence[Photo], image_size: int, resize: str, threads: int
) -> tuple[NDArray[np.uint8], list[str]]:
    """Reads up to 32 photos, evenly from all classes.

    Args:
        training: the photos to choose from.
        image_size: the side S in pixels.
        resize: ``squash`` or ``crop``.
        threads: for decoding.

    Returns:
        Their pixels, uint8 ``[N,S,S,3]``, and their digests.

    Raises:
        DatasetError: none of them can be decoded.
    """
    chosen: list[NDArray[np.uint8]] = []
    digests: list[str] = []
    with ThreadPoolExecutor(threads) as pool:
        candidates = iter(_in_turn(training))
        while len(chosen) < MAX_CALIBRATION_PHOTOS:
            wanted = MAX_CALIBRATION_PHOTOS - len(chosen)
            batch = [photo for photo, _ in zip(candidates, range(wanted), strict=False)]
            if not batch:
                break
            decoded = pool.map(lambda photo: _pixels(photo, image_size, resize), batch)
            for photo, pixels in zip(batch, decoded, strict=True):
                if pixels is not None:
                    chosen.append(pixels)
                    digests.append(photo.digest)
    if not chosen:
        raise DatasetError("none of the training photos can be decoded: nothing to calibrate the backbone on")
    return np.stack(chosen), digests


def _in_turn(training: Sequence[Photo]) -> Iterable[Photo]:
    """The training photos by turns from each class, in the order of their digests, each content once."""
    unique = {photo.digest: photo for photo in training}
    ranks: dict[int, int] = {}
    keyed = []
    for photo in sorted(unique.values(), key=lambda photo: photo.digest):
        rank = ranks[photo.label] = ranks.get(photo.label, -1) + 1
        keyed.append((rank, photo.label, photo))
    return [photo for _, _, photo in sorted(keyed, key=lambda entry: entry[:2])]


def _pixels(photo: Photo, image_size: int, resize: str) -> NDArray[np.uint8] | None:
    try:
        return preprocess(photo.path, image_size, resize)
    except PhotoError:
        return None
