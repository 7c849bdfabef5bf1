"""The renditions of a photo: what the network is shown of it, such as the photo itself, a variant or a copy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graft_device.preprocess import fit, load
from graft_host.photos import augment, camera_copies, matching

Pixels = NDArray[np.uint8]

COPIED_SIDE = 320
"""The side in pixels of the square that camera copies are made from, whatever the network's input side is."""


class Decoded:
    """The bytes of a photo, decoded when a rendition needs them.

    Args:
        data: the image file.
        digest: SHA-256 of ``data``, in hex.
        rule: the resize rule, ``squash`` or ``crop``.
    """

    def __init__(self, data: bytes, digest: str, rule: str) -> None:
        self.digest = digest
        self.rule = rule
        self._data = data
        self._latest: tuple[int, Image.Image] | None = None  # one at a time: a photo may take 250 MB

    def image(self, side: int) -> Image.Image:
        """The whole photo, as it is decoded for a square of this side; kept until another side is asked for.

        Raises:
            PhotoError: the photo cannot be decoded.
        """
        if self._latest is None or self._latest[0] != side:
            self._latest = None
            self._latest = side, load(self._data, side, self.rule)
        return self._latest[1]

    def square(self, side: int) -> Pixels:
        """The pixels ``[side,side,3]`` that a network with this input side sees of the photo itself.

        Raises:
            PhotoError: the photo cannot be decoded.
        """
        return fit(self.image(side), side, self.rule)


class Rendition(Protocol):
    """One way to show a photo to a network. The same photo always gives the same pixels."""

    def key(self, photo: str) -> str:
        """The key that a bottleneck of the rendition is cached under.

        Args:
            photo: the ``cache_key`` of the photo.
        """

    def pixels(self, photo: Decoded, side: int) -> Pixels:
        """The pixels ``[side,side,3]`` for a network with this input side.

        Raises:
            PhotoError: the photo cannot be decoded.
        """


@dataclass(frozen=True, slots=True)
class Original:
    """The photo itself, decoded exactly as on the board."""

    def key(self, photo: str) -> str:
        """The photo's own key."""
        return photo

    def pixels(self, photo: Decoded, side: int) -> Pixels:
        """The pixels that the board sees."""
        return photo.square(side)


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant of the photo: mirrored, cropped, brighter or darker; see ``augment``.

    Attributes:
        index: number of the variant, from 1.
        seed: the seed of the run.
    """

    index: int
    seed: int

    def key(self, photo: str) -> str:
        """A key with the version of the variants, the seed and the index."""
        return f"{photo}/v{augment.VERSION}/{self.seed}/{self.index}"

    def pixels(self, photo: Decoded, side: int) -> Pixels:
        """The variant's pixels; the photo is decoded larger, so that it can be cropped."""
        wide = photo.image(math.ceil(side / augment.MIN_CROP_SIDE) + 1)
        return fit(augment.variant(wide, photo.digest, self.index, self.seed), side, photo.rule)


@dataclass(frozen=True, slots=True)
class CameraCopy:
    """The photo as if a bad camera had taken it; see ``camera_copies``.

    Attributes:
        index: number of the copy, from 1.
        seed: the seed of the run.
    """

    index: int
    seed: int

    def key(self, photo: str) -> str:
        """A key with the version of the copies, the seed and the index."""
        return f"{photo}/c{camera_copies.VERSION}/{self.seed}/{self.index}"

    def pixels(self, photo: Decoded, side: int) -> Pixels:
        """The copy's pixels; the copy is the same for every input side, and is resized for this one."""
        seen = Image.fromarray(photo.square(COPIED_SIDE))
        return fit(camera_copies.camera_copy(seen, photo.digest, self.index, self.seed), side)


@dataclass(frozen=True, slots=True)
class Matched:
    """The photo as if the camera of a place had taken it; see ``matching``.

    Attributes:
        statistics: of the place.
        index: number of the copy, from 1.
        seed: the seed of the run.
    """

    statistics: matching.Statistics
    index: int
    seed: int

    def key(self, photo: str) -> str:
        """A key with the version of the matching, the digest of the statistics, the seed and the index."""
        return f"{photo}/m{matching.VERSION}/{self.statistics.digest}/{self.seed}/{self.index}"

    def pixels(self, photo: Decoded, side: int) -> Pixels:
        """The copy's pixels; the copy is the same for every input side, and is resized for this one."""
        seen = Image.fromarray(photo.square(matching.SIDE))
        return fit(matching.matched(seen, self.statistics, photo.digest, self.index, self.seed), side)


ORIGINAL: tuple[Rendition, ...] = (Original(),)
"""The photo itself and nothing else."""


def renditions(
    *, variants: int = 0, camera_copies: int = 0, place: matching.Statistics | None = None, seed: int = 0
) -> tuple[Rendition, ...]:
    """The photo itself, followed by its variants, its camera copies, and one copy that is matched to a place.

    Args:
        variants: number of variants.
        camera_copies: number of camera copies.
        place: the statistics of the place; None for no matched copy.
        seed: what variants and copies are drawn from.
    """
    made: Sequence[Rendition] = [Variant(index, seed) for index in range(1, variants + 1)]
    copied: Sequence[Rendition] = [CameraCopy(index, seed) for index in range(1, camera_copies + 1)]
    like: Sequence[Rendition] = [] if place is None else [Matched(place, 1, seed)]
    return (*ORIGINAL, *made, *copied, *like)
