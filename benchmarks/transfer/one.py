"""Trains one model in a process of its own, so that its memory is its own.

Usage: ``python -m benchmarks.transfer.one REQUEST.json ANSWER.json``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from graft_host import TrainResult, train
from graft_host.fine_tuning import decision, fine_tune


def figures(result: TrainResult, notes: list[str]) -> dict[str, Any]:
    """The figures of a model on its test photos: those of the file that was written."""
    evaluation = result.evaluation
    scores = evaluation.scores[np.arange(len(evaluation.truth)), evaluation.truth]
    return {
        "balanced": float(np.mean([row["recall"] for row in evaluation.per_class().values()])),
        "accuracy": evaluation.accuracy,
        "log_loss": float(-np.log(np.maximum(scores, 1e-6)).mean()),
        "tested": len(evaluation.truth),
        "tap": result.material.backbone.spec.tap,
        "bytes": result.size,
        "stages": {name: round(seconds, 3) for name, seconds in result.seconds.items()},
        "fine_tuning": result.to_json()["fine_tuning"],
        "notes": notes,
    }


def overrule() -> None:
    """Lets every trial of a fine-tuned network count as won in this process."""
    decision.Comparison.wins = property(lambda _: True)  # type: ignore[assignment,method-assign]
    decision.Comparison.loses = property(lambda _: False)  # type: ignore[assignment,method-assign]
    fine_tune._NOTHING_TO_GAIN = -1.0  # noqa: SLF001  a trial is made of easy photos, too


def main() -> None:
    """Reads the request, trains, and writes the figures."""
    request = json.loads(Path(sys.argv[1]).read_text())
    if request["forced"]:
        overrule()
    notes: list[str] = []
    result = train(request["photos"], request["output"], overwrite=True, note=notes.append, **request["options"])
    Path(sys.argv[2]).write_text(json.dumps(figures(result, notes)))


if __name__ == "__main__":
    main()
