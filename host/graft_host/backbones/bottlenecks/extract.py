"""Computes the bottlenecks that are not cached yet, and caches them as they come."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import PhotoError
from graft_host.backbones.bottlenecks.jobs import Job, jobs_to_do, keys_of
from graft_host.backbones.bottlenecks.tap_bottlenecks import Rows, TapBottlenecks
from graft_host.backbones.bottlenecks.workers import extracted
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.support.progress import Progress

_COMMIT_ROWS = 256
_COMMIT_SECONDS = 2.0


@dataclass(frozen=True)
class Extraction:
    """The result of an extraction.

    Attributes:
        failures: photos that could not be decoded, digest to reason.
        hits: number of bottlenecks that were cached.
        misses: number of bottlenecks that were computed.
        damaged: number of bottlenecks among the misses that were cached, but damaged.
        put_aside: new names of cache files that were damaged as a whole.
    """

    failures: dict[str, str]
    hits: int
    misses: int
    damaged: int = 0
    put_aside: tuple[Path, ...] = ()

    @property
    def damage(self) -> str | None:
        """A warning if the cache was damaged; None if it was not."""
        if self.put_aside:
            names = " and ".join(map(str, self.put_aside))
            return f"warning: a cache file was damaged and put aside as {names}: the disk may be failing"
        if not self.damaged:
            return None
        were = "1 bottleneck in the cache was" if self.damaged == 1 else f"{self.damaged} bottlenecks in the cache were"
        return f"warning: {were} damaged and computed again: the disk may be failing"


def extract_missing(
    network: Path,
    spec: BackboneSpec,
    outputs: Sequence[TapBottlenecks],
    known: Sequence[set[str]],
    wanted: Sequence[Job],
    threads: int,
    progress: Progress,
) -> Extraction:
    """Computes the bottlenecks that the cache of an output lacks, one photo per worker at a time.

    Args:
        network: the ``.tflite``.
        spec: gives the input scaling, the input side and the resize rule.
        outputs: the cached bottlenecks of the network's taps, in the order of its outputs.
        known: the keys that are cached, by output; of ``known_keys``.
        wanted: jobs for different photos.
        threads: number of workers.
        progress: called with (photos done, photos to do).

    Raises:
        CacheError: the cache cannot be written; what was stored before stays.
    """
    jobs = jobs_to_do(wanted, set.intersection(*known))
    lacking = lacking_outputs(known, wanted)
    total = sum(len(job.renditions) for job in wanted)
    missing = sum(len(job.renditions) for job in jobs)
    damaged = sum(output.damaged for output in outputs)
    failures: dict[str, str] = {}
    failed = 0
    rows: dict[int, Rows] = {place: [] for place in lacking}
    stored = time.monotonic()
    try:
        for done, (job, result) in enumerate(extracted(network, spec, jobs, threads), 1):
            if isinstance(result, PhotoError):
                failures[job.photo.digest] = str(result)
                failed += len(job.renditions)
            else:
                for rendition, vectors in zip(job.renditions, result, strict=True):
                    for place, batch in rows.items():
                        batch.append((rendition.key(job.photo.cache_key), vectors[place]))
            if len(rows[lacking[0]]) >= _COMMIT_ROWS or time.monotonic() - stored > _COMMIT_SECONDS:
                _flush(rows, outputs)
                stored = time.monotonic()
            progress(done, len(jobs))
    finally:
        _flush(rows, outputs)  # Ctrl-C keeps what was computed
    put_aside = tuple(output.put_aside for output in outputs if output.put_aside is not None)
    return Extraction(failures, total - missing, missing - failed, damaged, put_aside)


def known_keys(outputs: Sequence[TapBottlenecks], wanted: Sequence[Job]) -> list[set[str]]:
    """The keys of some jobs that are cached, by output."""
    keys = list(keys_of(wanted))
    return [output.known(keys) for output in outputs]


def lacking_outputs(known: Sequence[set[str]], wanted: Sequence[Job]) -> list[int]:
    """The places of the outputs that lack a bottleneck of some jobs, given the keys that are cached, by output."""
    keys = set(keys_of(wanted))
    return [place for place, cached in enumerate(known) if not keys <= cached]


def _flush(rows: Mapping[int, Rows], outputs: Sequence[TapBottlenecks]) -> None:
    """Stores the rows and forgets them. Storing a row again changes nothing, so Ctrl-C at any line loses none."""
    for place, batch in rows.items():
        if not batch:
            continue
        try:
            outputs[place].put(batch)
        except KeyboardInterrupt:
            outputs[place].put(batch)
            raise
        except Exception:  # is reported; to try once more would only fail again
            batch.clear()
            raise
        batch.clear()
