"""Classifies many photos in one process, with the ``Classifier`` and with a bare loop over the interpreter."""

from __future__ import annotations

from typing import Any

from benchmarks.bare_loop import loop
from benchmarks.worker import Job
from graft_device.classifier import Classifier


def ours(request: dict[str, Any]) -> Job:
    """Uses ``Classifier.classify``."""
    classifier = Classifier(request["model"], request["runtime"], request["threads"])
    labels = classifier.labels

    def run() -> list[int]:
        return [labels.index(classifier.classify(path, 1, unknown=False)[0].label) for path in request["photos"]]

    return Job(run, lambda classes: {"classes": classes})


def bare(request: dict[str, Any]) -> Job:
    """Uses the bare loop; with ``draft``, JPEGs are decoded at a fraction of their size."""
    best = loop(request["model"], request["runtime"], request["threads"], request["draft"])
    return Job(lambda: [best(path) for path in request["photos"]], lambda classes: {"classes": classes})
