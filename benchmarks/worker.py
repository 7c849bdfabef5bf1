"""The process of one contender: prepares, then runs its job once for each line on standard input.

Usage: ``python -m benchmarks.worker MODULE:FUNCTION``; the first line is the request, as JSON. Contenders wait for
their turn with everything loaded, so only the job is timed, and one contender's imports do not use another's memory.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """The job of a contender.

    Attributes:
        run: the function that is timed.
        describe: a function, not timed, that takes the result of ``run`` and returns further values for the row.
    """

    run: Callable[[], Any]
    describe: Callable[[Any], dict[str, Any]] = lambda _: {}


def peak_megabytes() -> float:
    """The peak resident memory of this process so far, in MB of 1e6 bytes.

    ``ru_maxrss`` is not used, since it includes the memory that the parent process had when it forked.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("the kernel does not report the memory in use (no VmHWM in /proc/self/status)")


def _turn(job: Job) -> dict[str, Any]:
    start, processor = time.perf_counter(), time.process_time()
    result = job.run()
    times = {"seconds": time.perf_counter() - start, "processor": time.process_time() - processor}
    return {**times, "peak": peak_megabytes(), "found": job.describe(result)}


def main() -> None:
    """Runs turns until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # so that libraries' output does not mix with the answers
    module, _, function = sys.argv[1].partition(":")
    try:
        job: Job = getattr(importlib.import_module(module), function)(json.loads(sys.stdin.readline()))
    except ImportError as error:
        answers.write(json.dumps({"missing": str(error)}) + "\n")
        return
    answers.write(json.dumps({"ready": peak_megabytes()}) + "\n")
    for _ in sys.stdin:
        answers.write(json.dumps(_turn(job)) + "\n")


if __name__ == "__main__":
    main()
