"""Boards that somebody else deploys to as well, or that are full, damaged or oddly named."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from graft_host.deploy.errors import DeployError
from graft_host.deploy.lock import locked
from graft_host.deploy.probe import look
from graft_host.deploy.ssh import SshOptions, connected
from graft_host.deploy.target import parse_target
from tests.conftest import error_line
from tests.deploy.test_deploy import classifies, current, deployed, over, write_model
from tests.support.device_models import picture
from tests.support.remote.board import HOME, Spec
from tests.support.remote.kit import begin, deploy
from tests.support.remote.park import STORE, Park
from tests.support.remote.proxy import cable

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two that have little in common."""
    folder = tmp_path_factory.mktemp("models")
    return [write_model(folder / "first.tflite"), write_model(folder / "other.tflite", head=0.9, backbone=1)]


def test_two_at_once(park: Park, models: list[Path]) -> None:
    board = park.start("popular", kit=True)
    deployed(models[0], board)
    with cable(board.port) as line:
        line.rate = 5e4  # until the other deployment waits for this one
        first = begin(models[1], over(line, board, park), "--json")
        while not list(board.at(f"{STORE}/incoming").glob("*/.*")):
            assert first.poll() is None, first.communicate()
        second = begin(models[1], board, "--json")
        assert second.stderr is not None
        assert any("waiting for another deployment to it" in note for note in iter(second.stderr.readline, ""))
        line.rate = None
        (said, errors), (said_later, errors_later) = (each.communicate(timeout=300) for each in (first, second))
    assert first.returncode == 0, errors
    assert json.loads(said)["changed"] is True
    assert second.returncode == 0, errors_later
    assert json.loads(said_later)["changed"] is False
    assert current(board) == models[1].read_bytes()


def test_one_at_a_time_and_no_longer_than_it_lives(park: Park) -> None:
    board = park.start("locked", kit=True)
    noted: list[str] = []
    with connected(parse_target(board.address), SshOptions(board.config)) as connection:
        facts = look(connection, None, "0" * 16, None)
        python = facts.pythons[0].path
        with locked(connection, facts, python, noted.append) as waited:
            assert (waited, noted) == (False, [])
            busy = pytest.raises(DeployError, match="another deployment to it is in progress; try again later")
            with busy as caught, locked(connection, facts, python, noted.append, wait=0):
                pass
            assert caught.value.exit_status == 7
            assert noted == ["pi@locked: waiting for another deployment to it"]
        with locked(connection, facts, python, noted.append) as waited:
            assert waited is False


def test_a_kit_that_was_damaged_is_mended(park: Park, models: list[Path]) -> None:
    board = park.start("moth-eaten", kit=True)
    deployed(models[0], board)
    package = board.at(f"{STORE}/venv/lib/python3.11/site-packages/graft_device")
    (package / "cli.py").unlink()
    assert "will       install graftkit" in deploy(models[0], board, "--dry-run").stderr
    shutil.rmtree(package)
    assert deployed(models[0], board)["will"] == {"kit": True, "model": False, "restart": None}
    assert classifies(board)
    assert len(list(board.at(f"{STORE}/kits").iterdir())) == 1
    assert deployed(models[0], board)["changed"] is False


@pytest.mark.parametrize("mute", [False, True])
def test_a_disk_that_fills_up_while_the_model_is_sent(park: Park, models: list[Path], mute: bool) -> None:
    """As if something else took the room then, but for two megabytes."""
    flag, rest = f"{HOME}/fill", f"{HOME}/rest"
    fill = f'[ "$1" = --server ] && [ -e {flag} ] && {{ cat /dev/zero >{rest}; truncate -s -2M {rest}; }} 2>/dev/null'
    fill += " && exit 11" if mute else ""  # the reason is lost if rsync ends before it has read it
    spec = Spec(room_mb=500, programs={"rsync": f'#!/bin/sh\n{fill}\nexec /usr/bin/rsync "$@"\n'})
    board = park.start("mute" if mute else "brimful", spec, kit=True)
    deployed(models[0], board)
    board.at(flag).touch()
    line = error_line(deploy(models[1], board), 6)
    assert "cannot write there (" in line
    assert line.endswith("); make room there")
    assert "No space left on device" in line
    board.at(flag).unlink()
    # What came goes, so that what there was is free still.
    assert not list(board.at(f"{STORE}/incoming").iterdir())
    assert "2 MB are free" in error_line(deploy(models[1], board), 6)
    assert current(board) == models[0].read_bytes()
    board.at(rest).unlink()
    assert classifies(board)
    deployed(models[1], board)
    assert current(board) == models[1].read_bytes()


def test_what_earlier_attempts_left_goes(park: Park, models: list[Path]) -> None:
    board = park.start("cluttered", kit=True)
    incoming = board.at(f"{STORE}/incoming")
    for name in ("kit-0123456789ab", "ab" * 8, "by-hand"):
        board.run(f"mkdir -p {STORE}/incoming/{name}/.partial && truncate -s 2M {STORE}/incoming/{name}/.partial/file")
    deployed(models[0], board)
    assert [path.name for path in incoming.iterdir()] == ["by-hand"]


def test_a_store_whose_name_has_blanks_and_signs(park: Park, models: list[Path]) -> None:
    board, store = park.start("quaint"), f"{HOME}/my store #1 100%"
    done = deployed(models[0], board, "--store", store)
    assert done["will"] == {"kit": True, "model": True, "restart": None}
    picture("red").save(board.home / "red.png")
    program = shlex.quote(f"{store}/venv/bin/graft-device")
    said = board.run(f"{program} classify {shlex.quote(store)} red.png --json").stdout
    assert json.loads(said)["predictions"][0]["label"] == "red"
    assert deployed(models[0], board, "--store", store)["changed"] is False
