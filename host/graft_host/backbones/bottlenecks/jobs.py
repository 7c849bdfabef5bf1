"""Which renditions of which photos the network is run on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from graft_host.photos.dataset import Photo
from graft_host.photos.renditions import ORIGINAL, Rendition


@dataclass(frozen=True, slots=True)
class Job:
    """What the network is run on: renditions of one photo.

    Attributes:
        photo: the photo.
        renditions: those that are wanted.
    """

    photo: Photo
    renditions: tuple[Rendition, ...]


def jobs_for(*wanted: tuple[Iterable[Photo], tuple[Rendition, ...]]) -> list[Job]:
    """The jobs for some photos, one for each content, in the order in which they first appear.

    Args:
        wanted: photos, and the renditions that are wanted of each of them. A photo that is wanted several times gets
            all of its renditions.
    """
    jobs: dict[str, Job] = {}
    for photos, renditions in wanted:
        for photo in photos:
            job = jobs.get(photo.digest)
            if job is None:
                jobs[photo.digest] = Job(photo, renditions)
            elif job.renditions != renditions:
                jobs[photo.digest] = Job(job.photo, tuple(dict.fromkeys(job.renditions + renditions)))
    return list(jobs.values())


def photos_alone(photos: Iterable[Photo]) -> list[Job]:
    """The jobs for different photos, each as it is."""
    return jobs_for((photos, ORIGINAL))


def jobs_to_do(wanted: Sequence[Job], known: set[str]) -> list[Job]:
    """The jobs without the renditions that are cached.

    Args:
        wanted: all jobs.
        known: the keys that every output has cached.
    """
    if not known:
        return list(wanted)
    jobs = []
    for job in wanted:
        missing = tuple(rendition for rendition in job.renditions if rendition.key(job.photo.cache_key) not in known)
        if missing:
            jobs.append(job if missing == job.renditions else Job(job.photo, missing))
    return jobs


def keys_of(jobs: Iterable[Job]) -> Iterator[str]:
    """The keys of the bottlenecks of some jobs."""
    for job in jobs:
        for rendition in job.renditions:
            yield rendition.key(job.photo.cache_key)
