"""The result of a training run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graft_host.backbones.readouts import SINGLE
from graft_host.evaluation.accuracy import Accuracy
from graft_host.evaluation.against import Against
from graft_host.evaluation.evaluate import Evaluation
from graft_host.fine_tuning.result import FineTuning
from graft_host.heads.finished import FinishedHead
from graft_host.heads.readouts import Readout
from graft_host.samples.prior import Prior
from graft_host.support.notebook import html_facts
from graft_host.training.guards import FailedGate
from graft_host.training.material import Material
from graft_host.training.negatives import negatives_record
from graft_host.training.prospects import Prospects
from graft_host.training.source_gain import SourceGain, ranked_photos

_RANKED = 12  # source photos that look most like the target, and as many that look least like it


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """The result of a training run: the model and its figures.

    Attributes:
        model: the file that was written; for a rejected model the file beside the output, or None.
        material: the photos, split, backbone and bottlenecks.
        head: the float head with its temperature and unknown threshold.
        evaluation: the finished file on the test photos.
        accuracy: the figures on the test photos.
        size: the size of the file in bytes.
        seconds: the seconds of each stage, and ``total``.
        gate: the gate that refused the model; None if it passed.
        comparison: with the older file of ``--not-worse-than``; None if none was given.
        fine_tuning: the result of fine-tuning; None if it was not asked for.
        prior: the shares of classes at the place; None if none were given.
        gain: what source photos gave; None if there are none.
        prospects: what the photos promise; None without a report.
    """

    model: Path | None
    material: Material = field(repr=False)
    head: FinishedHead = field(repr=False)
    evaluation: Evaluation
    accuracy: Accuracy
    size: int
    seconds: dict[str, float]
    gate: FailedGate | None = None
    comparison: Against | None = None
    fine_tuning: FineTuning | None = None
    prior: Prior | None = None
    gain: SourceGain | None = None
    prospects: Prospects | None = None

    @property
    def at_prior(self) -> float | None:
        """The accuracy of the file on the test photos, weighted to the shares of classes at the place."""
        if self.prior is None:
            return None
        evaluation = self.evaluation
        return self.prior.accuracy(evaluation.truth, evaluation.predicted == evaluation.truth)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the model, in the order of its output."""
        return tuple(self.material.dataset.labels)

    @property
    def readout(self) -> Readout:
        """What the head reads of the network, and what that was chosen from."""
        return self.material.readout or Readout(requested=SINGLE, chosen=self.material.backbone.spec.tap)

    def _repr_html_(self) -> str:
        """The result as a notebook shows it."""
        photos = self.material.split.counts(len(self.material.dataset.skipped))
        facts = [
            ("model", "not written" if self.model is None else self.model),
            ("size", f"{self.size / 1e6:.1f} MB"),
            ("labels", ", ".join(self.labels)),
            ("photos", ", ".join(f"{count} {part}" for part, count in photos.items())),
            *([("readout", self.readout.text())] if self.material.readout else []),
            ("accuracy of the file", f"{self.accuracy.shipped:.1%} of the test photos"),
            *([("accuracy, cross-validated", estimate.text())] if (estimate := self.accuracy.cross_validated) else []),
            ("accuracy of the float head", f"{self.accuracy.float_head:.1%}"),
            ("agreement", f"{self.accuracy.agreement:.1%}"),
            ("seconds", f"{self.seconds['total']:.1f}"),
        ]
        if self.gain is not None:
            facts.insert(-1, ("with and without source photos", f"{self.gain.both.text()}; {self.gain.target.text()}"))
        if self.at_prior is not None:
            facts.insert(-1, ("accuracy at the place", f"{self.at_prior:.1%}, weighted to the prior"))
        if self.fine_tuning is not None:
            facts.append(("fine-tuning", self.fine_tuning.text))
        if self.gate is not None:
            facts.insert(1, ("rejected", self.gate.reason))
        return html_facts(facts) + self.evaluation._repr_html_()

    def to_json(self) -> dict[str, Any]:
        """The figures that ``graft train --json`` prints; of a refused model with ``gate`` and ``rejected`` too."""
        dataset, backbone = self.material.dataset, self.material.backbone
        path = None if self.model is None else os.fsdecode(self.model)
        figures = {
            "model": path if self.gate is None else None,
            "labels": list(dataset.labels),
            "photos": self.material.split.counts(len(dataset.skipped)),
            "accuracy": self.accuracy.to_json(),
            "agreement": self.accuracy.agreement,
            "bytes": self.size,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "cache": {
                "hits": self.material.extraction.hits,
                "misses": self.material.extraction.misses,
                "backbone": "reused" if backbone.reused else "converted",
            },
            "readout": self.readout.to_json(),
            "penalty": self.head.head.penalty,
            "calibration": {
                "temperature": self.head.temperature,
                "ece": self.accuracy.errors(),
                "photos": self.head.photos,
            },
            "pretrained": backbone.spec.weights.pretrained,
            **self.evaluation.figures(),
            "unknown": self._unknown(),
            "fine_tuning": None if self.fine_tuning is None else self.fine_tuning.to_json(),
            "negatives": negatives_record(self.material, self.head, self.evaluation),
            "skipped": [{"path": os.fsdecode(s.path), "reason": s.reason} for s in dataset.skipped],
        }
        if self.material.copies:
            figures |= self.material.copies.to_json()
        if self.material.source is not None and self.gain is not None:
            figures["sources"] = {**self.material.source.to_json(), "accuracy": self.gain.to_json()}
            if (likeness := self.gain.likeness) is not None:
                figures["sources"] |= ranked_photos(self.material.source, likeness, _RANKED)
        if self.prior is not None:
            figures["prior"] = {**self.prior.to_json(), "accuracy": self.at_prior}
        if self.prospects is not None:
            figures |= self.prospects.to_json(self.labels)
        if self.comparison is not None:
            figures["comparison"] = self.comparison.to_json()
        return figures if self.gate is None else {**figures, "gate": self.gate.to_json(), "rejected": path}

    def _unknown(self) -> dict[str, Any] | None:
        """The threshold with what it was set on, and how many of the test photos it refuses; None if there is none."""
        unknown = self.head.unknown
        if unknown is None:
            return None
        kept = {"score": round(unknown.score, 6), "rate": unknown.rate, "photos": unknown.photos}
        return {**kept, **self.evaluation.figures().get("unknown", {})}
