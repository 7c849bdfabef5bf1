"""Describes how a data set is split, and why one cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graft_host.photos.dataset import Dataset
from graft_host.photos.folders import quoted
from graft_host.photos.placement import DRAWN
from graft_host.photos.split_rule import SplitRule

NEEDED = ("train", "test")
"""The parts in which every class needs a photo."""

_LEAST = len(NEEDED)


def split_text(dataset: Dataset, rule: SplitRule) -> str | None:
    """Describes a split that folders or lists give, and the parts that are drawn nevertheless; None if all are drawn.

    Args:
        dataset: the data set.
        rule: draws the parts that are not given.
    """
    if not dataset.parts:
        return None
    paths = dict.fromkeys(dataset.parts.values())
    lists = all(path in dataset.lists for path in paths)
    given = f"{'list' if len(paths) == 1 else 'lists'} " if lists else "folders "
    given += quoted(path.name for path in paths)
    shares = {"test": rule.test_percent, "validation": rule.validation_percent}
    drawn = [f"{shares[part]:g}% for {part}" for part in DRAWN if part not in dataset.parts]
    rest = f"; of the training photos, {' and '.join(drawn)}" if drawn else ""
    return f"the split is that of the {given}{rest}"


def shortage_text(dataset: Dataset, lacking: Mapping[int, list[str]]) -> str:
    """Describes why a data set cannot be split, in a length that does not depend on the number of classes.

    Args:
        dataset: the data set.
        lacking: the classes that lack a part, each with the parts, from ``shortages``.
    """
    if dataset.parts:
        return _folder_shortage(dataset, lacking)
    contents = _contents(dataset)
    small = [label for label in lacking if len(contents[label]) < _LEAST]
    classes = small or list(lacking)
    what = "fewer than two different photos" if small else "no photo to train on or to test on that is theirs alone"
    return f"{_counted(dataset, classes)} {what}: {quoted(dataset.labels[label] for label in classes)}"


def split_advice(dataset: Dataset, lacking: Mapping[int, Any]) -> str:
    """Advises what to do about a data set that cannot be split.

    Args:
        dataset: the data set.
        lacking: the classes that lack a part, from ``shortages``.
    """
    if dataset.parts:
        return _folder_advice(dataset, lacking)
    contents = _contents(dataset)
    wanted = sum(max(0, _LEAST - len(contents[label])) for label in lacking)
    if wanted:
        photos = "1 photo" if wanted == 1 else f"at least {wanted:,} photos"
        return f"add {photos}: every class needs two different ones, one to train on and one to test on"
    return "remove the photos that are in several classes from all classes but one: 'graft check' lists them"


def _folder_shortage(dataset: Dataset, lacking: Mapping[int, list[str]]) -> str:
    """What is wrong with a split that folders give: the training folder or classes in a part are missing."""
    if "train" not in dataset.parts:
        names = quoted(folder.name for folder in dataset.parts.values())
        return f"{dataset.root} is split into {names}, but has no folder 'train'"
    problems = []
    for part in NEEDED:
        if classes := [label for label, missing in lacking.items() if part in missing]:
            where = dataset.parts.get(part, dataset.parts["train"]).name
            problems.append(
                f"{_counted(dataset, classes)} no {part} photo in '{where}': "
                f"{quoted(dataset.labels[label] for label in classes)}"
            )
    return "; ".join(problems)


def _folder_advice(dataset: Dataset, lacking: Mapping[int, list[str]]) -> str:
    if "train" not in dataset.parts:
        return "add the training photos, or move all class folders into one folder and let graft draw the split"
    advice = "add photos, or remove the classes that are not in all parts"
    if "test" in dataset.parts and any("test" in missing for missing in lacking.values()):
        return f"{advice}; without the folder '{dataset.parts['test'].name}', test photos are drawn from the others"
    return advice


def _counted(dataset: Dataset, classes: Sequence[int]) -> str:
    return "1 class has" if len(classes) == 1 else f"{len(classes):,} of {len(dataset.labels):,} classes have"


def _contents(dataset: Dataset) -> list[set[str]]:
    """The digests of each class's photos."""
    contents: list[set[str]] = [set() for _ in dataset.labels]
    for photo in dataset.photos:
        contents[photo.label].add(photo.digest)
    return contents
