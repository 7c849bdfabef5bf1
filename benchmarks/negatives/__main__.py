"""Prints what models refuse that learned from negatives; run ``python -m benchmarks.negatives``.

For each subject, number of negatives and seed, 80 photos of each class train a head, 16 more set its threshold, and the
other known photos test it. It learns from 10, 30 or 100 negatives, and is tested on 90 others of their kind and on
things of other kinds. Without them, threshold and distance are those of the same head. Figures are shares in percent,
mean and standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, pstdev

from benchmarks.machine import dated, hardware_line, versions_line
from benchmarks.negatives.subjects import SUBJECTS, Subject, bottlenecks, write_photos
from benchmarks.negatives.trials import Trial, trial
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.registry import family
from graft_host.backbones.weights.find import find_weights, usual_weights

_SHARED = Path(__file__).parents[3] / "shared"
_INCEPTION = _SHARED / "weights" / "inception_v3_2015_mixed8_notop.h5"
_PETS = _SHARED / "datasets" / "cats_and_dogs"
_NETWORKS = (("efficientnet-lite0", "top", 224), ("inception-v3", "mixed7", 299))
_HEADER = ("classes; negatives", "learned from", "negatives refused", "known refused", "named right", "others refused")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _cell(pairs: Sequence[tuple[float, float]]) -> str:
    with_them, without = zip(*pairs, strict=True)
    return f"{100 * fmean(without):.1f} → {100 * fmean(with_them):.1f} ± {100 * pstdev(with_them):.1f}"


def row(subject: Subject, count: int, trials: Sequence[Trial]) -> str:
    """A line of the table: without negatives, and with so many."""
    others = "; ".join(f"{name}s {_cell([one.others[name] for one in trials])}" for name in subject.others)
    cells = [subject.name, str(count), *(_cell([getattr(one, key) for one in trials]) for key in
             ("negatives", "known", "named_right")), others]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Prints a table for each network as Markdown, a line as soon as it is measured; keeps all figures in a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.negatives", description=__doc__)
    parser.add_argument("--pets", type=Path, default=_PETS, help="a folder with photos of cats and dogs")
    parser.add_argument("--inception", type=Path, default=_INCEPTION, help="weights of Inception-v3")
    parser.add_argument("--counts", type=_numbers, default=[10, 30, 100], help="negatives to learn from")
    parser.add_argument("--rate", type=float, default=0.05, help="as --unknown-rate of graft train")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("build/negatives"), help="photos, cache and figures")
    options = parser.parse_args()
    photos, cache = options.folder / "photos", options.folder / "cache"
    write_photos(photos, options.pets)
    sys.stdout.write(f"{hardware_line(options.threads)}\n{versions_line()}\n{dated()}\n")
    figures = []
    for name, tap, size in _NETWORKS:
        known = family(name)
        weights = str(options.inception) if name == "inception-v3" else usual_weights(known)
        spec = BackboneSpec(
            weights=find_weights(weights, 0, known), tap=tap, image_size=size, quantization="int8", resize="squash"
        )
        sys.stdout.write(f"\n{known.title} {tap} at {size}, {options.seeds} seeds\n\n| {' | '.join(_HEADER)} |\n")
        sys.stdout.write(f"| --- |{' --: |' * (len(_HEADER) - 1)}\n")
        for subject in SUBJECTS:
            wanted = (*subject.known, subject.negatives, *subject.others)
            kinds = bottlenecks(photos, subject.known, wanted, spec, cache, options.threads)
            for count in options.counts:
                trials = [trial(subject, kinds, count, options.rate, seed) for seed in range(options.seeds)]
                figures += [{"network": name, "subject": subject.name, "count": count, **asdict(one)} for one in trials]
                sys.stdout.write(f"{row(subject, count, trials)}\n")
                sys.stdout.flush()
    (options.folder / "negatives.json").write_text(json.dumps(figures), "utf-8")


if __name__ == "__main__":
    main()
