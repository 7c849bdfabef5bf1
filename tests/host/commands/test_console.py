from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_host.commands.terminal.console import TerminalReporter, evaluation_text
from graft_host.commands.terminal.style import facts
from graft_host.evaluation.evaluate import Evaluation

PATIENCE_S = 60

PROGRAM = """
import time
from graft_host.commands.terminal.console import TerminalReporter
with TerminalReporter().progress("bottlenecks") as report:
    for done in range(1, 41):
        time.sleep(0.02)
        report(done, 80)
"""


def _on_a_terminal(program: str, *awaited: bytes) -> str:
    """What a program writes to a terminal of 100 columns as its standard error; it must write nothing else.

    Args:
        program: in Python.
        awaited: patterns; when the terminal has shown one of them, a line is written to the program's standard input.
    """
    terminal, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-c", program]
    shown, waiting = b"", list(awaited)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=slave) as job:
        assert job.stdin is not None
        os.close(slave)
        try:
            while select.select([terminal], [], [], PATIENCE_S)[0]:
                shown += os.read(terminal, 65536)
                while waiting and re.search(waiting[0], shown, re.DOTALL):
                    job.stdin.write(b"\n")
                    job.stdin.flush()
                    waiting.pop(0)
        except OSError:
            pass  # Linux reports in this way that the other end is closed
        finally:
            os.close(terminal)
        output, _ = job.communicate()
    assert waiting == [], shown
    assert (job.returncode, output) == (0, b""), shown
    return shown.decode()


def _seconds(shown: str) -> int:
    """The seconds of a time such as 0:59 or 1:02:03."""
    seconds = 0
    for part in shown.split(":"):
        seconds = 60 * seconds + int(part)
    return seconds


def test_progress_shows_rate_and_time_left_on_a_terminal() -> None:
    shown = _on_a_terminal(PROGRAM)
    last = [line for line in shown.replace("\n", "\r").split("\r") if line.strip()][-1]
    assert "bottlenecks" in last
    assert "40/80" in last
    assert "photos/s" in last
    times = re.search(r"\[([\d:]+)<([\d:]+),", last)
    assert times is not None, last
    passed, left = map(_seconds, times.groups())
    assert passed <= left <= passed * 40 / 39 + 2, "half is done: 40 are left at the rate of 39, those after the first"


def test_progress_takes_only_a_few_lines_in_a_log() -> None:
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    late = (time.monotonic() - start) // 15  # on a machine that stops the program: a line every 15 s
    assert 1 <= done.stderr.count("bottlenecks") <= 3 + 2 * late


PREPARED = """
import sys, time
from graft_host.commands.terminal.console import TerminalReporter
with TerminalReporter().progress("bottlenecks") as report:
    time.sleep(1.5)
    start = time.monotonic()
    for done in range(1, 4):
        report(done, 1000)
        time.sleep(0.01)
print(f"counted for {time.monotonic() - start} s", file=sys.stderr)
"""

QUIET = """
from graft_host.commands.terminal.console import TerminalReporter
reporter = TerminalReporter()
with reporter.progress("quantizing") as report:
    input()
    reporter.note("a note")
    report(2, 2)
    input()
"""


def test_a_rate_does_not_count_the_preparation_before_the_first_unit() -> None:
    """At 1.5 s for the first of 1,000, a rate from the start of the stage would leave 25 minutes."""
    shown = _on_a_terminal(PREPARED)
    assert "1/1000" in shown
    counted = re.search(r"counted for ([\d.]+) s", shown)
    assert counted is not None
    left = [_seconds(time_left) for time_left in re.findall(r"<([\d:]+),", shown)]
    assert left, shown
    assert max(left) <= 1000 * float(counted[1]), shown


def test_a_stage_without_counts_shows_the_time_before_and_after_them() -> None:
    shown = _on_a_terminal(QUIET, rb"quantizing +\d:\d\d", rb"a note.* 2/2 .*quantizing +\d:\d\d")
    before, _, after = shown.partition("a note")
    first, last = (re.findall(r"quantizing +(\d:\d\d)", part)[-1] for part in (before, after))
    assert _seconds(last) > _seconds(first) >= 1, shown
    assert "2/2" in after
    assert shown.split("\r")[-1].strip() == "" or shown.endswith("\n")


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
    assert max(map(len, lines)) <= 80
    assert len({len(line) for line in lines[:4]}) == 1
    assert r"line\nbreak" in report
    assert "accuracy 1.0000 on 3 photos" in report


TABLE = """
import numpy as np
from pathlib import Path
from graft_host.commands.terminal.console import evaluation_text
from graft_host.commands.terminal.style import style_for
from graft_host.evaluation.evaluate import Evaluation
import sys
scores = np.eye(3, dtype=np.float32)
paths = (Path("a"),) * 3
evaluation = Evaluation(labels=("a", "b", "c"), truth=np.array([0, 1, 2]), scores=scores, failures={}, paths=paths)
print(evaluation_text(evaluation, style_for(sys.stderr)), file=sys.stderr)
"""


def test_the_verdict_is_bold_on_a_terminal_and_has_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[1maccuracy 1.0000 on 3 photos\x1b[0m (95% interval 0.4385 to 1.0000)" in _on_a_terminal(TABLE)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_switched_off(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert "\x1b[" not in _on_a_terminal(TABLE)


def test_pipes_get_no_escape_codes() -> None:
    done = subprocess.run([sys.executable, "-c", TABLE], capture_output=True, text=True, check=True)
    assert "accuracy 1.0000" in done.stderr
    assert "\x1b" not in done.stderr


@given(st.lists(st.tuples(st.text("abc ", max_size=10), st.text("words and spaces ", max_size=300)), max_size=5))
def test_facts_fit_80_columns_and_lose_no_word(rows: list[tuple[str, str]]) -> None:
    lines = facts([(name.strip(), text) for name, text in rows])
    assert all(len(line) <= 80 or " " not in line.strip() for line in lines)
    assert [word for line in lines for word in line.split()] == [
        word for name, text in rows for word in f"{name} {text}".split()
    ]
