"""Computes what photos are compared by: a perceptual hash and a thumbnail, cached by the photo's content.

The hashes of the rotated and mirrored photo follow from the thumbnail, so they need not be cached.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graft_device.errors import PhotoError
from graft_device.preprocess import VERSION as PREPROCESS_VERSION
from graft_device.preprocess import fit, load, read_photo
from graft_host.photos.dataset import Photo
from graft_host.photos.registration import SIDE, Pixels
from graft_host.support.progress import Progress
from graft_host.support.vector_store import BottleneckStore

VERSION = 1
"""Increase it whenever the same photo gets another fingerprint: it is part of the cache's name."""

TURNS = 8
"""The symmetries of a square: unchanged (0), or rotated and mirrored."""

_DECODED_SIDE = 256  # decoding a JPEG much smaller than this shifts it by up to a pixel of the thumbnail
_HASH_SIDE = 8  # frequencies along a side that the hash is made of
_HASH_BYTES = _HASH_SIDE**2 // 8
_BYTES = _HASH_BYTES + SIDE * SIDE * 3
_COMMIT_PHOTOS = 64
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's mode L

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints of M different photos.

    Attributes:
        digests: of the photos' contents, ascending.
        hashes: the perceptual hashes of 64 bits, bool ``[M,64]``.
        thumbnails: the photos at 32 x 32 pixels in RGB, uint8 ``[M,32,32,3]``.
        failures: the photos that cannot be decoded, digest to reason.
        put_aside: the new name of a damaged cache file; None if there was none.
    """

    digests: tuple[str, ...]
    hashes: NDArray[np.bool_]
    thumbnails: Pixels
    failures: dict[str, str]
    put_aside: Path | None = None


def fingerprints(photos: Sequence[Photo], cache: Path, threads: int, progress: Progress) -> Fingerprints:
    """Returns the fingerprints of photos; decodes only those that are not in the cache.

    Args:
        photos: the photos; identical ones are decoded once.
        cache: graftkit's cache folder.
        threads: photos decoded at a time.
        progress: called with the number of photos decoded and the number to decode.

    Raises:
        CacheError: the cache cannot be used; what is stored already is kept.
    """
    contents = {photo.digest: photo for photo in photos}
    name = f"v{VERSION}-p{PREPROCESS_VERSION}.sqlite"
    with BottleneckStore(cache / "fingerprints" / name, np.dtype(np.uint8), _BYTES, "fingerprints") as store:
        known = store.known(photo.cache_key for photo in contents.values())
        failures = _compute(
            [photo for photo in contents.values() if photo.cache_key not in known], store, threads, progress
        )
        digests = tuple(sorted(contents.keys() - failures.keys()))
        rows = store.matrix([contents[digest].cache_key for digest in digests])
        put_aside = store.put_aside
    hashes = np.unpackbits(rows[:, :_HASH_BYTES].astype(np.uint8), axis=1).astype(np.bool_)
    thumbnails = rows[:, _HASH_BYTES:].astype(np.uint8, copy=False).reshape(-1, SIDE, SIDE, 3)
    return Fingerprints(digests, hashes, thumbnails, failures, put_aside)


def turned(pictures: NDArray[_Number], turn: int) -> NDArray[_Number]:
    """Applies one of the eight symmetries to square pictures ``[P,S,S,…]``.

    Args:
        pictures: rows, columns and any further axes.
        turn: a sum of 1 to mirror them left to right, 2 to flip them top to bottom, and 4 to swap the axes afterwards.
    """
    mirrored = pictures[:, :, ::-1] if turn & 1 else pictures
    flipped = mirrored[:, ::-1] if turn & 2 else mirrored
    return flipped.swapaxes(1, 2) if turn & 4 else flipped


def turned_hashes(thumbnails: Pixels) -> NDArray[np.bool_]:
    """Computes the hashes of thumbnails under all eight symmetries, bool ``[8,M,64]``: pHash's except for rounding.

    Mirroring a picture only changes the sign of every other frequency of its cosine transform (DCT-II), because
    cos(π f (S - 1 - x + ½) / S) is (-1)^f cos(π f (x + ½) / S). So one transform serves all eight.
    """
    frequencies = np.arange(_HASH_SIDE)[:, None]
    waves = np.cos(np.pi * frequencies * (np.arange(SIDE) + 0.5) / SIDE).astype(np.float32)
    spectrum = waves @ (thumbnails.astype(np.float32) @ _LUMA) @ waves.T
    same = np.ones(_HASH_SIDE, np.float32)
    mirrored = np.where(np.arange(_HASH_SIDE) % 2, -same, same)
    hashes = np.empty((TURNS, len(thumbnails), _HASH_SIDE**2), np.bool_)
    for turn in range(TURNS):
        across, down = mirrored if turn & 1 else same, mirrored if turn & 2 else same
        turned_spectrum = spectrum * across * down[:, None]
        if turn & 4:
            turned_spectrum = turned_spectrum.swapaxes(1, 2)
        frequency = turned_spectrum.reshape(-1, _HASH_SIDE**2)
        hashes[turn] = frequency > np.median(frequency, axis=1, keepdims=True)
    return hashes


def _compute(jobs: list[Photo], store: BottleneckStore, threads: int, progress: Progress) -> dict[str, str]:
    failures: dict[str, str] = {}
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        for batch in _batches(jobs):
            rows: list[tuple[str, Pixels]] = []
            try:
                for photo, fingerprint in zip(batch, pool.map(_fingerprint, batch), strict=True):
                    if isinstance(fingerprint, PhotoError):
                        failures[photo.digest] = str(fingerprint)
                    else:
                        rows.append((photo.cache_key, fingerprint))
                    done += 1
                    progress(done, len(jobs))
            finally:
                store.put(rows)  # so that Ctrl-C does not lose what is computed
    return failures


def _fingerprint(photo: Photo) -> Pixels | PhotoError:
    from imagehash import phash  # takes half a second, with SciPy; not needed if everything is cached

    try:
        data = read_photo(photo.path)
        if hashlib.sha256(data).hexdigest() != photo.digest:
            raise PhotoError("changed while it was being read")
        thumbnail = fit(load(data, _DECODED_SIDE), SIDE)
    except PhotoError as error:
        return error
    bits = np.packbits(phash(Image.fromarray(thumbnail)).hash.ravel())
    return np.concatenate([bits, thumbnail.ravel()])


def _batches(photos: list[Photo]) -> Iterator[list[Photo]]:
    for start in range(0, len(photos), _COMMIT_PHOTOS):
        yield photos[start : start + _COMMIT_PHOTOS]
