"""Boards that are really there: looked at, trusted, and taken back to an earlier model."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from graft_device.errors import GraftError
from graft_host.deploy.deploy import deploy
from graft_host.deploy.errors import LoginRefusedError, UnhealthyError
from graft_host.deploy.options import DeployOptions
from graft_host.deploy.ssh import SshOptions
from graft_host.deploy.target import parse_target
from graft_host.studio.board_list.boards import BoardList, Look
from graft_host.studio.board_list.choices import WayBack
from graft_host.studio.board_list.going_back import go_back
from graft_host.studio.board_list.looking import look_at
from graft_host.studio.board_list.seen import BoardSeen
from graft_host.studio.project.folder import open_project
from tests.support.device_models import KERNEL, write_artifact
from tests.support.ports import free_port
from tests.support.remote.board import HOME, Board, Spec
from tests.support.remote.kit import WHEELS
from tests.support.remote.park import STORE, Park, needs_nspawn
from tests.support.running import eventually

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=alert(1)>"


def nothing(_text: str) -> None:
    """Takes a note."""


def reach(board: Board) -> SshOptions:
    return SshOptions(board.config, asks=False)


def put(board: Board, *models: Path) -> BoardSeen:
    """Deploys models one after another; returns what a look shows then."""
    for model in models:
        options = DeployOptions(ssh=reach(board), offline=WHEELS / "wheels", settle=0)
        deploy(model, parse_target(board.address), options, nothing)
    return look_at(board.address, reach(board))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [
        write_artifact(folder / "first.tflite"),
        write_artifact(folder / "second.tflite", labels=("red", EVIL, "blue"), kernel=KERNEL * 1.2),
    ]


def test_a_look_shows_a_bare_board_and_changes_nothing_there(park: Park) -> None:
    board = park.start("bare")
    places = (HOME, "/tmp")  # noqa: S108  on the board
    before = [board.tree(place) for place in places]
    seen = look_at(board.address, reach(board))
    assert [board.tree(place) for place in places] == before
    assert (seen.models, seen.running, seen.runs, seen.facts.kit) == ((), None, None, None)
    doctor = {line.name: line for line in seen.doctor}
    assert {"board", "system", "memory", "python", "camera", "heat"} <= doctor.keys()
    assert doctor["python"].text.startswith("3.11")
    assert not [line for line in seen.doctor if line.state == "problem"]


def test_what_runs_there_and_the_way_back(park: Park, models: list[Path]) -> None:
    board = park.start("kitchen", kit=True)
    seen = put(board, *models)
    assert seen.current is not None
    assert seen.previous is not None
    assert (seen.current.name, seen.previous.name, seen.runs) == ("second", "first", True)
    assert seen.running is not None
    assert seen.running.labels == ("red", EVIL, "blue")
    assert {line.name: line.state for line in seen.doctor}["litert"] == "ok"

    chosen = WayBack(board.address, STORE, seen.previous.id)
    current = board.at(f"{STORE}/current/model.tflite")

    def interrupt(stage: str) -> None:
        if stage == "service":
            assert current.read_bytes() == models[0].read_bytes()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go_back(chosen, reach(board), nothing, interrupt)
    assert current.read_bytes() == models[1].read_bytes()

    done = go_back(chosen, reach(board), nothing, nothing)
    assert (done.before, done.now, done.changed, done.health) == ("second", "first", True, None)
    again = go_back(chosen, reach(board), nothing, nothing)
    assert (again.now, again.changed) == ("first", False)
    assert current.read_bytes() == models[0].read_bytes()
    with pytest.raises(GraftError, match=r"kitchen"):
        go_back(WayBack(board.address, STORE, "0" * 16), reach(board), nothing, nothing)
    assert current.read_bytes() == models[0].read_bytes()

    board.at(f"{STORE}/venv/lib/python3.11/site-packages/graft_device/cli.py").unlink()
    damaged = look_at(board.address, reach(board))
    assert damaged.facts.kit is not None
    assert (damaged.facts.kit.works, damaged.runs, damaged.running) == (False, None, None)
    assert [(model.name, model.state) for model in damaged.models] == [("first", "current")]
    with pytest.raises(GraftError, match="nothing to go back from"):
        go_back(chosen, reach(board), nothing, nothing)


def test_a_key_is_trusted_only_when_a_person_says_so(
    park: Park, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = park.start("new")
    known = tmp_path / "known_hosts"
    known.write_text("elsewhere ssh-ed25519 AAAA")  # without a line break at its end
    text = board.config.read_text().replace(str(board.config.with_name("known_hosts")), str(known))
    config = tmp_path / "config"
    config.write_text(text.replace("StrictHostKeyChecking yes", "StrictHostKeyChecking ask"))
    monkeypatch.setenv("GRAFT_SSH_CONFIG", str(config))
    boards = BoardList(open_project(tmp_path / "pets"))

    def looked() -> Look:
        boards.look("new")
        eventually(lambda: not boards.last_look("new").busy)
        return boards.last_look("new")

    first = looked()
    assert (first.trouble, first.seen) == ("unknown_key", None)
    assert known.read_text() == "elsewhere ssh-ed25519 AAAA"
    assert first.key is not None
    command = ["ssh-keygen", "-lf", str(board.host_key.with_suffix(".pub"))]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert first.key.fingerprint == shown.split()[1]
    boards.trust("new", first.key)
    eventually(lambda: not boards.last_look("new").busy)
    assert boards.last_look("new").seen is not None
    assert known.read_text().splitlines()[0] == "elsewhere ssh-ed25519 AAAA"

    stranger = text.replace(str(park.keys.ours), str(park.keys.strangers))
    config.write_text(stranger)
    refused = looked()
    assert (refused.trouble, refused.seen is not None) == ("login", True)
    with pytest.raises(LoginRefusedError, match="ssh-copy-id new"):
        look_at("new", SshOptions(config, asks=False))


@needs_nspawn
@pytest.mark.skipif(shutil.which("sudo") is None, reason="no sudo: apt-get install sudo")
def test_a_service_that_is_unhealthy_with_the_earlier_model_goes_on_with_the_later(
    park: Park, models: list[Path]
) -> None:
    board = park.start("office", Spec(systemd=True), kit=True)
    board.at("/etc/sudoers").write_text("pi ALL=(ALL) NOPASSWD: ALL\n")
    command = f"{STORE}/venv/bin/graft-device serve {STORE} --port {free_port()}"
    unit = board.at("/etc/systemd/system/answer.service")
    text = f"[Service]\nType=notify\nUser=pi\nExecStart={command}\n"
    unit.write_text(text)
    board.run("systemctl daemon-reload; ! systemctl start answer", user="root")
    seen = put(board, *models)
    assert [(one.name, one.active) for one in seen.facts.units] == [("answer.service", "active")]
    assert seen.previous is not None
    chosen = WayBack(board.address, STORE, seen.previous.id)
    current = board.at(f"{STORE}/current/model.tflite")

    unit.write_text(f"{text}ExecStartPre=/bin/sh -c '! grep first {STORE}/current/slot.json'\n")
    board.run("systemctl daemon-reload", user="root")
    with pytest.raises(UnhealthyError, match=r"answer.service is unhealthy with first .*; second is back"):
        go_back(chosen, reach(board), nothing, nothing)
    assert current.read_bytes() == models[1].read_bytes()
    assert look_at(board.address, reach(board)).facts.units[0].active == "active"

    unit.write_text(text)
    board.run("systemctl daemon-reload", user="root")
    done = go_back(chosen, reach(board), nothing, nothing)
    assert done.health is not None
    assert (done.now, done.health.healthy) == ("first", True)
    assert current.read_bytes() == models[0].read_bytes()
