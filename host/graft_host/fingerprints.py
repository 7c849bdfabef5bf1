"""What photos are compared by: a perceptual hash and a thumbnail of each, cached by the photo's content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graft_device.errors import PhotoError
from graft_device.preprocess import VERSION as PREPROCESS_VERSION
from graft_device.preprocess import fit, load, read_photo
from graft_host.dataset import Photo
from graft_host.isolated import Progress
from graft_host.registration import SIDE, Pixels
from graft_host.store import BottleneckStore

VERSION = 1
"""Goes up when the same photo would get another fingerprint; the cache is keyed by it."""

_DECODED_SIDE = 256  # a JPEG decoded much smaller than this is shifted by up to a pixel of the thumbnail
_HASH_BYTES = 8
_BYTES = _HASH_BYTES + SIDE * SIDE * 3
_COMMIT_PHOTOS = 64


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
