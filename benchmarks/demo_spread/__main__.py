"""Runs the demo with other seeds of its renderer: photos, training and answers to new photos.

Everything is as in ``graft demo``: the network, the number of photos, their split, and how new photos are rendered.
Only the photos differ from seed to seed, and there are more new ones. Seed 0 has the photos that the demo trains on.

The figures of each seed, each wrong test photo and each answer to a new photo are written to FOLDER/demo_spread.json
after each seed. --json prints them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from benchmarks.demo_spread.runs import Run, run
from benchmarks.demo_spread.table import markdown, mistakes, to_json
from benchmarks.label_noise.sets import Quiet
from benchmarks.machine import dated, hardware_line, versions_line
from graft_device.system.durable import write_atomically
from graft_device.system.machine import usable_cores
from graft_host.demo.network import choose
from graft_host.demo.photos import PHOTOS_PER_CLASS


def main() -> None:
    """Runs the command line."""
    parsed = _parsed()
    cores, reporter, runs = usable_cores(), Quiet(), list[Run]()
    described, kept = [hardware_line(cores), versions_line(), dated()], parsed.folder / "demo_spread.json"

    def figures() -> str:
        values = {"machine": described, "photos_per_class": parsed.photos, **to_json(runs)}
        return json.dumps(values, indent=1) + "\n"

    choice = choose(parsed.weights, parsed.backbone, reporter)
    for seed in range(parsed.first, parsed.first + parsed.seeds):
        done = run(seed, choice, parsed.photos, parsed.new, parsed.folder, cores, reporter)
        right = done.tested - len(done.wrong)
        sys.stderr.write(f"seed {seed}: {right} of {done.tested} test photos right, {done.seconds:.1f} s\n")
        runs.append(done)
        if not parsed.keep:
            shutil.rmtree(parsed.folder / f"seed-{seed}")
            shutil.rmtree(parsed.folder / "cache")
        write_atomically(kept, figures().encode())
    if parsed.json:
        sys.stdout.write(figures())
        return
    wrong = ", ".join(f"{count} {pair}" for pair, count in mistakes(runs).items())
    sys.stdout.write("\n".join([*described, "", markdown(runs), f"Wrong ones of all seeds: {wrong or 'none'}.", ""]))


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demo_spread", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds (default: 20)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument(
        "--photos", type=int, default=PHOTOS_PER_CLASS,
        help=f"photos of each part to train and test on (default: as in graft demo, {PHOTOS_PER_CLASS})",
    )  # fmt: skip
    parser.add_argument("--new", type=int, default=20, help="new photos of each part and unknown object (default: 20)")
    parser.add_argument("--weights", help="as in graft demo")
    parser.add_argument("--backbone", help="as in graft demo")
    parser.add_argument("--folder", type=Path, default=Path("build/demo_spread"), help="for photos, models and cache")
    parser.add_argument("--keep", action="store_true", help="keep photos, models and cache of each seed")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
