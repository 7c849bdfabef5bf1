from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest

from graft_host.commands.terminal.console import TerminalReporter, evaluation_text
from graft_host.evaluation.evaluate import Evaluation

PROGRAM = """
import time
from graft_host.commands.terminal.console import TerminalReporter
with TerminalReporter().progress("bottlenecks") as report:
    for done in range(1, 41):
        time.sleep(0.02)
        report(done, 80)
"""


def test_progress_shows_rate_and_time_left_on_a_terminal() -> None:
    terminal, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    done = subprocess.run([sys.executable, "-c", PROGRAM], stderr=slave, stdout=subprocess.PIPE, check=True)
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(terminal, 65536):
            shown += piece
    except OSError:
        pass  # Linux reports in this way that the other end is closed
    finally:
        os.close(terminal)
    assert done.stdout == b""
    last = [line for line in shown.decode().replace("\n", "\r").split("\r") if line.strip()][-1]
    assert "bottlenecks" in last
    assert "40/80" in last
    assert "photos/s" in last
    assert "<00:0" in last, "time left"


def test_progress_takes_only_a_few_lines_in_a_log() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert 1 <= done.stderr.count("bottlenecks") <= 3


def test_a_rate_counts_from_the_start_of_the_stage(capfd: pytest.CaptureFixture[str]) -> None:
    """A stage may report its first step only once it is done."""
    with TerminalReporter().progress("training heads", "heads") as report:
        time.sleep(0.5)
        report(1, 1)
    rate = re.search(r"\[00:00<00:00, +([\d.]+) heads/s\]", capfd.readouterr().err)
    assert rate is not None
    assert float(rate[1]) <= 2.0


def test_a_stage_with_nothing_to_count_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with TerminalReporter().progress("bottlenecks"):
        pass
    assert capfd.readouterr().err == ""


def test_tables_stay_narrow_and_aligned() -> None:
    labels = ("a", "long " * 50, "line\nbreak")
    report = evaluation_text(
        Evaluation(
            labels=labels,
            truth=np.array([0, 1, 2]),
            scores=np.eye(3, dtype=np.float32),
            failures={},
            paths=(Path("a.jpg"),) * 3,
        )
    )
    lines = report.splitlines()
    assert max(map(len, lines)) < 100
    assert len({len(line) for line in lines[:4]}) == 1
    assert r"line\nbreak" in report
    assert "accuracy 1.0000 on 3 photos" in report
