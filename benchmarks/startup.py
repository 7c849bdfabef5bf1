"""Compares ``graft-device classify`` with a bare script: wall seconds and peak memory from start to exit.

Usage: ``python -m benchmarks.startup MODEL PHOTO [--runs 21] [--runtimes litert,tflite-runtime] [--json]``

The two take turns, so that other load on the machine affects both. The first turn of each is not counted: it compiles
the Python modules, which pip does when it installs a wheel. Both decode and resize the same photo and run the same
model once, with the same number of threads.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

BARE = Path(__file__).with_name("bare.py")
_LAUNCH = Path(__file__).with_name("launch.py")
GOAL = 1.25
"""How many times the bare script's figures ours may be."""


class Cost(NamedTuple):
    """The cost of one process.

    Attributes:
        seconds: wall seconds.
        processor: CPU seconds.
        megabytes: peak resident memory in MB of 1e6 bytes.
    """

    seconds: float
    processor: float
    megabytes: float


def measure(command: list[str], environment: dict[str, str]) -> Cost:
    """Runs a command to its end and measures it; ``launch.py`` starts it, so that this process's memory does not count.

    Raises:
        RuntimeError: the command failed.
    """
    launch = [sys.executable, "-I", "-S", str(_LAUNCH), *command]
    finished = subprocess.run(launch, capture_output=True, text=True, env=environment, check=True)
    seconds, processor, kibibytes, status = json.loads(finished.stdout)
    if code := os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"exit status {code}: {' '.join(command)}")
    return Cost(seconds, processor, kibibytes * 1024 / 1e6)


def compare(model: Path, photo: Path, runtime: str, runs: int, threads: int) -> dict[str, list[Cost]]:
    """Starts both commands in turns; returns the costs of each start by the command's name."""
    bare = [sys.executable, str(BARE), str(model), str(photo), runtime, str(threads)]
    script = Path(sys.executable).with_name("graft-device")
    ours = [sys.executable, str(script), "classify", str(model), str(photo), "--runtime", runtime]
    commands = {"bare script": bare, "graft-device": [*ours, "--threads", str(threads)]}
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as bytecode:
        for turn in range(runs + 1):
            for name, command in commands.items():
                cost = measure(command, {**environment, "PYTHONPYCACHEPREFIX": bytecode})
                if turn:
                    costs[name].append(cost)
    return costs


def main() -> None:
    """Prints a table, or one JSON object per runtime with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--runtimes", default="litert,tflite-runtime")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not args.json:
        sys.stdout.write("| runtime | | wall, s | processor, s | peak memory, MB |\n| --- | --- | --- | --- | --- |\n")
    for runtime in args.runtimes.split(","):
        costs = compare(args.model, args.photo, runtime, args.runs, args.threads)
        medians = {name: Cost(*map(median, zip(*series))) for name, series in costs.items()}
        bare, ours = medians["bare script"], medians["graft-device"]
        times = Cost(*(mine / theirs for mine, theirs in zip(ours, bare)))
        if args.json:
            figures = {name: cost._asdict() for name, cost in {**medians, "times": times}.items()}
            sys.stdout.write(json.dumps({"runtime": runtime, **figures}) + "\n")
            continue
        for name, cost in medians.items():
            sys.stdout.write(f"| {runtime} | {name} | {cost.seconds:.3f} | {cost.processor:.3f} | ")
            sys.stdout.write(f"{cost.megabytes:.1f} |\n")
        verdict = "within" if max(times.seconds, times.megabytes) <= GOAL else "OVER"
        sys.stdout.write(f"| | times ({verdict} {GOAL}) | {times.seconds:.2f} | {times.processor:.2f} | ")
        sys.stdout.write(f"{times.megabytes:.2f} |\n")


if __name__ == "__main__":
    main()
