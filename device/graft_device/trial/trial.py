"""Tries a model in a child process before this process opens it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from graft_device.classifier import Classifier
from graft_device.errors import ModelError, RuntimeMissingError
from graft_device.model import ModelFile, read_checked, read_model
from graft_device.system.child import ChildError, ask
from graft_device.trial.copies import Copy, copied
from graft_device.trial.limits import limits_for

TIMEOUT_S = 120.0
"""Seconds for the start of the child, opening the model and one inference; the slowest board takes about 35."""


def try_copy(copy: Copy, name: Path, runtime: str, stopped: Callable[[], bool] = lambda: False) -> ModelFile:
    """Opens a copy of a model in a child process with limits, and runs it once.

    Args:
        copy: the copy.
        name: the path of the original, for errors.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        stopped: asked several times a second whether to end the trial.

    Returns:
        What the file contains, under the path of the original.

    Raises:
        ModelError: the file was not written by graftkit, is damaged, crashes the runtime, hangs, needs too much memory
            or gives scores that are no probabilities.
        RuntimeMissingError: no model can run here.
    """
    try:
        model = read_checked(copy.path)
        limits = limits_for(model, TIMEOUT_S)
    except ModelError as error:
        raise error.renamed(copy.path, name) from error
    try:
        ask(
            "graft_device.trial.worker", limits.text(), str(copy.path), runtime,
            timeout=TIMEOUT_S, inherit=copy.handles, stopped=stopped,
        )  # fmt: skip
    except ChildError as error:
        if error.kind == RuntimeMissingError.__name__:
            raise RuntimeMissingError(error.what, error.remedy) from error
        renamed = error.renamed(copy.path, name)
        if str(name) in renamed.what:
            raise ModelError(renamed.what, renamed.remedy) from error
        raise ModelError(f"{name} fails when it is tried: {renamed.what}", renamed.remedy) from error
    return replace(model, path=name)


def try_without_checksum(path: Path, runtime: str = "auto") -> ModelFile:
    """Reads a model, checks its network, and tries it in a child process if it has no checksum that would show damage.

    Raises:
        ModelError: the model cannot be used, as ``try_copy`` describes.
        RuntimeMissingError: no model can run here.
    """
    model = read_checked(path)
    _try_if_without_checksum(model, path, runtime)
    return model


def open_checked(path: Path, runtime: str = "auto", threads: int | None = None) -> Classifier:
    """Opens a model as ``try_without_checksum`` would pass it; raises as that does."""
    _try_if_without_checksum(read_model(path), path, runtime)
    return Classifier(path, runtime, threads)  # which checks the network: once is enough for a board


def _try_if_without_checksum(model: ModelFile, path: Path, runtime: str) -> None:
    if model.golden is None:
        with copied(path) as copy:
            try_copy(copy, path, runtime)
