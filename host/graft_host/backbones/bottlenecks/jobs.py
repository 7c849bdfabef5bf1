"""Which photos and variants of them the network is run on, and the keys that their bottlenecks are cached under."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from graft_host.photos.augment import VERSION as AUGMENT_VERSION
from graft_host.photos.dataset import Photo


@dataclass(frozen=True)
class Augmentation:
    """Variants of training photos.

    Attributes:
        variants: how many are made of each photo besides the photo itself.
        seed: what they are drawn from.
    """

    variants: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """What the network is run on: one photo, and variants of it.

    Attributes:
        photo: the photo.
        variants: the numbers of the variants that are wanted; 0 is the photo itself.
    """

    photo: Photo
    variants: tuple[int, ...]


def jobs_for(photos: Iterable[Photo], augmented: Sequence[Photo], augmentation: Augmentation) -> list[Job]:
    """The jobs for some photos, one for each content.

    Args:
        photos: the photos that are wanted.
        augmented: those whose variants are wanted too.
        augmentation: how many variants of a photo are wanted.
    """
    with_variants = {photo.digest for photo in augmented} if augmentation.variants else set()
    alone, together = (0,), tuple(range(augmentation.variants + 1))
    jobs: dict[str, Job] = {}
    for photo in photos:
        if photo.digest not in jobs:
            jobs[photo.digest] = Job(photo, together if photo.digest in with_variants else alone)
    return list(jobs.values())


def photos_alone(photos: Iterable[Photo]) -> list[Job]:
    """Different photos without variants, as ``extract_together`` takes them."""
    return jobs_for(photos, (), Augmentation())


def jobs_to_do(wanted: Sequence[Job], known: set[str], seed: int) -> list[Job]:
    """The jobs without the variants that are cached.

    Args:
        wanted: all jobs.
        known: the keys that every output has cached.
        seed: of the variants.
    """
    if not known:
        return list(wanted)
    jobs = []
    for job in wanted:
        missing = tuple(index for index in job.variants if key_of(job.photo.cache_key, index, seed) not in known)
        if missing:
            jobs.append(job if missing == job.variants else Job(job.photo, missing))
    return jobs


def keys_of(jobs: Iterable[Job], seed: int) -> Iterator[str]:
    """The keys of the bottlenecks of some jobs, with variants of a seed."""
    for job in jobs:
        for index in job.variants:
            yield key_of(job.photo.cache_key, index, seed)


def key_of(photo: str, index: int, seed: int) -> str:
    """The key that a bottleneck is cached under.

    Args:
        photo: the ``cache_key`` of the photo.
        index: the number of the variant; 0 is the photo itself.
        seed: of the variants.
    """
    return f"{photo}/v{AUGMENT_VERSION}/{seed}/{index}" if index else photo
