"""The photos of a folder that a model was not trained on, by what its card says of the split."""

from __future__ import annotations

from pathlib import Path

from graft_device.errors import CacheError, ModelError
from graft_device.model import ModelCard
from graft_host.photos.dataset import Dataset, Photo
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.photos.split import RecordedSplit
from graft_host.support.cache import default_cache
from graft_host.support.reporter import Reporter
from graft_host.support.scratch import scratch


def recorded_split(card: ModelCard, model: Path) -> RecordedSplit:
    """How a model's photos were split; raises ModelError if its card doesn't say."""
    try:
        return RecordedSplit.read(card.training["split"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{model} does not say how its photos were split: give --split all") from error


def photos_to_test(dataset: Dataset, split: RecordedSplit, threads: int, reporter: Reporter) -> list[Photo]:
    """The photos that a model can be tested with: it was trained neither on them nor on near duplicates of them.

    A photo that was added since counts if the model's split makes it a test photo, unless it is a near duplicate of
    one that the split does not. Only where there are such photos are any compared.

    Args:
        dataset: the photos, from ``scan``.
        split: of the model.
        threads: photos decoded at a time, to compare them.
        reporter: hears how many were left out.
    """
    chosen = [photo for photo in dataset.photos if split.part(photo.digest) == "test"]
    added = {photo.digest for photo in chosen if split.new_to_test(photo.digest)}
    if not added:
        return chosen
    compared = _grouped(dataset, threads, reporter).photos
    trained_on = {photo.place for photo in compared if split.part(photo.digest) != "test"}
    alike = {photo.digest for photo in compared if photo.digest in added and photo.place in trained_on}
    if alike:
        photos = "1 photo" if len(alike) == 1 else f"{len(alike)} photos"
        reporter.note(f"left out {photos}: new since training, and near duplicates of what it may have trained on")
    return [photo for photo in chosen if photo.digest not in alike]


def _grouped(dataset: Dataset, threads: int, reporter: Reporter) -> Dataset:
    with reporter.progress("comparing") as progress:
        try:
            return group_near_duplicates(dataset, default_cache(), threads, progress)
        except CacheError:  # it only saves time
            with scratch() as folder:
                return group_near_duplicates(dataset, folder, threads, progress)
