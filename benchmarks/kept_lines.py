"""Keeps the results of a benchmark as lines of JSON, so that an interrupted run goes on where it ended."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


def read_lines(path: Path, kind: type[Result]) -> list[Result]:
    """The results in a file, none if there is no file; a line that an interrupted run did not finish is left out.

    Args:
        path: the file.
        kind: the dataclass of the results.
    """
    results = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            results.append(kind(**json.loads(line)))
        except ValueError:
            continue
    return results


def keep(path: Path, result: Any) -> None:
    """Adds a result, which is a dataclass, to a file."""
    with path.open("a") as file:
        file.write(json.dumps(asdict(result)) + "\n")
