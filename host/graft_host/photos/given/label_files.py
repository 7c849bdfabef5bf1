"""Reads lists of photos with their labels: CSV, JSON, JSON lines, and COCO annotations."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.errors import DatasetError, os_reason
from graft_device.system.plain import read_plain

PATH_NAMES = ("path", "file", "filename", "file_name", "filepath", "image", "image_path")
LABEL_NAMES = ("label", "class", "class_name", "category", "target")
PART_NAMES = ("split", "subset", "set", "part")
"""The names, in lower case, of the columns of a CSV file and of the keys of JSON objects."""

_SEPARATORS = ",;\t"
_FEWEST_MARKED = 2  # columns of 0 and 1 that stand for classes


@dataclass(frozen=True)
class Listed:
    """A photo in a list.

    Attributes:
        path: as the list has it.
        labels: its labels; a photo can be used if there is one.
        part: the part of the split that the list gives it; empty if it gives none.
    """

    path: str
    labels: tuple[str, ...]
    part: str = ""


def read_label_file(file: Path) -> list[Listed]:
    """Reads a list of photos with their labels.

    A CSV file has a line ``path,label`` or ``path,label,split`` for each photo, or a first line with names of columns:
    one of ``PATH_NAMES``, one of ``LABEL_NAMES`` and, if wanted, one of ``PART_NAMES``. Instead of the label there may
    be a column of 0 and 1 for each class. A JSON file has an object ``{path: label}``, a list of objects with such
    names, or the images, annotations and categories of COCO. JSON lines are objects too.

    Args:
        file: the list; ``.json`` and ``.jsonl`` are JSON, everything else is CSV.

    Raises:
        DatasetError: it cannot be read, or is in none of these forms.
    """
    try:
        text = read_plain(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file} is not text in UTF-8", "save it as UTF-8") from error
    except OSError as error:
        raise DatasetError(
            f"cannot read {file}: {os_reason(error)}", "give a CSV or JSON file with --labels"
        ) from error
    try:
        listed = list(_from_json(file, text) if file.suffix.lower() in {".json", ".jsonl"} else _from_csv(file, text))
    except (csv.Error, RecursionError, json.JSONDecodeError) as error:
        raise DatasetError(f"{file} cannot be read: {error}", "see 'graft train --help' for its form") from error
    if not listed:
        raise DatasetError(f"{file} lists no photo", "give a line path,label for each")
    return listed


def _from_csv(file: Path, text: str) -> Iterator[Listed]:
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    rows = [(row, number) for number, row in _numbered(csv.reader(io.StringIO(text), delimiter=separator))]
    if not rows:
        return
    names = [cell.strip().casefold() for cell in rows[0][0]]
    path = _place(names, PATH_NAMES)
    if path is None:
        yield from (_plain(file, row, number) for row, number in rows)
        return
    label, part = _place(names, LABEL_NAMES), _place(names, PART_NAMES)
    header = [cell.strip() for cell in rows[0][0]]
    marked = [index for index in range(len(header)) if index not in {path, part}]
    for row, number in rows[1:]:
        if len(row) != len(header):
            raise DatasetError(f"line {number} of {file} has {len(row)} columns, the first line has {len(header)}")
        labels = [row[label].strip()] if label is not None else _marked(file, row, marked, header, number)
        yield Listed(row[path].strip(), tuple(labels), row[part].strip() if part is not None else "")


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with its line."""
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def _plain(file: Path, row: Sequence[str], number: int) -> Listed:
    """A line of a file without names of columns."""
    if len(row) not in {2, 3}:
        raise DatasetError(
            f"line {number} of {file} has {len(row)} columns",
            "write path,label or path,label,split in each line, or the names of the columns in the first",
        )
    path, label, *part = (cell.strip() for cell in row)
    return Listed(path, (label,), part[0] if part else "")


def _marked(file: Path, row: Sequence[str], marked: Sequence[int], header: Sequence[str], number: int) -> list[str]:
    """The classes whose columns are marked with 1."""
    cells = [row[index].strip() for index in marked]
    if len(marked) < _FEWEST_MARKED or not {*cells} <= {"0", "1", "0.0", "1.0", ""}:
        raise DatasetError(
            f"line {number} of {file} has no label",
            f"name its column {LABEL_NAMES[0]}, or give each class a column of 0 and 1",
        )
    return [header[index] for index, cell in zip(marked, cells, strict=True) if cell in {"1", "1.0"}]


def _place(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _from_json(file: Path, text: str) -> Iterator[Listed]:
    if file.suffix.lower() == ".jsonl":
        yield from (_from_object(file, json.loads(line)) for line in text.splitlines() if line.strip())
        return
    content = json.loads(text)
    if isinstance(content, list):
        yield from (_from_object(file, entry) for entry in content)
    elif isinstance(content, dict) and isinstance(content.get("images"), list):
        yield from _from_coco(file, content)
    elif isinstance(content, dict) and all(isinstance(label, str) for label in content.values()):
        yield from (Listed(path, (label,)) for path, label in content.items())
    else:
        raise DatasetError(
            f"{file} is JSON in a form that is not known",
            'write {"path": "label"}, a list of objects with path and label, or COCO annotations',
        )


def _from_object(file: Path, entry: Any) -> Listed:
    lower = {str(key).casefold(): value for key, value in entry.items()} if isinstance(entry, dict) else {}
    path, label, part = (
        next((lower[name] for name in names if name in lower), None) for names in (PATH_NAMES, LABEL_NAMES, PART_NAMES)
    )
    if not isinstance(path, str) or not isinstance(label, str | int):
        raise DatasetError(f"{file} has an object without a path or a label", 'write {"path": …, "label": …}')
    return Listed(path, (str(label),), part if isinstance(part, str) else "")


def _from_coco(file: Path, content: Mapping[str, Any]) -> Iterator[Listed]:
    """The images of COCO annotations, each with the categories of its annotations."""
    try:
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        labels = defaultdict(set)
        for annotation in content["annotations"]:
            labels[annotation["image_id"]].add(names[annotation["category_id"]])
        for image in content["images"]:
            yield Listed(str(image["file_name"]), tuple(sorted(labels[image["id"]])))
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{file} has COCO annotations that cannot be used ({error})") from error
