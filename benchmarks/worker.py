"""One contender in a process of its own: prepares, then does its job once for each line on standard input.

Usage: ``python -m benchmarks.worker MODULE:FUNCTION``; the request is the first line, as JSON. Contenders wait for
their turn with everything loaded, so what is timed is the job, and what one imports does not show in another's memory.
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
    """What a contender does.

    Attributes:
        run: is timed.
        describe: of what it returned, whatever the row needs besides time; not timed.
    """

    run: Callable[[], Any]
    describe: Callable[[Any], dict[str, Any]] = lambda _: {}


def peak_megabytes() -> float:
    """The most memory that this process had resident so far, in MB of 1e6 bytes.

    Not ``ru_maxrss``, which begins with what the parent process had when it forked.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("the kernel does not say how much memory was used (no VmHWM in /proc/self/status)")


def _taken(job: Job) -> dict[str, Any]:
    start, processor = time.perf_counter(), time.process_time()
    result = job.run()
    taken = {"seconds": time.perf_counter() - start, "processor": time.process_time() - processor}
    return {**taken, "peak": peak_megabytes(), "found": job.describe(result)}


def main() -> None:
    """Serves until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    module, _, function = sys.argv[1].partition(":")
    try:
        job: Job = getattr(importlib.import_module(module), function)(json.loads(sys.stdin.readline()))
    except ImportError as error:
        answers.write(json.dumps({"missing": str(error)}) + "\n")
        return
    answers.write(json.dumps({"ready": peak_megabytes()}) + "\n")
    for _ in sys.stdin:
        answers.write(json.dumps(_taken(job)) + "\n")


if __name__ == "__main__":
    main()
