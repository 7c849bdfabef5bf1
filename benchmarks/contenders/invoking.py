"""Runs a network repeatedly on one photo, with a given runtime."""

from __future__ import annotations

from typing import Any

from benchmarks.worker import Job
from graft_device.classifier import to_input
from graft_device.errors import RuntimeMissingError
from graft_device.preprocess import preprocess
from graft_device.runtime import open_model


def invoke(request: dict[str, Any]) -> Job:
    """Runs the interpreter ``invokes`` times per turn."""
    try:
        runner = open_model(request["path"], request["runtime"], request["threads"])
    except RuntimeMissingError as error:
        raise ImportError(str(error)) from error
    pixels = preprocess(request["photo"], request["image_size"])
    tensor = to_input(pixels, runner.input, request["mean"], request["std"])

    def run() -> None:
        for _ in range(request["invokes"]):
            runner(tensor)

    return Job(run)
