"""The whole round with two boards: what it takes a person, how long it takes, and what is better afterwards.

    python -m benchmarks.round [--seed 0] [--each 40] [--new 12]

Two boards in namespaces, each with an SSH server of its own, run a model of nuts and screws. Washers turn up, and
leaves. The boards keep what the model is uncertain about, and a person captures a few washers. Everything is collected,
sorted on the page by a headless browser, trained on, compared with the model in use, and deployed. Boards need root.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.round.going import Round, go_round


def main() -> int:
    """Prints the round as a table; the exit status is 1 if the new model is no better where the old one was not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.round", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=40, help="photos of each class to begin with")
    parser.add_argument("--new", type=int, default=12, help="pictures of each thing that each board sees")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        gone = go_round(Path(folder), options.seed, options.each, options.new)
    sys.stdout.write((json.dumps(gone.to_json(), indent=2) if options.json else "\n".join(table(gone))) + "\n")
    return 0 if gone.right_after > gone.right_before else 1


def table(gone: Round) -> list[str]:
    """The round for a person, as Markdown."""
    seconds = sum(step.seconds for step in gone.steps)
    lines = ["| step | what a person types | seconds |", "| --- | --- | --- |"]
    lines += [f"| {step.name} | {step.typed} | {step.seconds:.1f} |" for step in gone.steps]
    lines += [f"| together | | {seconds:.1f} |", ""]
    lines.append(
        f"{gone.collected} pictures collected from {gone.boards} boards; sorted with {gone.keys} keys, {gone.clicks} "
        f"clicks and {gone.letters} letters. Of {gone.tested} new pictures, boards named {gone.right_before} before "
        f"and {gone.right_after} afterwards."
    )
    return lines


if __name__ == "__main__":
    sys.exit(main())
