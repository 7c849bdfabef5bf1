"""Writes the likely label of each picture in an inbox into a list, for a person to check and change."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.errors import os_reason
from graft_device.runtime import threads_to_use
from graft_device.system.durable import write_atomically
from graft_host.sorting.material import gathered
from graft_host.sorting.opening import checked_cache
from graft_host.sorting.options import SortOptions
from graft_host.sorting.pictures import SUGGESTIONS_NAME
from graft_host.sorting.places import check_folders
from graft_host.sorting.state import Group, Left, SortError
from graft_host.support.reporter import Reporter

_COLUMNS = ("file", "label", "score", "group", "twin")


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """What was suggested.

    Attributes:
        file: the list that was written.
        groups: the pictures in groups.
        labels: the classes that there are.
        skipped: the files that are no pictures that can be read.
    """

    file: Path
    groups: tuple[Group, ...]
    labels: tuple[str, ...]
    skipped: tuple[Left, ...]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each picture: ``file``, ``label``, ``score``, ``group`` and ``twin``."""
        return [
            {
                "file": picture.name,
                "label": picture.suggested,
                "score": None if picture.score is None else round(picture.score, 4),
                "group": group.title,
                "twin": None if picture.twin is None else os.fsdecode(picture.twin),
            }
            for group in self.groups
            for picture in group.pictures
        ]

    def to_json(self) -> dict[str, Any]:
        """The result as ``graft sort --suggest --json`` prints it."""
        return {
            "suggestions": self.rows(),
            "groups": [
                {"title": group.title, "kind": group.kind, "label": group.label, "pictures": len(group.pictures)}
                for group in self.groups
            ],
            "classes": list(self.labels),
            "left": [vars(left) for left in self.skipped],
            "file": os.fsdecode(self.file),
        }


def suggest(options: SortOptions, reporter: Reporter) -> Suggested:
    """Writes ``suggestions.csv`` into the inbox, and changes nothing else.

    Raises:
        SortError: the inbox is missing, or cannot be written to.
        GraftError: the photos or the cache cannot be used, or the weights are missing.
    """
    folders = check_folders(options.inbox, options.photos)
    cache = checked_cache(options)
    material = gathered(options, folders, cache, threads_to_use(options.threads), reporter)
    result = Suggested(
        file=options.inbox / SUGGESTIONS_NAME,
        groups=material.groups,
        labels=material.labels,
        skipped=material.inbox.skipped,
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    writer.writerows(result.rows())
    try:
        write_atomically(result.file, text.getvalue().encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise SortError(f"cannot write {result.file}: {os_reason(error)}", "change its permissions") from error
    return result
