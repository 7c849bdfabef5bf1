"""Runs a command and says as JSON what it took.

Usage: ``python -I -S benchmarks/launch.py COMMAND…``

The kernel counts the memory of a process that starts another as the other's too, at its start. So whoever measures
peak memory has this small script start the command, and not a process that holds TensorFlow.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    """Prints wall seconds, processor seconds, peak resident memory in KiB, and the wait status."""
    command = sys.argv[1:]
    devnull = os.open(os.devnull, os.O_RDWR)
    start = time.perf_counter()
    actions = [(os.POSIX_SPAWN_DUP2, devnull, stream) for stream in (0, 1, 2)]
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    sys.stdout.write(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss, status]))


if __name__ == "__main__":
    main()
