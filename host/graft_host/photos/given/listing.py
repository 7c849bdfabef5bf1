"""Finds the classes of all places that a user gave, as one data set."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from graft_device.errors import DatasetError
from graft_host.photos.folders import entries_of_root, quoted
from graft_host.photos.given.label_files import Listed, read_label_file
from graft_host.photos.given.places import PhotoPlaces
from graft_host.photos.layout import (
    NAMES,
    PARTS,
    ClassFolder,
    Layout,
    ListedPhoto,
    check_names,
    find_layout,
    is_unknown,
)


def find_layouts(places: PhotoPlaces, min_classes: int) -> Layout:
    """Finds the classes of all places, and the photos that are of none of them.

    Args:
        places: the folders, and the lists of labels.
        min_classes: the number of classes that are needed.

    Raises:
        DatasetError: there are too few classes, a name cannot be a label, a folder cannot be listed, a list cannot be
            read, or a folder of ``places.unknown`` is among the class folders.
        CacheError: there is no room for the photos of an archive.
    """
    places = places.unpacked()
    layout = _classes(places, min_classes)
    return replace(layout, unknown=_each_once(layout, places.unknown)) if places.unknown else layout


def _each_once(layout: Layout, unknown: Sequence[Path]) -> tuple[ClassFolder | ListedPhoto, ...]:
    """Adds folders of photos of none of the classes to those that were found, each folder once."""
    classes = [folder.path.resolve() for folders in layout.classes.values() for folder in folders]
    seen = [found.path.resolve() for found in layout.unknown if isinstance(found, ClassFolder)]
    added = []
    for path in unknown:
        entries_of_root(path)
        place = path.resolve()
        for folder in classes:
            if place.is_relative_to(folder) or folder.is_relative_to(place):
                raise DatasetError(
                    f"{path} is to hold photos of none of the classes, but {folder} is a class folder",
                    "move it out of there, or call it 'unknown'",
                )
        if not any(place.is_relative_to(earlier) for earlier in seen):
            seen.append(place)
            added.append(ClassFolder(path))
    return (*layout.unknown, *added)


def _classes(places: PhotoPlaces, min_classes: int) -> Layout:
    unknown = places.unknown is not None
    if not places.also and not places.labels:
        return find_layout(places.root, min_classes, unknown=unknown)
    for root in places.roots:
        entries_of_root(root)
    _refuse_nested(places.roots)
    roots = places.also if places.labels else places.roots
    layouts = [find_layout(root, min_classes=0, unknown=unknown) for root in roots]
    listed = _listed(places) if places.labels else Layout({}, (), {})
    return _merged(places, [listed, *layouts], min_classes)


def _refuse_nested(roots: Sequence[Path]) -> None:
    """Raises DatasetError if a folder is in another one, where it would count as a class."""
    resolved = [root.resolve() for root in roots]
    for index, inner in enumerate(resolved):
        for other, outer in enumerate(resolved):
            if index != other and inner.is_relative_to(outer):
                same = "is given twice" if inner == outer else f"is in {roots[other]}"
                raise DatasetError(f"{roots[index]} {same}", "give each folder of photos once")


def _merged(places: PhotoPlaces, layouts: Sequence[Layout], min_classes: int) -> Layout:
    folders: dict[str, list[ClassFolder]] = defaultdict(list)
    listed: dict[str, list[ListedPhoto]] = defaultdict(list)
    parts: dict[str, Path] = {}
    none = [found for layout in layouts for found in layout.unknown]
    for layout in layouts:
        for label, same in layout.classes.items():
            folders[label] += same
        for label, photos in layout.listed.items():
            if places.unknown is not None and is_unknown(label):
                none += photos
            else:
                listed[label] += photos
        for part, path in layout.parts.items():
            parts.setdefault(part, path)
    labels = sorted({*folders, *listed})
    where = " and ".join(map(str, (*places.labels, *places.also) if places.labels else places.roots))
    if len(labels) < min_classes:
        has = "have" if " and " in where else "has"
        raise DatasetError(
            f"{where} {has} {len(labels)} class{'es' * (len(labels) != 1)}, but at "
            f"least {'one is' if min_classes == 1 else 'two are'} needed",
            "give photos of other classes too",
        )
    check_names(where, labels)
    for label in listed:
        if label.startswith(".") or "/" in label or "\\" in label:
            raise DatasetError(
                f"the label '{label}' in {where} cannot be the name of a folder, which boards keep photos in",
                "use one without a slash, and without a dot in front",
            )
    return Layout(
        {label: tuple(folders[label]) for label in labels},
        tuple(path for layout in layouts for path in layout.stray),
        parts,
        {label: tuple(listed[label]) for label in labels if listed[label]},
        tuple(pair for layout in layouts for pair in layout.left_out),
        tuple(none),
    )


@dataclass
class _Named:
    """What lists say of a file."""

    file: Path
    labels: set[str] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)


def _listed(places: PhotoPlaces) -> Layout:
    """The photos of lists of labels."""
    named: dict[Path, _Named] = {}
    left_out: list[tuple[Path, str]] = []
    for file in places.labels:
        for entry in read_label_file(file):
            path = _path(places.root, file, entry)
            if path is None:
                left_out.append((places.root / entry.path, f"is listed in {file.name}, but there is no such file"))
                continue
            known = named.setdefault(path, _Named(file))
            known.labels |= {unicodedata.normalize("NFC", label) for label in entry.labels if label}
            known.parts |= {_part(file, entry)} - {""}
    usable = {path: known for path, known in sorted(named.items()) if len(known.labels) == 1}
    left_out += [(path, _unusable(known)) for path, known in sorted(named.items()) if path not in usable]
    given = _given_parts(places.root, usable)
    classes: dict[str, list[ListedPhoto]] = defaultdict(list)
    for path, known in usable.items():
        classes[next(iter(known.labels))].append(ListedPhoto(path, given[path][0] if given else ""))
    parts = dict(sorted(given.values(), key=lambda pair: [*NAMES].index(pair[0])))
    return Layout({}, (), parts, {label: tuple(photos) for label, photos in classes.items()}, tuple(left_out))


def _unusable(known: _Named) -> str:
    labels = sorted(known.labels)
    return f"has {len(labels)} labels in {known.file.name}: {quoted(labels)}" if labels else "has no label"


def _path(root: Path, file: Path, entry: Listed) -> Path | None:
    """The file of a photo: below the folder of photos, or else beside the list; None if there is none."""
    if not entry.path or "\0" in entry.path:
        return None
    name = entry.path.replace("\\", "/")  # as a list from Windows has it
    return next((path for path in (root / name, file.parent / name) if path.is_file()), None)


def _part(file: Path, entry: Listed) -> str:
    """The part of the split that a list gives a photo; empty if it gives none."""
    if not entry.part:
        return ""
    part = PARTS.get(entry.part.casefold())
    if part is None:
        remedy = f"write {', '.join(PARTS)}, or leave the column out"
        raise DatasetError(f"{file} puts {entry.path} into {entry.part!r}", remedy)
    return part


def _given_parts(root: Path, usable: Mapping[Path, _Named]) -> dict[Path, tuple[str, Path]]:
    """The part of each photo with what gives it: its list, or a folder such as ``train`` that it is in.

    Returns:
        Nothing if all parts are to be drawn: neither lists nor folders give each photo a part.

    Raises:
        DatasetError: a list gives a part to some photos only, two parts to one, or none to train on.
    """
    if not any(known.parts for known in usable.values()):
        folders = {path: _part_folder(root, path) for path in usable}
        found = {path: (PARTS[folder.name.casefold()], folder) for path, folder in folders.items() if folder}
        parts = {part for part, _ in found.values()}
        return found if len(found) == len(usable) and "train" in parts and len(parts) > 1 else {}
    for path, known in usable.items():
        if len(known.parts) != 1:
            what = f"puts {path} into {quoted(sorted(known.parts))}" if known.parts else f"gives {path} no part"
            raise DatasetError(f"{known.file} {what} of the split", "give each photo one part, or none of them")
    given = {path: (next(iter(known.parts)), known.file) for path, known in usable.items()}
    if "train" not in {part for part, _ in given.values()}:
        raise DatasetError(f"{given[next(iter(given))][1]} has no photo to train on", "give some the part train")
    return given


def _part_folder(root: Path, path: Path) -> Path | None:
    """The folder directly below the root that a photo is in, if it has the name of a part."""
    first, *rest = path.relative_to(root).parts if path.is_relative_to(root) else ("",)
    return root / first if rest and first.casefold() in PARTS else None
