"""Runs a command and prints its time and memory as JSON.

Usage: ``python -I -S benchmarks/launch.py COMMAND…``

At the start of a process, the kernel counts its parent's memory as its own. To measure peak memory, this small script
starts the command, instead of a process that has loaded TensorFlow.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    """Prints wall seconds, CPU seconds, peak resident memory in KiB, and the wait status."""
    command = sys.argv[1:]
    devnull = os.open(os.devnull, os.O_RDWR)
    start = time.perf_counter()
    actions = [(os.POSIX_SPAWN_DUP2, devnull, stream) for stream in (0, 1, 2)]
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    sys.stdout.write(json.dumps([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, status]))


if __name__ == "__main__":
    main()
