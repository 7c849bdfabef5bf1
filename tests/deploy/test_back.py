"""The way back: where a service fails, a deployment is interrupted, or its connection is lost while it restarts."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import error_line
from tests.support.device_models import KERNEL, write_artifact
from tests.support.remote.board import Board, Spec, free_port, write_config
from tests.support.remote.kit import begin, deploy
from tests.support.remote.park import STORE, Park, needs_nspawn
from tests.support.remote.proxy import cable

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, needs_nspawn]
UNIT = "eye.service"
BAD = "colours-3"
BACK = "is unhealthy with colours-3.tflite (it does not start); colours-0 is back, and the service runs again"
PATIENCE_S = 300
HOLD = "/run/hold"
"""While this file exists on the board, the start of the last model goes on."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The last does not start on the board, although it passes its self-test."""
    folder = tmp_path_factory.mktemp("models")
    names = ("colours-0", "colours-1", BAD)
    return [
        write_artifact(folder / f"{name}.tflite", kernel=KERNEL * (1 + number / 10))
        for number, name in enumerate(names)
    ]


@pytest.fixture(scope="module")
def shed(park: Park, models: list[Path]) -> Board:
    """A board that serves the first model."""
    board = park.start("shed", Spec(systemd=True), kit=True)
    put(board, models[0])
    command = f"{STORE}/venv/bin/graft-device serve {STORE} --port {free_port()}"
    hold = f"while test -e {HOLD}; do sleep 0.1; done"
    check = f"/bin/sh -c 'grep -q {BAD} {STORE}/current/slot.json || exit 0; {hold}; exit 1'"
    text = f"[Service]\nType=notify\nExecStartPre={check}\nExecStart={command}\n[Install]\nWantedBy=board.target\n"
    board.at(f"/etc/systemd/system/{UNIT}").write_text(text)
    board.run(f"systemctl daemon-reload && systemctl enable --now {UNIT}", user="root")
    return board


@pytest.fixture
def board(shed: Board, models: list[Path]) -> Board:
    put(shed, models[0])
    assert current(shed) == "colours-0"
    assert state(shed) == "active"
    return shed


def put(board: Board, model: Path, *args: object) -> subprocess.CompletedProcess[str]:
    done = attempt(board, model, *args)
    assert done.returncode == 0, done.stderr
    return done


def attempt(board: Board, model: Path, *args: object) -> subprocess.CompletedProcess[str]:
    return deploy(model, board, "--store", STORE, "--settle", 0, *args, address=f"root@{board.name}")


@contextlib.contextmanager
def begun(board: Board, model: Path) -> Iterator[subprocess.Popen[str]]:
    """A deployment that has come to where the service starts; in the block, the service is still starting."""
    board.at(HOLD).touch()
    process = begin(model, board, "--store", STORE, "--settle", 0, address=f"root@{board.name}")
    until = time.monotonic() + PATIENCE_S
    while state(board) != "activating":
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
    try:
        yield process
    finally:
        board.at(HOLD).unlink()


def state(board: Board) -> str:
    return board.run(f"systemctl show -P ActiveState {UNIT}", user="root").stdout.strip()


def current(board: Board) -> str:
    line = board.run(f"cat {STORE}/current/slot.json", user="root").stdout
    return line.partition('"name": "')[2].partition('"')[0]


def test_ctrl_c_while_the_service_is_restarted(board: Board, models: list[Path]) -> None:
    with begun(board, models[2]) as process:
        os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, said
    assert "interrupted: putting back what ran before" in said
    assert "colours-0 is back" in said
    assert (current(board), state(board)) == ("colours-0", "active")


def test_the_next_deployment_mends_what_one_that_was_killed_left(board: Board, models: list[Path]) -> None:
    with begun(board, models[2]) as process:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert current(board) == BAD
    assert BACK in error_line(attempt(board, models[2]), 12)
    assert (current(board), state(board)) == ("colours-0", "active")


def test_a_cable_cut_while_the_service_is_restarted(
    board: Board, models: list[Path], tmp_path: Path, park: Park
) -> None:
    with cable(board.port) as line:
        config = write_config(tmp_path, board.name, line.port, park.keys.ours, board.host_key)
        with begun(dataclasses.replace(board, config=config), models[2]) as process:
            line.cut()
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 10, said
    assert f"the connection was lost while {UNIT} was restarted with colours-3.tflite; deploy again to check" in said
    assert BACK in error_line(attempt(board, models[2]), 12)
    assert (current(board), state(board)) == ("colours-0", "active")


def test_what_ran_comes_back_though_the_board_demands_signatures_since(
    board: Board, models: list[Path], tmp_path: Path, park: Park
) -> None:
    signed, key, signers = tmp_path / f"{BAD}.tflite", park.keys.ours, board.at(f"{STORE}/allowed_signers")
    signed.write_bytes(models[2].read_bytes())
    sign = ["ssh-keygen", "-Y", "sign", "-q", "-n", "graftkit", "-f", str(key)]
    subprocess.run([*sign, signed], check=True, capture_output=True)
    signers.write_text(f'graft@here namespaces="graftkit" {key.with_suffix(".pub").read_text()}')
    try:
        assert BACK in error_line(attempt(board, signed), 12)
    finally:
        signers.unlink()
    assert (current(board), state(board)) == ("colours-0", "active")


def test_a_service_that_was_stopped_stays_so(board: Board, models: list[Path]) -> None:
    board.run(f"systemctl disable --now {UNIT}", user="root")
    done = put(board, models[1])
    assert f"leave {UNIT} stopped, as it is" in done.stderr
    assert f"service    {UNIT} is inactive, as it was before" in done.stdout
    assert (current(board), state(board)) == ("colours-1", "inactive")
    board.run(f"systemctl enable --now {UNIT}", user="root")
