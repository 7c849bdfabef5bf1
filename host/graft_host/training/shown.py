"""What is trained on of each photo: the photo itself, its variants and its copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graft_host.photos.dataset import Photo
from graft_host.photos.place import place_statistics
from graft_host.photos.renditions import Rendition, renditions
from graft_host.support.clock import Clock
from graft_host.support.reporter import Reporter, note_skipped
from graft_host.training.guards import check_strict
from graft_host.training.options import HeadOptions


@dataclass(frozen=True)
class Shown:
    """The renditions that are trained on; validation and test photos are only shown as they are.

    Attributes:
        target: of each training photo.
        source: of each source photo.
    """

    target: tuple[Rendition, ...]
    source: tuple[Rendition, ...]


def renditions_shown(
    options: HeadOptions,
    train: Sequence[Photo],
    sources: Sequence[Photo],
    threads: int,
    reporter: Reporter,
    clock: Clock,
) -> Shown:
    """The renditions that the options name; source photos get the copies, or training photos if there are none.

    Args:
        options: the numbers of variants and copies, the photos of the place, and the seed.
        train: the training photos.
        sources: the source photos.
        threads: photos that are decoded at a time.
        reporter: receives a note for each photo of the place that cannot be read.
        clock: measures the stage.

    Raises:
        DatasetError: no photo of the place can be read, or under ``--strict`` one of its files cannot.
    """
    samples, seed = options.samples, options.rule.seed
    place = None
    if samples.match is not None:
        with clock.stage("match"):
            place, skipped = place_statistics(samples.match, sources or train, options.resize, threads)
        note_skipped(((skip.path, skip.reason) for skip in skipped), reporter, f" in {samples.match}")
        check_strict(skipped, strict=options.strict)
    plain = renditions(variants=options.augment, seed=seed)
    copied = renditions(variants=options.augment, camera_copies=samples.copies.camera, place=place, seed=seed)
    return Shown(plain, copied) if samples.source else Shown(copied, ())
