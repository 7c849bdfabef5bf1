"""Says what a user should know about the photos of a run, its gates and its threshold."""

from __future__ import annotations

from dataclasses import replace

from graft_host.evaluation.accuracy import FEW_TEST_PHOTOS
from graft_host.heads.finished import FinishedHead
from graft_host.heads.mislabels import MislabelSearch
from graft_host.heads.thresholds import UnknownThreshold
from graft_host.photos.findings import warnings
from graft_host.photos.problems import find_problems
from graft_host.training.material import Material
from graft_host.training.negatives import negatives_note
from graft_host.training.options import HeadOptions, TrainOptions

_STATED = 1e-4  # stated rates are rounded to this


def photo_warnings(material: Material, options: HeadOptions, search: MislabelSearch) -> list[str]:
    """Counts what ``graft check`` would find in these photos, a line for each kind."""
    photos = [photo for part in material.split.parts.values() for photo in part]
    found = find_problems(replace(material.dataset, photos=tuple(photos)), options.image_size, search.mislabels)
    return warnings(found, options.check_command, material.split.divided)


def few_photos_warnings(material: Material, options: TrainOptions) -> list[str]:
    """Returns a warning for each gate that will be judged on few test photos."""
    photos = len(material.split.test)
    if photos >= FEW_TEST_PHOTOS:
        return []
    counted = "1 test photo" if photos == 1 else f"{photos} test photos"
    gates = {"--min-accuracy": options.min_accuracy, "--max-drop": options.max_drop}
    return [
        f"warning: {name} is judged on {counted}, each of which counts {100 / photos:.0f} points"
        for name, gate in gates.items()
        if gate is not None
    ]


def unknown_notes(material: Material, head: FinishedHead, rate: float) -> list[str]:
    """What a user should know of the threshold, and of what was learned from photos of none of the classes.

    Args:
        material: with these photos.
        head: the finished head.
        rate: the rate that was requested with ``--unknown-rate``.
    """
    notes = unknown_note(head.unknown, rate), negatives_note(material, head)
    return [note for note in notes if note is not None]


def unknown_note(unknown: UnknownThreshold | None, rate: float) -> str | None:
    """Returns a note if the unknown threshold does not keep the rate that was requested.

    Args:
        unknown: the threshold; None if there is none.
        rate: the rate that was requested with ``--unknown-rate``.
    """
    if rate > 0 and unknown is None:
        return (
            "warning: too few photos to find a threshold for unknown ones: the model will call none unknown; "
            "add photos, or give --unknown-rate 0 to say that this is meant"
        )
    if unknown is not None and unknown.rate > rate + _STATED:
        return (
            f"note: {unknown.photos} photos are too few to promise that at most {rate:.2%} of known ones will be "
            f"called unknown; it may be {unknown.rate:.2%}: add photos, or raise --unknown-rate"
        )
    return None
