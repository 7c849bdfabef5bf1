"""Measures ``graft collect`` beside a plain rsync of the same folder, from a board with a real sshd on loopback.

Run ``python -m benchmarks.collect_cost --photos 1000 --kb 100`` as root. Seconds are medians of turns (A, B, A, B …),
bytes are all of the connection in both directions, encrypted.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.machine import dated, hardware_line
from graft_device.system.machine import usable_cores
from tests.support.kept_photos import FOLDER, collect, keep, photos_in
from tests.support.remote.board import UID, Board, make_keys, missing, started, write_config
from tests.support.remote.proxy import Cable, cable

_TURNS = 5


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=1000, help="How many photos the board has.")
    parser.add_argument("--kb", type=int, default=100, help="The size of each in kB.")
    parsed = parser.parse_args()
    if reason := missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        keys = make_keys(folder)
        with started(folder / "board", "kitchen", keys) as board, cable(board.port) as line:
            config = write_config(folder, board.name, line.port, keys.ours, board.host_key)
            over = dataclasses.replace(board, config=config)
            _keep_all(over, parsed.photos, parsed.kb * 1000)
            _print(f"{dated()}\n{hardware_line(usable_cores())}\n{parsed.photos} photos of {parsed.kb} kB")
            _measure(over, line, folder, parsed.photos)


def _keep_all(board: Board, count: int, size: int) -> None:
    """Photos of one size: noise stands behind the picture's end, where no decoder looks."""
    for number in range(count):
        path = keep(board.home / FOLDER, ("cats", "dogs")[number % 2], number)
        with path.open("ab") as file:
            file.write(os.urandom(max(0, size - path.stat().st_size)))
        os.chown(path, UID, UID)


def _measure(board: Board, line: Cable, folder: Path, count: int) -> None:
    inbox, copy = folder / "inbox", folder / "copy"
    ssh = f"ssh -F {board.config}"
    rsync = ["rsync", "-a", "-e", ssh, f"{board.address}:{FOLDER}/", f"{copy}/"]

    def ours() -> None:
        done = collect(inbox, board, "--from", FOLDER)
        assert done.returncode == 0, done.stderr  # noqa: S101

    def theirs() -> None:
        subprocess.run(rsync, check=True)

    sides: dict[str, Callable[[], None]] = {"graft collect": ours, "rsync -a": theirs}
    figures: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for _ in range(_TURNS):
        for name, act in sides.items():
            for place in (inbox, copy):
                shutil.rmtree(place, ignore_errors=True)
            for what in ("everything", "nothing new"):
                figures.setdefault((what, name), []).append(_timed(act, line))
        if len(photos_in(inbox) or photos_in(copy)) != count:
            sys.exit("not every photo came")
    for (what, name), turns in sorted(figures.items()):
        seconds = [one for one, _ in turns]
        _print(
            f"{what:<12} {name:<14} {median(seconds):6.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), "
            f"{median(size for _, size in turns) / 1e6:.3f} MB"
        )


def _timed(act: Callable[[], None], line: Cable) -> tuple[float, int]:
    before, start = line.bytes, time.monotonic()
    act()
    return time.monotonic() - start, line.bytes - before


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
