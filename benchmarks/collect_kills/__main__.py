"""Kills ``graft collect`` at random moments on a board with a real sshd, and counts what is lost or doubled.

Run ``python -m benchmarks.collect_kills --trials 50 --seed 1`` as root. In turn without and with ``--move``, a collect
is started and killed, up to three times, and then continued to its end; see ``tests/support/collect_kills.py``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import dated, hardware_line
from graft_device.system.machine import usable_cores
from tests.support.collect_kills import Trial, trials
from tests.support.remote.board import make_keys, missing, started


def main() -> None:
    """Runs the command line; the exit status is 1 if a photo was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50, help="How many collects are killed.")
    parser.add_argument("--seed", type=int, default=1, help="Of the moments.")
    parser.add_argument("--photos", type=int, default=450, help="How many photos the board has.")
    parsed = parser.parse_args()
    if reason := missing():
        sys.exit(reason)
    start = time.monotonic()
    found: list[Trial] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with started(folder / "board", "kitchen", make_keys(folder)) as board:
            for trial in trials(board, folder / "inboxes", parsed.trials, parsed.seed, parsed.photos):
                found.append(trial)
                faults = ", ".join(trial.faults) or "nothing lost, nothing doubled"
                _print(
                    f"{len(found):>3}  {'with' if trial.move else 'without'} --move, killed {trial.kills} times, "
                    f"at last with {trial.here} of {parsed.photos} in the inbox: {faults}"
                )
    kills = sum(trial.kills for trial in found)
    lost, doubled = sum(trial.lost for trial in found), sum(trial.doubled for trial in found)
    _print(f"{dated()}\n{hardware_line(usable_cores())}")
    took = time.monotonic() - start
    _print(f"{len(found)} collects, {kills} kills, {lost} photos lost, {doubled} doubled, in {took:.0f} s")
    sys.exit(any(trial.faults for trial in found))


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
