from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from graft_device.system import notify

if TYPE_CHECKING:
    from collections.abc import Iterator

ABSTRACT = pytest.param("abstract", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux's own"))


@pytest.fixture(params=["path", ABSTRACT])
def service_manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """A socket in the place of systemd's."""
    named = str(tmp_path / "notify") if request.param == "path" else f"\0graft-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", named.replace("\0", "@"))
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.setattr(notify, "_last_ping", float("-inf"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(named)
        bound.setblocking(False)
        yield bound


def received(manager: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(manager.recv(4096).decode())
        except BlockingIOError:
            return found


def test_what_is_sent(service_manager: socket.socket) -> None:
    notify.ready()
    notify.status("Füße: 3 photos a second\nREADY=0")
    notify.status("")
    notify.stopping()
    assert received(service_manager) == ["READY=1", "STATUS=Füße: 3 photos a second", "STATUS=", "STOPPING=1"]


def test_the_watchdog_message_is_sent_at_half_the_interval(
    service_manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("graft_device.system.notify.time.monotonic", lambda: now)
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    sent = []
    for _ in range(101):  # twenty seconds in steps of a fifth
        notify.watchdog()
        sent.append(len(received(service_manager)))
        now += 0.2
    assert [step * 0.2 for step, count in enumerate(sent) if count] == pytest.approx([0, 5, 10, 15, 20])


@pytest.mark.parametrize("usec", [None, "", "0", "-5", "soon"])
def test_no_watchdog_is_wanted(
    usec: str | None, service_manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    if usec is not None:
        monkeypatch.setenv("WATCHDOG_USEC", usec)
    notify.watchdog()
    assert received(service_manager) == []
    assert notify.watchdog_seconds() is None


def test_the_watchdog_of_another_process(service_manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    notify.watchdog()
    assert received(service_manager) == []
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    notify.watchdog()
    assert received(service_manager) == ["WATCHDOG=1"]
    assert notify.watchdog_seconds() == 1


@pytest.mark.parametrize("address", [None, "", "relative", "vsock:2:1", "/nowhere/at/all", "@graft-nobody-listens"])
def test_where_nobody_listens_nothing_happens(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    notify.ready()
    notify.status("well")
    notify.watchdog()
    notify.stopping()


def test_a_manager_that_reads_nothing_does_not_stop_the_work(
    service_manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "_TIMEOUT", 0.001)
    service_manager.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    for _ in range(600):  # more than the socket's queue holds
        notify.status("x" * 100)
    assert 0 < len(received(service_manager)) < 600
