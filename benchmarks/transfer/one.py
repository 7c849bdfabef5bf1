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
        "notes": notes,
    }


def main() -> None:
    """Reads the request, trains, and writes the figures."""
    request = json.loads(Path(sys.argv[1]).read_text())
    notes: list[str] = []
    result = train(request["photos"], request["output"], overwrite=True, note=notes.append, **request["options"])
    Path(sys.argv[2]).write_text(json.dumps(figures(result, notes)))


if __name__ == "__main__":
    main()
