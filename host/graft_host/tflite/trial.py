"""Opens a model in a runtime and runs it once, in a process of its own because a bad file can crash a runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from graft_device.errors import GraftError
from graft_device.runtime import open_model
from graft_host.support.isolated import call_quietly, serve
from graft_host.support.progress import Progress


def why_not(path: Path, runtime: str) -> str | None:
    """Returns None if an installed runtime runs the model, else the reason why not."""
    try:
        call_quietly("graft_host.tflite.trial", {"path": str(path.absolute()), "runtime": runtime})
    except GraftError as error:
        return str(error)
    return None


def _run(request: dict[str, Any], progress: Progress) -> None:  # noqa: ARG001  a trial is a single step
    runner = open_model(request["path"], request["runtime"], threads=1)
    runner(np.zeros(runner.input.shape, runner.input.dtype))


if __name__ == "__main__":
    serve(_run)
