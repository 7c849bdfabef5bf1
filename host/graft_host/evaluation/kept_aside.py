"""Finds the photos of a folder that a model was not trained on, from the split in its card."""

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
    """Reads the split of a model's photos from its card; raises ModelError if the card does not contain it."""
    try:
        return RecordedSplit.read(card.training["split"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{model} does not record how its photos were split", "give --split all") from error


def photos_to_test(dataset: Dataset, split: RecordedSplit, threads: int, reporter: Reporter) -> list[Photo]:
    """Returns the photos to test a model on: it was trained neither on them nor on near duplicates of them.

    Photos of none of the classes are among them, if there are any.

    A photo that was added after training counts if the model's split makes it a test photo, unless it is a near
    duplicate of a photo that the split puts elsewhere. Photos are compared only if there are such additions.

    Where folders gave the split of the training run, nothing is known of added photos, and none counts.

    Args:
        dataset: the photos, from ``scan``.
        split: the split of the model's training run.
        threads: photos decoded at a time, to compare them.
        reporter: receives a note if photos are left out.
    """
    chosen = [photo for photo in dataset.everything if split.part(photo.digest) == "test"]
    if split.given:
        return _of_given_split(dataset, chosen, reporter)
    added = {photo.digest for photo in chosen if split.new_to_test(photo.digest)}
    if not added:
        return chosen
    compared = _grouped(dataset, threads, reporter).everything
    trained_on = {photo.place for photo in compared if split.part(photo.digest) != "test"}
    alike = {photo.digest for photo in compared if photo.digest in added and photo.place in trained_on}
    if alike:
        photos = "1 photo" if len(alike) == 1 else f"{len(alike)} photos"
        reporter.note(f"left out {photos}: added after training, but a near duplicate of a photo that it may have used")
    return [photo for photo in chosen if photo.digest not in alike]


def _of_given_split(dataset: Dataset, recorded: list[Photo], reporter: Reporter) -> list[Photo]:
    """Leaves out copies of recorded test photos in other parts, and notes test photos that are not recorded."""
    if "test" not in dataset.parts:
        return recorded
    chosen = [photo for photo in recorded if photo.part == "test"]
    added = sum(photo.part == "test" for photo in dataset.photos) - len(chosen)
    if added:
        photos = "1 photo" if added == 1 else f"{added} photos"
        folder = dataset.parts["test"]
        reporter.note(f"left out {photos} of {folder} that training did not keep aside: --split all takes them too")
    return chosen


def _grouped(dataset: Dataset, threads: int, reporter: Reporter) -> Dataset:
    with reporter.progress("comparing") as progress:
        try:
            return group_near_duplicates(dataset, default_cache(), threads, progress)
        except CacheError:  # the cache only saves time
            with scratch() as folder:
                return group_near_duplicates(dataset, folder, threads, progress)
