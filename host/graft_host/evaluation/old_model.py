"""The older file that a model is compared with: tried safely, and the photos that it was not trained on."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from graft_device.errors import DatasetError, ModelError, os_reason
from graft_device.model import ModelFile
from graft_device.trial.copies import copied
from graft_device.trial.trial import try_copy
from graft_host.evaluation.kept_aside import photos_to_test, recorded_split
from graft_host.photos.dataset import NO_CLASS, Dataset, Photo
from graft_host.photos.split import RecordedSplit
from graft_host.support.reporter import Reporter
from graft_host.support.scratch import scratch, write_scratch


@dataclass(frozen=True)
class OldModel:
    """A model file as it was when the run started; the file itself may be replaced by the run.

    Attributes:
        contents: labels, card and golden photos, under the path that the user gave.
        data: the bytes of the file.
    """

    contents: ModelFile
    data: bytes = field(repr=False)

    @property
    def path(self) -> Path:
        """The path that the user gave."""
        return self.contents.path

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the model, in the order of its output."""
        return self.contents.labels

    @property
    def digest(self) -> str:
        """The SHA-256 of the file."""
        return hashlib.sha256(self.data).hexdigest()

    @contextlib.contextmanager
    def on_disk(self) -> Iterator[Path]:
        """A copy of the file; raises ExportError if there is no room for it."""
        with scratch() as folder:
            path = folder / "candidate.tflite"
            write_scratch(path, self.data)
            yield path


@dataclass(frozen=True)
class FairPhotos:
    """The photos that two models are compared on.

    Attributes:
        photos: those of the new model's test photos whose class both models have, and that the old model was not
            trained on. Their ``label`` is an index into the old model's labels.
        unseen: whether it is known that the old model was not trained on them.
    """

    photos: tuple[Photo, ...]
    unseen: bool


def open_old_model(path: Path) -> OldModel:
    """Reads a model and runs it once in a child process with limits, because it may come from anywhere.

    Raises:
        ModelError: the file cannot be used.
        RuntimeMissingError: no model can run here.
    """
    with copied(path) as copy:
        contents = try_copy(copy, path, "auto")
        try:
            return OldModel(contents, copy.path.read_bytes())
        except OSError as error:
            raise ModelError(f"cannot read model {path}: {os_reason(error)}") from error


def fair_photos(
    old: OldModel, dataset: Dataset, tests: Sequence[Photo], threads: int, reporter: Reporter
) -> FairPhotos:
    """Chooses the photos that two models can be compared on.

    Args:
        old: the old model.
        dataset: all photos, among which may be those that the old model was trained on.
        tests: the photos that the new model was not trained on; their labels are those of ``dataset``.
        threads: photos decoded at a time, to find near duplicates.
        reporter: receives notes about photos that are left out.

    Raises:
        DatasetError: no photo is left.
    """
    shared = _shared(old, dataset, tests)
    try:
        split = recorded_split(old.contents.card, old.path)
    except ModelError:
        reporter.note(
            f"warning: {old.path} does not record how its photos were split; it may have been trained on some of the "
            f"{len(shared)} photos that it is compared on, and then looks better than it is"
        )
        return FairPhotos(_as_labelled(old, dataset, shared), unseen=False)
    allowed = {photo.digest for photo in photos_to_test(dataset, split, threads, reporter)}
    fair = [photo for photo in shared if photo.digest in allowed]
    if not fair:
        raise DatasetError(
            f"{old.path} may have been trained on all {len(shared)} photos that it could be compared on",
            f"split the photos as it did: {_same_split(split)}",
        )
    if seen := len(shared) - len(fair):
        reporter.note(
            f"note: {old.path} may have been trained on {seen} of the {len(shared)} photos; both models are compared "
            f"on the other {len(fair)} (its split was {_same_split(split)})"
        )
    return FairPhotos(_as_labelled(old, dataset, fair), unseen=True)


def any_photos(old: OldModel, dataset: Dataset, tests: Sequence[Photo], threads: int, reporter: Reporter) -> FairPhotos:
    """All photos whose class the old model has, also those that a model may have been trained on.

    Args:
        old: the old model.
        dataset: all photos.
        tests: the photos that the new model is tested on.
        threads: as for ``fair_photos``; not used.
        reporter: receives a note.

    Raises:
        DatasetError: no photo is left.
    """
    del threads
    reporter.note("note: on all photos, a model looks better that was trained on more of them")
    return FairPhotos(_as_labelled(old, dataset, _shared(old, dataset, tests)), unseen=False)


def _shared(old: OldModel, dataset: Dataset, tests: Sequence[Photo]) -> list[Photo]:
    """The photos whose class the old model has; raises DatasetError if there are none."""
    known = [photo for photo in tests if photo.label != NO_CLASS]
    shared = [photo for photo in known if dataset.labels[photo.label] in old.labels]
    if not shared:
        raise DatasetError(
            f"{old.path} has none of the classes of these photos, so there is nothing to compare",
            f"name the folders as its labels: {', '.join(old.labels)}",
        )
    return shared


def _as_labelled(old: OldModel, dataset: Dataset, photos: Sequence[Photo]) -> tuple[Photo, ...]:
    places = {label: place for place, label in enumerate(old.labels)}
    return tuple(replace(photo, label=places[dataset.labels[photo.label]]) for photo in photos)


def _same_split(split: RecordedSplit) -> str:
    """The options that split photos as a recorded split."""
    if split.given:
        return "that of its folders train, val and test"
    rule = split.rule
    return f"--seed {rule.seed} --test-percent {rule.test_percent:g} --validation-percent {rule.validation_percent:g}"
