"""The first model in the studio, from an empty folder: clicks, keys and seconds of each step.

    python -m benchmarks.first_model [--each 60] [--board] [--json]

A headless browser with a camera that shows a film of rendered nuts, and then of screws, records both by holding the
button, trains with the defaults of the page, and tries the model on a film that it was not trained on. With --board it
also deploys to a board in a namespace, which needs root.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.first_model.going import THINGS, Made, make_first_model
from benchmarks.machine import dated, hardware_line, versions_line
from tests.support.remote.park import opened_in


def main() -> int:
    """Prints the steps as a table; the exit status is 1 if the model takes one thing for another."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.first_model", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--each", type=int, default=60, help="photos of each class")
    parser.add_argument("--board", action="store_true", help="deploy to a board in a namespace, too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
        park = opened.enter_context(opened_in(Path(folder) / "boards")) if options.board else None
        made = make_first_model(Path(folder), options.each, park)
    machine = [hardware_line(os.cpu_count() or 1), versions_line(), dated()]
    if options.json:
        sys.stdout.write(json.dumps({**made.to_json(), "machine": machine}, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join([*table(made), "", *machine]) + "\n")
    return 0 if made.seen == {thing: thing for thing in THINGS} else 1


def table(made: Made) -> list[str]:
    """The steps for a person, as Markdown."""
    lines = ["| step | clicks | keys | letters | seconds | of which held | of which looked on |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    lines += [
        f"| {one.name} | {one.clicks} | {one.keys} | {one.letters} | {one.seconds:.1f} | {one.held:.1f} "
        f"| {one.waited:.1f} |"
        for one in made.steps
    ]
    clicks, keys, letters = (sum(getattr(one, name) for one in made.steps) for name in ("clicks", "keys", "letters"))
    seconds, held, waited = (sum(getattr(one, name) for one in made.steps) for name in ("seconds", "held", "waited"))
    lines.append(f"| together | {clicks} | {keys} | {letters} | {seconds:.1f} | {held:.1f} | {waited:.1f} |")
    photos = ", ".join(f"{count} of {label}" for label, count in made.photos.items())
    said = ", ".join(f"a {thing} is called {name}" for thing, name in made.seen.items())
    lines += ["", f"Photos: {photos}. Accuracy on the page: {made.accuracy}. In front of the camera, {said}."]
    if made.deployed is not None:
        lines.append(f"The board runs {'this file' if made.deployed else 'another file'}.")
    return lines


if __name__ == "__main__":
    sys.exit(main())
