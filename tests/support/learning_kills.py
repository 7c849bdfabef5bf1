"""Kills ``graft-device learn`` with SIGKILL before each of its steps in turn, and records what remains.

It runs as a program that forks for each trial, so it must never open an interpreter itself.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from graft_device.learning.learn import learn
from graft_device.learning.request import Request
from graft_device.runtime import installed_runtimes
from graft_device.store.slots import Store
from graft_device.system.durable import digest
from tests.support.killing import forked, kills


def main() -> None:
    """Tries ``sys.argv``: a folder with ``model.tflite``, ``photos`` and perhaps ``key`` and ``new.tflite``."""
    assert installed_runtimes()[0] == "litert"
    import_module("ai_edge_litert.interpreter")  # once, not in each fork
    pristine = Path(sys.argv[1])
    place, step = pristine.with_name("tried"), pristine.with_name("step")

    def prepare() -> None:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(pristine, place)

    for found in kills(step, prepare, lambda: _learn(place)):
        found["left"] = _look(place)
        found["again"] = forked(lambda: _learn(place))
        found["after"] = _look(place)
        sys.stdout.write(json.dumps(found) + "\n")


def _learn(place: Path) -> None:
    (place / "temporary").mkdir(exist_ok=True)
    tempfile.tempdir = str(place / "temporary")
    new, key = place / "new.tflite", place / "key"
    request = Request(
        place / "model.tflite", "yellow", True, (str(place / "photos"),), new, 0.05, key if key.exists() else None,
        Store(place / "store"), overwrite=new.exists(),
    )  # fmt: skip
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
    learn(request, lambda _: None)


def _look(place: Path) -> dict[str, Any]:
    """The files by what they contain; of a folder, whether it is empty."""
    return {
        path.name: digest(path) if path.is_file() else sorted(inside.name for inside in path.iterdir())
        for path in place.iterdir()
    }


if __name__ == "__main__":
    main()
