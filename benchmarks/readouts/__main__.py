"""Prints the accuracy of every readout and of the chosen one; run ``python -m benchmarks.readouts FOLDER…``.

For each folder, number of photos of a class and seed, photos are drawn, near duplicates together. A head is trained on
each readout, with the penalty that folds of the drawn photos choose, and tested on the other photos. *auto* is the
readout that ``graft train --readout auto`` chooses from the drawn photos alone. The figures are the mean of the
classes' recalls in percent, mean and standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, pstdev

from benchmarks.readouts.features import Features, features
from benchmarks.readouts.trials import Trial, trial
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.readouts import AUTO, readouts
from graft_host.backbones.registry import family
from graft_host.backbones.weights.find import find_weights, usual_weights

_SHARED = Path(__file__).parents[3] / "shared"
_WEIGHTS = _SHARED / "weights" / "inception_v3_2015_mixed8_notop.h5"


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _cell(values: Sequence[float]) -> str:
    return f"{100 * fmean(values):.1f}±{100 * pstdev(values):.1f}"


def row(name: str, count: int, trials: Sequence[Trial], listed: Sequence[str]) -> str:
    """A line of the table: the chosen readout, the best fixed one, and each fixed one."""
    fixed = {readout: [one.accuracy[readout] for one in trials] for readout in listed}
    best = max(fixed, key=lambda readout: fmean(fixed[readout]))
    auto = [one.accuracy[one.chosen] for one in trials]
    smallest = [one.accuracy[one.smallest] for one in trials]
    cells = [name, str(count), _cell(auto), f"{100 * (fmean(auto) - fmean(fixed[listed[0]])):+.1f}"]
    cells += [f"{100 * (fmean(auto) - fmean(fixed[best])):+.1f}", f"{100 * fmean(smallest):.1f}"]
    cells += [_cell(values) for values in fixed.values()]
    return f"| {' | '.join([*cells, f'{fmean(one.seconds for one in trials):.1f}'])} |"


def header(listed: Sequence[str]) -> str:
    """The head of the table."""
    cells = ["photos", "a class", "auto", f"against {listed[0]}", "against the best", "smallest loss", *listed]
    cells += ["processor seconds"]
    return f"| {' | '.join(cells)} |\n| --- |{' --: |' * (len(cells) - 1)}"


def main() -> None:
    """Prints the table as Markdown, a line as soon as it is measured, and keeps all figures in a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readouts", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="a folder with a folder of photos per class each")
    parser.add_argument("--backbone", default="inception-v3")
    parser.add_argument("--weights", help="as for graft train")
    parser.add_argument("--tap", default="mixed8", help="the deepest tap that may be read")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--counts", type=_numbers, default=[5, 10, 20, 50, 80], help="photos of each class")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("build/readouts"), help="for the cache and the figures")
    options = parser.parse_args()
    known = family(options.backbone)
    named = options.weights or (str(_WEIGHTS) if known.name == "inception-v3" else usual_weights(known))
    spec = BackboneSpec(
        weights=find_weights(named, 0, known), tap=options.tap, image_size=options.size, quantization="int8",
        resize="squash",
    )  # fmt: skip
    listed, cache = readouts(known, options.tap, AUTO), options.folder / "cache"
    sys.stdout.write(
        f"{known.title} up to {options.tap} at {options.size}, {options.seeds} seeds\n\n{header(listed)}\n"
    )
    options.folder.mkdir(parents=True, exist_ok=True)
    with (options.folder / f"{known.name}-{options.tap}-{options.size}.jsonl").open("a") as kept:
        for folder in options.folders:
            gathered: Features = features(folder, spec, listed, cache, options.threads)
            for count in options.counts:
                tried = [trial(gathered, listed, count, seed, options.threads) for seed in range(options.seeds)]
                trials = [one for one in tried if one is not None]
                if trials:
                    sys.stdout.write(row(folder.name, count, trials, listed) + "\n")
                    sys.stdout.flush()
                    kept.write(json.dumps([folder.name, count, [asdict(one) for one in trials]]) + "\n")


if __name__ == "__main__":
    main()
