"""Opens a model in a runtime and runs it once, in a process of its own because a bad file can crash a runtime."""

from __future__ import annotations

from pathlib import Path

from graft_device.errors import GraftError
from graft_device.trial.copies import copied
from graft_device.trial.trial import try_copy


def why_not(path: Path, runtime: str) -> str | None:
    """Returns None if an installed runtime runs the model, else the reason why not."""
    try:
        with copied(path) as copy:
            try_copy(copy, path, runtime)
    except GraftError as error:
        return str(error)
    return None
