from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from graft_device.run.wall_clock import WallClock
from tests.support.faked_clock import FakedClock

DAY_S = 86_400.0


@dataclass
class Board:
    """A board with two clocks and a system that knows whether the first is set."""

    wall: float = 1000.0
    monotonic: float = 50.0
    synchronized: bool = False
    asked: int = 0
    notes: list[str] = field(default_factory=list)

    def clock(self) -> WallClock:
        return WallClock(self.notes.append, self._probe, lambda: self.wall, lambda: self.monotonic)

    def wait(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def _probe(self) -> bool:
        self.asked += 1
        return self.synchronized


def test_a_clock_that_is_set_during_the_run_is_noticed_and_noted() -> None:
    board = Board()
    clock = board.clock()
    assert not clock.is_set()
    board.wait(1)
    board.wall += 3 * DAY_S + 5
    board.synchronized = True
    assert clock.is_set()
    assert board.notes == ["the clock was set forward by 3 days, 0:00:05"]


def test_a_clock_that_was_right_from_the_start_is_noticed_too() -> None:
    board = Board()
    clock = board.clock()
    board.synchronized = True
    seen = []
    for _ in range(6):
        board.wait(1)
        seen.append(clock.is_set())
    assert seen[0] is False
    assert seen[-1] is True
    assert board.notes == []


def test_a_jump_back_is_noted_and_the_system_is_asked_again() -> None:
    board = Board(synchronized=True)
    clock = board.clock()
    board.wall -= 90
    board.synchronized = False
    assert not clock.is_set()
    assert board.notes == ["the clock was set back by 0:01:30"]


def test_while_the_clock_is_set_the_system_is_not_asked_for_each_event() -> None:
    board = Board(synchronized=True)
    clock = board.clock()
    for _ in range(1000):
        board.wait(0.5)
        board.wall += 0.001  # as a clock is corrected in passing
        assert clock.is_set()
    assert board.asked == 1
    assert board.notes == []


PROGRAM = """
import sys, time
from graft_device.run.wall_clock import WallClock
start = time.monotonic()
clock = WallClock(lambda text: print(text, flush=True))
for line in sys.stdin:
    print(clock.is_set(), 0 <= time.monotonic() - start < 3600, flush=True)
"""


def test_the_clock_of_the_system_jumps(tmp_path: Path) -> None:
    clock = FakedClock(tmp_path, "1970-01-02 00:00:00")
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clock.env) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = []
        for moment in ("1970-01-02 00:00:00", "2040-01-01 00:00:00", "2033-01-01 00:00:00"):
            clock.set(moment)
            process.stdin.write("\n")
            process.stdin.flush()
            lines.append(process.stdout.readline())
            if lines[-1].startswith("the clock"):
                lines.append(process.stdout.readline())
        process.stdin.close()
    assert lines[0] == "False True\n"
    assert lines[1].startswith("the clock was set forward by 255")
    assert lines[2].endswith("True\n"), "the monotonic clock jumped too"
    assert lines[3].startswith("the clock was set back by 255")
