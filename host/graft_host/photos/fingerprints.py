"""What photos are compared by: a perceptual hash and a thumbnail of each, cached by the photo's content.

The hashes of the picture turned and mirrored follow from the thumbnail: nothing more need be cached.
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
"""Goes up when the same photo would get another fingerprint; the cache is keyed by it."""

TURNS = 8
"""Ways in which a square lies on itself: as it is (0), or turned and mirrored."""

_DECODED_SIDE = 256  # a JPEG decoded much smaller than this is shifted by up to a pixel of the thumbnail
_HASH_SIDE = 8  # frequencies along a side whose signs are the hash
_HASH_BYTES = _HASH_SIDE**2 // 8
_BYTES = _HASH_BYTES + SIDE * SIDE * 3
_COMMIT_PHOTOS = 64
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's mode L

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints of M contents.

    Attributes:
        digests: of the contents, ascending.
        hashes: 64 bits each, bool ``[M,64]``.
        thumbnails: RGB, uint8 ``[M,32,32,3]``.
        failures: photos that cannot be decoded: digest to reason.
    """

    digests: tuple[str, ...]
    hashes: NDArray[np.bool_]
    thumbnails: Pixels
    failures: dict[str, str]


def fingerprints(photos: Sequence[Photo], cache: Path, threads: int, progress: Progress) -> Fingerprints:
    """Takes the fingerprints of photos, those that are not cached yet by decoding them.

    Args:
        photos: copies of one content count once.
        cache: folder of the kit's caches.
        threads: photos decoded at a time.
        progress: called with (photos done, photos to decode).

    Raises:
        CacheError: the cache cannot be used; what was stored before stays.
    """
    contents = {photo.digest: photo for photo in photos}
    name = f"v{VERSION}-p{PREPROCESS_VERSION}.sqlite"
    with BottleneckStore(cache / "fingerprints" / name, np.dtype(np.uint8), _BYTES, "fingerprints") as store:
        known = store.known(contents)
        failures = _compute(
            [photo for photo in contents.values() if photo.digest not in known], store, threads, progress
        )
        digests = tuple(sorted(contents.keys() - failures.keys()))
        rows = store.matrix(digests)
    hashes = np.unpackbits(rows[:, :_HASH_BYTES].astype(np.uint8), axis=1).astype(np.bool_)
    thumbnails = rows[:, _HASH_BYTES:].astype(np.uint8, copy=False).reshape(-1, SIDE, SIDE, 3)
    return Fingerprints(digests, hashes, thumbnails, failures)


def turned(pictures: NDArray[_Number], turn: int) -> NDArray[_Number]:
    """Square pictures ``[P,S,S,…]`` in one of the eight ways: 1 mirrors them, 2 upends them, 4 then swaps the axes."""
    mirrored = pictures[:, :, ::-1] if turn & 1 else pictures
    upended = mirrored[:, ::-1] if turn & 2 else mirrored
    return upended.swapaxes(1, 2) if turn & 4 else upended


def turned_hashes(thumbnails: Pixels) -> NDArray[np.bool_]:
    """The hashes of thumbnails in each of the eight ways, bool ``[8,M,64]``; but for rounding they are pHash's.

    Mirroring a picture changes the sign of every other frequency of its cosine transform (DCT-II) and nothing else, as
    cos(π f (S - 1 - x + ½) / S) is (-1)^f cos(π f (x + ½) / S); so one transform serves all.
    """
    frequencies = np.arange(_HASH_SIDE)[:, None]
    waves = np.cos(np.pi * frequencies * (np.arange(SIDE) + 0.5) / SIDE).astype(np.float32)
    spectrum = waves @ (thumbnails.astype(np.float32) @ _LUMA) @ waves.T
    still = np.ones(_HASH_SIDE, np.float32)
    changed = np.where(np.arange(_HASH_SIDE) % 2, -still, still)
    hashes = np.empty((TURNS, len(thumbnails), _HASH_SIDE**2), np.bool_)
    for turn in range(TURNS):
        across, down = changed if turn & 1 else still, changed if turn & 2 else still
        found = spectrum * across * down[:, None]
        found = (found.swapaxes(1, 2) if turn & 4 else found).reshape(-1, _HASH_SIDE**2)
        hashes[turn] = found > np.median(found, axis=1, keepdims=True)
    return hashes


def _compute(jobs: list[Photo], store: BottleneckStore, threads: int, progress: Progress) -> dict[str, str]:
    failures: dict[str, str] = {}
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        for batch in _batches(jobs):
            rows: list[tuple[str, Pixels]] = []
            try:
                for photo, found in zip(batch, pool.map(_fingerprint, batch), strict=True):
                    if isinstance(found, PhotoError):
                        failures[photo.digest] = str(found)
                    else:
                        rows.append((photo.digest, found))
                    done += 1
                    progress(done, len(jobs))
            finally:
                store.put(rows)  # Ctrl-C keeps what was computed
    return failures


def _fingerprint(photo: Photo) -> Pixels | PhotoError:
    from imagehash import phash  # half a second with SciPy; a run that finds everything cached needs neither

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
