"""Measures the memory of ``graft-device run`` with two cameras, states, motion gates, kept events and the page.

Two generated network cameras send 640 x 480 pixels at 5 frames a second. A viewer watches one of them on the page in
a fifth of the time. ``--arm`` runs the board's side on an emulated Arm board, whose memory includes QEMU's and
its translated code; there is no PyAV for it here, so its cameras give still pictures, one a second.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from benchmarks.board_hour.cameras import cameras, pictures
from benchmarks.board_hour.memory import Memory, read_memory, slope_kb_h, table
from benchmarks.machine import dated, hardware_line, versions_line
from benchmarks.motion.model import train_model
from graft_device.system.machine import usable_cores

_EVERY_S = 5.0
_READY_S = 600.0
_PER_CLASS = 60
_VIEWED = 0.1, 0.3  # of the time, between which there is a viewer
_WARM = 0.4  # of the time, after which the memory should no longer grow
_LISTENING = re.compile(r"http://127\.0\.0\.1:(\d+)")
_ROOT = Path(__file__).resolve().parents[2]

_BOARD = """
confirm = "3/5"

[[model]]
name = "bench"
file = "{model}"
threads = 1

{sources}
[http]
listen = "127.0.0.1:0"

[events]
folder = "{events}"
max-mb = 20
"""
_SOURCE = """
[[source]]
name = "{name}"
place = "{place}"
on-motion = true
at-least-every = 30

[[source.region]]
name = "middle"
roi = "0.125,0,0.75,1"
"""


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.board_hour", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the model is kept, and the run's files")
    parser.add_argument("--minutes", type=float, default=10, help="how long to measure (default: 10)")
    parser.add_argument("--arm", choices=["arm64", "armhf"], help="on an emulated board")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    model = given.folder.resolve() / "bench.tflite"
    train_model(model, given.folder, _PER_CLASS, 224)
    with cameras([pictures(0), pictures(1)]) as address:
        place = "still.jpg" if given.arm else "stream"
        sources = [
            _SOURCE.format(name=name, place=f"{address}/{n}/{place}") for n, name in enumerate(("left", "right"))
        ]
        events = given.folder.resolve() / "events"
        shutil.rmtree(events, ignore_errors=True)
        board = given.folder.resolve() / "board.toml"
        board.write_text(_BOARD.format(model=model, sources="".join(sources), events=events))
        with _started(["run", "--config", str(board), "--json"], given.folder, given.arm) as (process, notes, output):
            samples, watched = _measured(process, notes, output, given.minutes * 60)
            process.send_signal(signal.SIGTERM)
            status = process.wait(60)
    kinds = [json.loads(line)["kind"] for line in output.read_text().splitlines()]
    _report(samples, watched, kinds, status, given.arm)


def _measured(
    process: subprocess.Popen[Any], notes: Path, output: Path, seconds: float
) -> tuple[list[Memory], tuple[float, float, int]]:
    """Samples the memory, and has a viewer for a time; also returns when, and how many bytes it got."""
    port = int(_waited(process, notes, _LISTENING)[1])
    _waited(process, output, re.compile('"kind"'))
    start, samples, received = time.monotonic(), list[Memory](), [0]
    span = (_VIEWED[0] * seconds, _VIEWED[1] * seconds)
    stop = threading.Event()
    viewer = threading.Thread(target=_watch, args=(port, stop, received))
    while (at_s := time.monotonic() - start) < seconds:
        if process.poll() is not None:
            raise RuntimeError(notes.read_text())
        samples.append(read_memory(process.pid, at_s))
        if span[0] <= at_s < span[1] and viewer.ident is None:
            viewer.start()
        if at_s >= span[1]:
            stop.set()
        time.sleep(_EVERY_S)
    stop.set()
    if viewer.ident is not None:
        viewer.join(_READY_S)
    return samples, (*span, received[0])


def _watch(port: int, stop: threading.Event, received: list[int]) -> None:
    """Watches the first camera as a browser does."""
    base = f"http://127.0.0.1:{port}/v1"
    with urllib.request.urlopen(f"{base}/board", timeout=_READY_S) as answer:  # noqa: S310
        source = json.load(answer)["sources"][0]["id"]
    with urllib.request.urlopen(f"{base}/live/{source}", timeout=_READY_S) as stream:  # noqa: S310
        while not stop.is_set():
            received[0] += len(stream.read1(1 << 16))


def _waited(process: subprocess.Popen[Any], path: Path, pattern: re.Pattern[str]) -> re.Match[str]:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.poll() is None:
        if found := pattern.search(path.read_text()):
            return found
        time.sleep(0.2)
    raise RuntimeError(f"no {pattern.pattern!r} in {path.name}: {path.read_text()}")


@contextlib.contextmanager
def _started(arguments: list[str], folder: Path, arm: str | None) -> Iterator[tuple[subprocess.Popen[Any], Path, Path]]:
    """Runs ``graft-device`` here or on an emulated board; also gives the files of its notes and its output."""
    notes, output = folder / "notes.txt", folder / "output.txt"
    with notes.open("w") as errors, output.open("w") as stdout, contextlib.ExitStack() as stack:
        yield stack.enter_context(_process(arguments, arm, stdout, errors)), notes, output


@contextlib.contextmanager
def _process(
    arguments: list[str], arm: str | None, stdout: IO[str], stderr: IO[str]
) -> Iterator[subprocess.Popen[Any]]:
    command = ["-m", "graft_device.cli", *arguments]
    if arm is not None:
        from tests.support.arm.board import prepare

        board = prepare(_ROOT / ".arm", arm)
        with board.start(
            *command, runtime="tflite-runtime", extra_path=[_ROOT / "device"], stdout=stdout, stderr=stderr
        ) as process:
            yield process
        return
    with subprocess.Popen([sys.executable, *command], stdout=stdout, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.kill()


def _report(
    samples: list[Memory], watched: tuple[float, float, int], kinds: list[str], status: int, arm: str | None
) -> None:
    first, last = (int(seconds // 60) for seconds in watched[:2])
    notes = dict.fromkeys(range(first, max(first + 1, last)), "one viewer")
    warm = [sample for sample in samples if sample.at_s >= _WARM * samples[-1].at_s]
    highest = max(sample.rss_kb for sample in samples) / 1000
    grew = (
        f"- Memory of no file grew by {slope_kb_h(warm):.0f} kB an hour after the first {_WARM:.0%} of the time; "
        f"the highest RSS was {highest:.1f} MB."
    )
    seen = (
        f"- {kinds.count('enter')} enter and {kinds.count('leave')} leave events; the viewer got "
        f"{watched[2] / 1e6:.1f} MB; exit status {status}."
    )
    machine = hardware_line(usable_cores()) + (f" The board is an emulated {arm}." if arm else "")
    lines = [machine, versions_line(), dated(), "", *table(samples, notes), "", grew, seen]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
