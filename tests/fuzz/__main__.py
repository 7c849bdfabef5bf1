"""The fuzzing lane: ``python -m tests.fuzz [KIND…] [--minutes 2] [--seed N]``; exit status 1 if anything failed."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.lane import run_kind
from tests.fuzz.target import KINDS

if TYPE_CHECKING:
    from tests.fuzz.journal import Tally

_AT_ONCE = 2


def main() -> None:
    """Runs the kinds two at a time, and prints what came of each."""
    options = _options()
    kinds = options.kinds or list(KINDS)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**31)
    folder = Path(options.folder or tempfile.mkdtemp(prefix="graft-fuzz-", dir=_fast_folder()))
    seconds = options.minutes * 60 * min(_AT_ONCE, len(kinds)) / len(kinds)
    print(f"seed {seed}, {seconds:.0f} s for each of {len(kinds)} kinds; files in {folder}", flush=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = {kind: pool.submit(run_kind, kind, folder / kind, seed, seconds, options.inputs) for kind in kinds}
        tallies = {kind: future.result() for kind, future in running.items()}
    for kind, tally in tallies.items():
        print(_line(kind, tally))
    failures = [f"{kind}: {failure}" for kind, tally in tallies.items() for failure in tally.failures]
    for failure in failures:
        print(f"FAILED {failure}")
    if options.json:
        Path(options.json).write_text(json.dumps({kind: tally.to_json() for kind, tally in tallies.items()}, indent=2))
    if failures:
        print(f"read one again with: python -m tests.fuzz.worker KIND --folder /tmp/again --replay FILE (seed {seed})")
    elif options.folder is None:
        shutil.rmtree(folder)
    sys.exit(bool(failures))


def _fast_folder() -> str | None:
    """A folder in memory, where a queue or a cache need not wait for a disk; None where there is none."""
    shared = "/dev/shm"  # noqa: S108  Linux's
    return shared if os.access(shared, os.W_OK) else None


def _line(kind: str, tally: Tally) -> str:
    results = ", ".join(f"{count:,} {result}" for result, count in tally.results.most_common())
    return (
        f"{kind:10} {tally.inputs:>9,} inputs ({tally.engine}): {results}; {tally.peak >> 20} MB, "
        f"{tally.slowest:.2f} s of processor for the most costly"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"some of {', '.join(KINDS)}; all without any")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long all kinds take together (default 2)")
    parser.add_argument("--seed", type=int, help="repeats the inputs of an earlier run; random without it")
    parser.add_argument("--inputs", type=int, default=10**9, help="the most inputs of each kind")
    parser.add_argument("--folder", help="where seeds and failing inputs are kept; a new temporary folder without it")
    parser.add_argument("--json", metavar="FILE", help="writes the counts to a file")
    options = parser.parse_args()
    unknown = [kind for kind in options.kinds if kind not in KINDS]
    if unknown:
        parser.error(f"no kind {unknown[0]!r}; choose from {', '.join(KINDS)}")
    return options


if __name__ == "__main__":
    main()
