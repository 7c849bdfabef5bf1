"""The program that is started for each event: what it is given, its limits, and its end."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graft_device.actions import exec_program
from graft_device.actions.action_error import ActionError
from graft_device.actions.exec_program import MOST_WAITING, ExecProgram
from graft_device.actions.opening import open_sink
from graft_device.config.sinks import ExecSettings
from graft_device.outputs.events import Event
from tests.device.outputs.test_event_queue import make_event
from tests.support.running import PATIENCE_S, eventually

Script = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graft_device.actions.exec_program.CLOSE_S", PATIENCE_S)


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Writes an executable shell script that runs in the test's folder."""

    def write(text: str) -> Path:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\ncd '{tmp_path}'\n{text}\n")
        path.chmod(0o755)
        return path

    return write


@contextmanager
def opened(program: Path, notes: list[str], *args: str, timeout: float = PATIENCE_S) -> Iterator[ExecProgram]:
    settings = ExecSettings("feeder", (str(program), *args), timeout, pictures=True)
    sink = open_sink(settings, states=False, note=notes.append)
    assert isinstance(sink, ExecProgram)
    with closing(sink):
        yield sink


def event(number: int = 1, label: str = "cat") -> Event:
    return replace(make_event(label), seq=number, source="door", region="bowl", kind="leave", duration=2.5)


def ended(pid: int) -> bool:
    """Whether a process is gone; one that nobody has waited for yet counts, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_the_program_gets_the_event_and_no_secrets(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("GRAFT_TOKEN", "GRAFT_MQTT_PASSWORD", "GRAFT_WEBHOOK_SECRET", "GRAFT_APPRISE_URLS", "NOTIFY_SOCKET"):
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("HOME_OF_CATS", "kept")
    program = script(
        'cat > given; env > found; cp "$GRAFT_PICTURE" picture.jpg; echo out; echo err >&2; echo "$@" > args'
    )
    notes: list[str] = []
    sent = replace(event(label="cat $(touch hacked); \N{CAT}\0"), photo=np.full((480, 1000, 3), 90, np.uint8))
    with opened(program, notes, "a b", "$HOME") as sink:
        sink.put(sent)
    found = dict(line.split("=", 1) for line in (tmp_path / "found").read_text("utf-8").splitlines() if "=" in line)
    assert found["GRAFT_LABEL"] == "cat $(touch hacked); \N{CAT}?"
    assert found["HOME_OF_CATS"] == "kept"
    expected = {"GRAFT_ID": sent.id, "GRAFT_SEQ": "1", "GRAFT_KIND": "leave", "GRAFT_SOURCE": "door"}
    expected |= {"GRAFT_REGION": "bowl", "GRAFT_TIME": sent.time, "GRAFT_SCORE": "0.900000", "GRAFT_DURATION": "2.500"}
    assert expected.items() <= found.items()
    assert not any("s3cret" in value for value in found.values())
    assert json.loads((tmp_path / "given").read_bytes()) == sent.to_json()
    assert (tmp_path / "args").read_text() == "a b $HOME\n"
    with Image.open(tmp_path / "picture.jpg") as picture:
        assert picture.size == (640, 307)
    assert not Path(found["GRAFT_PICTURE"]).exists()
    assert not (tmp_path / "hacked").exists()
    assert (capfd.readouterr(), notes) == (("", ""), [])


def test_a_program_that_takes_too_long_is_ended_with_all_that_it_started(script: Script, tmp_path: Path) -> None:
    program = script("trap '' TERM; sleep 600 & echo $! > child; echo $$ > leader; wait; wait; sleep 600")
    notes: list[str] = []
    with opened(program, notes, timeout=1) as sink:
        sink.put(event())
        eventually(lambda: bool(notes))
    assert notes == ["exec feeder: ended after 1 seconds"]
    pids = [int((tmp_path / name).read_text()) for name in ("child", "leader")]
    eventually(lambda: all(map(ended, pids)))
    with pytest.raises(ChildProcessError):  # it was waited for
        os.waitpid(pids[1], os.WNOHANG)


def test_a_program_that_fails_is_noted_once_until_it_works_again(script: Script) -> None:
    program = script(
        'read line; case "$GRAFT_LABEL" in bad) echo "no food left" >&2; exit 3;; killed) kill -9 $$;; esac'
    )
    notes: list[str] = []
    with opened(program, notes) as sink:
        for label in ("bad", "bad", "good", "killed"):
            sink.put(event(label=label))
    assert notes == ["exec feeder: exit status 3: no food left", "exec feeder: ended by signal 9"]


def test_a_program_that_prints_without_end_fills_no_memory_and_no_disk(script: Script) -> None:
    program = script("head -c 50000000 /dev/zero >&2; head -c 50000000 /dev/zero; echo last >&2; exit 1")
    notes: list[str] = []
    with opened(program, notes) as sink:
        sink.put(event())
    assert len(notes) == 1
    assert notes[0].endswith("last")
    assert len(notes[0]) < 300


def test_a_slow_program_holds_up_nobody_and_old_events_are_dropped(script: Script, tmp_path: Path) -> None:
    program = script('echo "$GRAFT_SEQ" >> order; while [ ! -e go ]; do sleep 0.05; done')
    notes: list[str] = []
    with opened(program, notes) as sink:
        sink.put(event(1))
        eventually((tmp_path / "order").exists)
        start = time.monotonic()
        for number in range(2, MOST_WAITING + 5):
            sink.put(event(number))
        assert time.monotonic() - start < PATIENCE_S / 2
        (tmp_path / "go").touch()
    order = [int(line) for line in (tmp_path / "order").read_text().split()]
    assert order == [1, *range(5, MOST_WAITING + 5)]
    assert sink.dropped == 3
    prefix = "exec feeder: the program is slower than the events; "
    assert notes == [f"{prefix}an event was dropped", f"{prefix}2 events were dropped"]


def test_the_end_of_the_run_ends_a_program_that_does_not_end(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exec_program, "CLOSE_S", 0.2)
    program = script("echo $$ > pid.new; mv pid.new pid; sleep 600")
    notes: list[str] = []
    with opened(program, notes) as sink:
        sink.put(event(1))
        sink.put(event(2))
        eventually((tmp_path / "pid").exists)
    eventually(lambda: ended(int((tmp_path / "pid").read_text())))
    assert notes == ["exec feeder: ended with the run", "exec feeder: the run ends; 1 event had no turn"]


def test_a_program_in_the_background_is_left_alone(script: Script, tmp_path: Path) -> None:
    program = script("sleep 600 & echo $! > child")
    notes: list[str] = []
    with opened(program, notes) as sink:
        sink.put(event())
    child = int((tmp_path / "child").read_text())
    try:
        assert not ended(child)
    finally:
        os.kill(child, signal.SIGKILL)
    assert notes == []


def test_a_program_that_is_missing_or_not_executable_is_an_error_at_the_start(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    for program, reason in (
        (plain, f"{plain} may not be executed; run: chmod"),
        (tmp_path / "none", f"there is no program {tmp_path}/none; name"),
        (tmp_path, f"there is no program {tmp_path}; name"),
    ):
        with pytest.raises(ActionError, match=f"^exec feeder: {reason}"), opened(program, []):
            pass


def test_a_program_that_goes_away_is_noted_and_the_run_goes_on(script: Script) -> None:
    program = script("true")
    notes: list[str] = []
    with opened(program, notes) as sink:
        program.unlink()
        sink.put(event())
    assert notes == ["exec feeder: no such file or directory"]
