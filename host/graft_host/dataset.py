"""A folder per class becomes labels, photos, and a split that stays put."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from graft_device.errors import DatasetError, PhotoError, os_reason
from graft_device.preprocess import check_header, read_photo

_NEEDED = ("train", "test")
_LITTER = {"thumbs.db", "desktop.ini"}
_SEEDS_TO_TRY = 1000
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # controls, bytes that are no text, line and paragraph separators


@dataclass(frozen=True)
class Photo:
    """One image file: ``label`` indexes the data set's labels, ``digest`` is the content's SHA-256 in hex."""

    path: Path
    label: int
    digest: str


@dataclass(frozen=True)
class Skipped:
    """A file that is not used, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Dataset:
    """The photos below a folder; ``labels`` are the class folders' names in code point order."""

    root: Path
    labels: tuple[str, ...]
    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...]

    def without(self, failures: Mapping[str, str]) -> Dataset:
        """The data set less the photos whose digest is in ``failures`` (digest to reason)."""
        kept = tuple(p for p in self.photos if p.digest not in failures)
        gone = tuple(Skipped(p.path, failures[p.digest]) for p in self.photos if p.digest in failures)
        return replace(self, photos=kept, skipped=self.skipped + gone)


@dataclass(frozen=True)
class Split:
    """The three parts of a data set; no content is in two of them."""

    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]

    def counts(self, skipped: int) -> dict[str, int]:
        """How many photos each part has, beside those that were skipped."""
        sizes = {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}
        return {**sizes, "skipped": skipped}


@dataclass(frozen=True)
class SplitRule:
    """Which share of the photos goes where, in percent, and the seed that shuffles them."""

    seed: int = 0
    test_percent: float = 15
    validation_percent: float = 15

    def part(self, digest: str) -> str:
        """``test``, ``validation`` or ``train`` for a photo's content, whatever else is in the data set."""
        mixed = hashlib.sha256(f"graft-split:{self.seed}:{digest}".encode()).digest()
        percent = int.from_bytes(mixed[:8], "big") / 2**64 * 100
        if percent < self.test_percent:
            return "test"
        return "validation" if percent < self.test_percent + self.validation_percent else "train"


def check_folder(root: Path) -> None:
    """Raises DatasetError unless there is such a folder and it can be looked into."""
    _entries_of_root(root)


def scan(root: Path, threads: int, min_classes: int = 2) -> Dataset:
    """Finds the photos: one folder per class, nested folders count as their class, hidden names don't.

    Args:
        root: the folder.
        threads: files that are looked at together.
        min_classes: two to train on, where every class must have a photo; one to evaluate with.

    Files whose header shows that they are no usable image are left out with the reason; damage further inside
    shows only when they are decoded (see ``Dataset.without``).

    Raises:
        DatasetError: fewer than two classes, a class without a photo, or a folder that can't be read.
    """
    folders, skipped = _class_folders(root, min_classes)
    files = [(path, label) for label, folder in enumerate(folders) for path in _files(folder)]
    with ThreadPoolExecutor(threads) as pool:
        looked = list(pool.map(lambda job: _look(*job), files))
    photos = tuple(found for found in looked if isinstance(found, Photo))
    skipped += [found for found in looked if isinstance(found, Skipped)]
    labels = tuple(unicodedata.normalize("NFC", folder.name) for folder in folders)
    dataset = Dataset(root, labels, photos, tuple(skipped))
    if min_classes > 1:
        check_classes(dataset)
    return dataset


def check_classes(dataset: Dataset) -> None:
    """Raises DatasetError unless every class has a photo that can be read."""
    counts = Counter(photo.label for photo in dataset.photos)
    empty = [label for index, label in enumerate(dataset.labels) if not counts[index]]
    if not empty:
        return
    folders = {dataset.root} if len(empty) == len(dataset.labels) else {dataset.root / label for label in empty}
    reasons = Counter(skip.reason for skip in dataset.skipped if not folders.isdisjoint(skip.path.parents))
    why = f" ({_times(reasons)})" if reasons else ""
    if len(empty) == len(dataset.labels):
        raise DatasetError(f"no readable photo in {dataset.root}{why}: put photos into its class folders")
    raise DatasetError(
        f"{_quoted(empty)} in {dataset.root}: no readable photo there{why}; add photos or remove the folder"
    )


def split(dataset: Dataset, rule: SplitRule) -> Split:
    """Divides the photos by their content and the seed alone.

    Raises:
        DatasetError: a class has no photo to train on or to test with; says which, and what would help.
    """
    parts: dict[str, list[Photo]] = {"train": [], "validation": [], "test": []}
    # In the order of their content: the files' names have no influence on the model.
    for photo in sorted(dataset.photos, key=lambda photo: (photo.digest, photo.label)):
        parts[rule.part(photo.digest)].append(photo)
    counts = Counter(photo.label for photo in dataset.photos)
    covered = {(photo.label, name) for name, members in parts.items() for photo in members}
    missing = [
        f"{_quoted([label])} has no {name} photo among its {counts[index]}"
        for index, label in enumerate(dataset.labels)
        for name in _NEEDED
        if (index, name) not in covered
    ]
    if missing:
        raise DatasetError(f"{'; '.join(missing)}: {_split_advice(dataset, rule)}")
    return Split(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]))


def conflicts(dataset: Dataset) -> list[tuple[Photo, Photo]]:
    """Pairs of byte-identical photos that lie in different classes."""
    first: dict[str, Photo] = {}
    pairs = []
    for photo in dataset.photos:
        other = first.setdefault(photo.digest, photo)
        if other.label != photo.label:
            pairs.append((other, photo))
    return pairs


def _entries_of_root(root: Path) -> list[tuple[Path, bool]]:
    try:
        if not root.is_dir():
            raise DatasetError(f"no such folder of photos: {root}")
    except OSError as error:
        raise _unreadable(root, error) from error
    return _entries(root)


def _class_folders(root: Path, min_classes: int) -> tuple[list[Path], list[Skipped]]:
    entries = _entries_of_root(root)
    folders = [path for path, is_folder in entries if is_folder]
    stray = [Skipped(path, "lies outside the class folders") for path, is_folder in entries if not is_folder]
    if len(folders) < min_classes:
        wanted = "one is" if min_classes == 1 else "two are"
        raise DatasetError(
            f"{root} has {len(folders)} class folder{'s' * (len(folders) != 1)}, at least {wanted} needed: "
            "put each class's photos into a folder of its own, named after the class"
        )
    for folder in folders:
        if any(unicodedata.category(character) in _UNPRINTABLE for character in folder.name):
            raise DatasetError(
                f"class folder {folder.name!a} has a line break or another character that can't be printed "
                "in its name, which is the label: rename it"
            )
    _refuse_twins(folders)
    return folders, stray


def _refuse_twins(folders: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for folder in folders:
        twin = seen.setdefault(unicodedata.normalize("NFC", folder.name.casefold()), folder)
        if twin is not folder:
            raise DatasetError(
                f"{_quoted([twin.name, folder.name])} in {folder.parent} differ only by case or accents' encoding: "
                "merge the two folders, or rename one"
            )


def _entries(folder: Path) -> list[tuple[Path, bool]]:
    """What lies in a folder, by name, each with whether it is a folder; hidden names are passed over."""
    try:
        with os.scandir(folder) as entries:
            found = [(Path(entry.path), _is_folder(entry)) for entry in entries if not _hidden(entry.name)]
    except OSError as error:
        raise _unreadable(folder, error) from error
    return sorted(found, key=lambda entry: entry[0].name)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LITTER


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link in a circle, or to where this user may not look; reading it will say so


def _unreadable(folder: Path, error: OSError) -> DatasetError:
    return DatasetError(f"cannot look into {folder}: {os_reason(error)}; change its permissions or remove it")


def _files(folder: Path, parents: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """The files below a folder in a fixed order; linked folders are followed, but not in circles."""
    try:
        status = folder.stat()
    except OSError as error:
        raise _unreadable(folder, error) from error
    identity = (status.st_dev, status.st_ino)
    if identity in parents:
        return
    for path, is_folder in _entries(folder):
        if is_folder:
            yield from _files(path, parents | {identity})
        else:
            yield path


def _look(path: Path, label: int) -> Photo | Skipped:
    try:
        data = read_photo(path)
        check_header(data)
    except PhotoError as error:
        return Skipped(path, str(error))
    return Photo(path, label, hashlib.sha256(data).hexdigest())


def _split_advice(dataset: Dataset, rule: SplitRule) -> str:
    contents: list[set[str]] = [set() for _ in dataset.labels]
    for photo in dataset.photos:
        contents[photo.label].add(photo.digest)
    if min(map(len, contents)) < len(_NEEDED):
        return "add photos, a class needs at least two different ones"
    for seed in range(_SEEDS_TO_TRY):
        other = replace(rule, seed=seed)
        if all(any(other.part(digest) == name for digest in digests) for digests in contents for name in _NEEDED):
            return f"add photos, or choose another split with --seed {seed}"
    return "add photos, or change --test-percent"


def _quoted(names: Iterable[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


def _times(reasons: Counter[str]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
