"""Runs two boards side by side for some minutes: the services of one come and go, those of the other stay.

    python -m benchmarks.chaos [--minutes 10] [--seed 1] [--longest 12]

Broker and receiver of webhooks are real ones on the loopback; the disk of the queues is a small one in memory, which
needs root. The run's camera is a stream of JPEGs. At the end everything is given back, and each receiver must have each
event. An event may come twice, with the same id.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.chaos.boards import RunningBoard, running_board
from benchmarks.chaos.findings import Findings, findings_of
from benchmarks.chaos.services import Disk, Service, may_mount
from benchmarks.chaos.trouble import Outages, trouble
from tests.support.device_models import write_artifact
from tests.support.running import eventually


def main() -> int:
    """Prints the findings; the exit status is 1 if an event was lost or the camera waited."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description="A run whose services come and go.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=12.0, help="seconds of the longest outage")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        until = time.monotonic() + 60 * options.minutes
        calm, troubled, outages = side_by_side(
            Path(folder), options.seed, options.longest, lambda _: time.monotonic() < until
        )
    sys.stdout.write("\n".join(table(calm, troubled, outages)) + "\n")
    return 0 if troubled.complete and calm.complete and not any(one.waited for one in outages) else 1


def side_by_side(
    folder: Path, seed: int, longest: float, more: Callable[[int], bool]
) -> tuple[Findings, Findings, list[Outages]]:
    """Runs both boards; see ``trouble`` for the arguments.

    Args:
        folder: an empty folder.
        seed: of what happens.
        longest: the longest outage in seconds.
        more: whether a service is to go away again.
    """
    model = write_artifact(folder / "colours.tflite")
    with contextlib.ExitStack() as stack:
        disk = stack.enter_context(Disk(folder / "disk")) if may_mount(folder) else None
        boards = []
        for name, queue in (("calm", folder / "calm" / "queue"), ("troubled", folder / "troubled" / "queue")):
            (folder / name).mkdir()
            place = queue if disk is None or name == "calm" else disk.folder / "queue"
            boards.append(stack.enter_context(running_board(model, place, folder / name)))
        calm, troubled = boards
        for board in boards:
            eventually(partial(_has_begun, board))
            assert board.process.poll() is None, board.notes  # noqa: S101  a run that ends at once shows nothing
        services: list[Service] = [troubled.broker, troubled.receiver, *([] if disk is None else [disk])]
        outages = trouble(troubled, services, seed, longest, more)
        for board in boards:
            _let_end(board)
        return findings_of(calm), findings_of(troubled), outages


def _has_begun(board: RunningBoard) -> bool:
    return bool(board.made) or board.process.poll() is not None


def _let_end(board: RunningBoard) -> None:
    board.camera.unplug()
    with contextlib.suppress(AssertionError):  # what has not arrived by then is counted as lost
        eventually(lambda: board.all_delivered)
    board.end()


def table(calm: Findings, troubled: Findings, outages: list[Outages]) -> list[str]:
    """The findings of both boards as a Markdown table, with a line about the outages."""
    away = [f"{one.service} {one.count} times, {one.seconds:.0f} s in all" for one in outages]
    rows = [
        ("events made", *(f"{one.made}" for one in (calm, troubled))),
        ("lost, broker / webhook", *(_pair(one.lost) for one in (calm, troubled))),
        ("numbers or ids given twice", *(f"{one.ambiguous}" for one in (calm, troubled))),
        ("came again with the same id, broker / webhook", *(_pair(one.repeated) for one in (calm, troubled))),
        ("longest time between two events", *(f"{one.gap_s:.2f} s" for one in (calm, troubled))),
        ("age of a frame: median, 99 %, largest", *(_ages(one) for one in (calm, troubled))),
    ]
    lines = [f"Away: {'; '.join(away)}.", "", "| | nothing away | services come and go |", "| --- | --- | --- |"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def _pair(counts: dict[str, int]) -> str:
    return f"{counts['broker']} / {counts['receiver']}"


def _ages(one: Findings) -> str:
    return ", ".join(f"{age:.0f} ms" for age in one.age_ms)


if __name__ == "__main__":
    sys.exit(main())
