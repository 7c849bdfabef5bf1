"""Puts ``graft-device serve`` under load, and measures its answers, its latency and its memory.

    python benchmarks/serve_load.py MODEL PHOTO [--seconds 60] [--clients 4 16] [-- SERVE OPTIONS...]

The clients run on the same cores as the server, so the server could do more than the figures show.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

WARM_UP = 0.25
"""The share of a run after which the memory should no longer grow."""

PARTS = 12
"""The number of parts of a run for each of which the least memory in use is taken."""


@dataclass(frozen=True)
class Load:
    """The measurements of one run.

    Attributes:
        seconds: the duration of the run.
        statuses: the number of answers for each HTTP status; 0 counts broken connections.
        latencies: the milliseconds of each answer with status 200, in the order of the answers of each client.
        resident: the server's resident memory in bytes, sampled at regular intervals.
    """

    seconds: float
    statuses: Counter[int]
    latencies: list[float]
    resident: list[int]

    @property
    def growth(self) -> int:
        """The bytes by which the peak memory grew after the warm-up."""
        warm = max(1, int(len(self.resident) * WARM_UP))
        return max(self.resident[warm:], default=0) - max(self.resident[:warm], default=0)

    @property
    def floor_slope(self) -> float:
        """The growth of the least memory in use after the warm-up, in bytes per second.

        The least is used because the memory in use rises and falls by a decoded photo. It is taken for each of
        ``PARTS`` parts of the run; the result is the slope of the least-squares line through them.
        """
        count = len(self.resident) // PARTS
        floors = [min(self.resident[n * count : (n + 1) * count]) for n in range(int(PARTS * WARM_UP), PARTS)]
        middles = [(n + 0.5) * self.seconds / PARTS for n in range(int(PARTS * WARM_UP), PARTS)]
        return statistics.linear_regression(middles, floors).slope

    def row(self) -> str:
        """The figures in one line."""
        good, other = self.statuses[200], {k: v for k, v in sorted(self.statuses.items()) if k != 200}  # noqa: PLR2004
        p50, p99 = (_percentile(self.latencies, share) for share in (0.5, 0.99))
        return (
            f"{good / self.seconds:6.1f} photos per second, median {p50:.1f} ms, p99 {p99:.1f} ms, others {other}, "
            f"memory {self.resident[0] / 1e6:.0f} MB at the start, {max(self.resident) / 1e6:.0f} MB peak, "
            f"{self.growth / 1e6:+.1f} MB after the first quarter, least {60 * self.floor_slope / 1e6:+.2f} MB/min"
        )


def load(
    address: tuple[str, int],
    pid: int,
    bodies: Sequence[bytes],
    clients: int,
    seconds: float,
    photos: float = math.inf,
) -> Load:
    """Sends photos over persistent connections; each client sends the next one as soon as it has an answer.

    Args:
        address: the server's host and port.
        pid: the server's process, whose memory is measured.
        bodies: the photos to send, in turn.
        clients: the number of simultaneous clients.
        seconds: the longest duration of the run.
        photos: the number of answers with status 200 after which the run ends.
    """
    statuses: list[Counter[int]] = [Counter() for _ in range(clients)]
    latencies: list[list[float]] = [[] for _ in range(clients)]
    start = time.monotonic()

    def over() -> bool:
        return time.monotonic() >= start + seconds or sum(map(len, latencies)) >= photos

    threads = [
        threading.Thread(target=_client, args=(address, [*bodies[n:], *bodies[:n]], over, statuses[n], latencies[n]))
        for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    resident = []
    while not over():
        resident.append(_resident(pid))
        time.sleep(seconds / 100)
    for thread in threads:
        thread.join()
    return Load(
        time.monotonic() - start, sum(statuses, Counter()), [ms for client in latencies for ms in client], resident
    )


def _client(
    address: tuple[str, int],
    bodies: Sequence[bytes],
    over: Callable[[], bool],
    statuses: Counter[int],
    latencies: list[float],
) -> None:
    connection = http.client.HTTPConnection(*address, timeout=60)
    turn = 0
    while not over():
        start = time.perf_counter()
        try:
            connection.request("POST", "/v1/classify", bodies[turn % len(bodies)], {"Content-Type": "image/jpeg"})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            statuses[0] += 1
            connection.close()
            continue
        turn += 1
        statuses[response.status] += 1
        if response.status == 200:  # noqa: PLR2004
            latencies.append((time.perf_counter() - start) * 1e3)
        elif response.status == 503:  # noqa: PLR2004
            time.sleep(0.02)  # less than Retry-After demands, to keep the server under pressure
    connection.close()


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _percentile(values: Sequence[float], share: float) -> float:
    if len(values) < 2:  # noqa: PLR2004
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]


@contextlib.contextmanager
def _served(model: str, options: Sequence[str]) -> Iterator[tuple[tuple[str, int], int]]:
    command = [sys.executable, "-m", "graft_device.cli", "serve", model, "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None  # noqa: S101  a pipe was asked for
        try:
            for line in process.stderr:
                sys.stderr.write(line)
                if match := re.search(r"listening on http://([^:]+):(\d+)", line):
                    yield (match[1], int(match[2])), process.pid
                    break
        finally:
            process.send_signal(signal.SIGTERM)


def main() -> None:
    """Measures each number of clients with a new server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("photo", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = parser.parse_args(sys.argv[1:cut])
    for clients in args.clients:
        with _served(args.model, sys.argv[cut + 1 :]) as (address, pid):
            result = load(address, pid, [args.photo.read_bytes()], clients, args.seconds)
        sys.stdout.write(f"{clients:3d} clients: {result.row()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
