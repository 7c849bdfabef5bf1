from __future__ import annotations

import ctypes
import time
from pathlib import Path

import pytest

from graft_device.system import clock

CLOCKS, TIMESYNCD = "sys/class/rtc", "run/systemd/timesync"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that does not say whether the clock has been set from the network, as in a service's sandbox."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())


def test_a_clock_that_runs_while_the_machine_is_off_is_set(tmp_path: Path) -> None:
    (tmp_path / CLOCKS / "rtc0").mkdir(parents=True)
    (tmp_path / TIMESYNCD).mkdir(parents=True)
    assert clock.is_set(tmp_path)


@pytest.mark.usefixtures("sandbox")
def test_without_such_a_clock_the_network_must_have_set_it(tmp_path: Path) -> None:
    (tmp_path / CLOCKS).mkdir(parents=True)
    (tmp_path / TIMESYNCD).mkdir(parents=True)
    assert not clock.is_set(tmp_path)
    (tmp_path / TIMESYNCD / "synchronized").touch()
    assert clock.is_set(tmp_path)


@pytest.mark.usefixtures("sandbox")
def test_a_time_that_has_passed_shows_that_the_clock_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock.is_set()
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    assert not clock.is_set()


def test_the_kernel_is_asked_without_changing_anything(tmp_path: Path) -> None:
    (tmp_path / CLOCKS).mkdir(parents=True)
    structure = ctypes.create_string_buffer(512)
    state = ctypes.CDLL(None).adjtimex(structure)
    assert clock.is_set(tmp_path) == (state != 5)
