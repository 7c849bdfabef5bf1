"""What can be wrong with a board: one line that says what to do, and nothing changed there."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from graft_host.deploy.environment import install_kit, plan_kit
from graft_host.deploy.errors import DeployError
from graft_host.deploy.kit import build_wheel
from graft_host.deploy.options import EXTRAS
from graft_host.deploy.probe import look
from graft_host.deploy.requirements import find_needs
from graft_host.deploy.ssh import SshOptions, connected
from graft_host.deploy.target import parse_target
from tests.conftest import error_line, graft
from tests.support.device_models import write_artifact
from tests.support.remote.board import Board, Spec, write_config
from tests.support.remote.kit import WHEELS, deploy
from tests.support.remote.park import STORE, Park

PYTHONS = ("/usr/bin/python3", "/usr/bin/python3.11")
OLD_PYTHON = "/opt/old"


@pytest.fixture(scope="module")
def board(park: Park) -> Board:
    """One that has nothing, and on which nothing is to be done."""
    return park.start("bare")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("models") / "colours.tflite")


def refused(model: Path, board: Board, status: int, *args: object, address: str | None = None) -> str:
    """The line of a deployment that fails, and leaves nothing on the board."""
    before = board.tree()
    line = error_line(deploy(model, board, *args, address=address), status)
    assert board.tree() == before
    return line


def test_no_such_model(board: Board, tmp_path: Path) -> None:
    assert "cannot read model" in refused(tmp_path / "none.tflite", board, 1)


def test_no_such_board(model: Path, board: Board) -> None:
    assert "is not a board's address; write [user@]host" in refused(model, board, 2, address="pi@bare:/srv")
    assert "there is no such name in the network" in refused(model, board, 10, address="pi@none.invalid")


def test_a_host_key_that_changed(model: Path, board: Board, park: Park, tmp_path: Path) -> None:
    config = write_config(tmp_path, board.name, board.port, park.keys.ours, park.keys.strangers)
    line = refused(model, board, 10, "-F", config)
    assert "its host key has changed; if it was set up again, forget the old key with: ssh-keygen " in line
    assert f'-R "[127.0.0.1]:{board.port}"' in line


def test_a_host_key_that_is_not_known(model: Path, board: Board, park: Park, tmp_path: Path) -> None:
    config = write_config(tmp_path, board.name, board.port, park.keys.ours, board.host_key)
    (tmp_path / "known_hosts").write_text("")
    line = refused(model, board, 10, "-F", config)
    assert line.endswith("its host key is not known here yet; run ssh pi@bare once, and compare the key")


def test_no_permission_to_log_in(model: Path, board: Board, park: Park, tmp_path: Path) -> None:
    config = write_config(tmp_path, board.name, board.port, park.keys.strangers, board.host_key)
    line = refused(model, board, 10, "-F", config)
    assert "it refuses the login (" in line
    assert line.endswith("copy your key there with: ssh-copy-id pi@bare")


def test_nothing_listens(model: Path, board: Board, park: Park, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        config = write_config(tmp_path, board.name, taken.getsockname()[1], park.keys.ours, board.host_key)
        assert "nothing listens there (connection refused)" in refused(model, board, 10, "-F", config)


def test_nobody_answers(model: Path, board: Board, park: Park, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = write_config(tmp_path, board.name, silent.getsockname()[1], park.keys.ours, board.host_key)
        line = refused(model, board, 10, "-F", config, "-o", "ConnectTimeout=1")
    assert "it does not answer" in line


def test_no_permission_to_write(model: Path, board: Board) -> None:
    line = refused(model, board, 6, "--store", "/srv/graftkit")
    assert "pi may not write /srv/graftkit; choose another folder with --store, or deploy as its owner" in line


def test_a_file_system_that_is_read_only(model: Path, park: Park) -> None:
    board = park.start("sealed", Spec(read_only=True))
    line = refused(model, board, 6)
    assert f"{STORE} is on a file system that is mounted read-only" in line


def test_a_disk_that_is_full(model: Path, park: Park) -> None:
    board = park.start("full", Spec(room_mb=20))
    assert "21 MB are free" in refused(model, board, 6)


def test_a_disk_that_fills_up_on_the_way(park: Park) -> None:
    """As if something else on the board had taken the room after we looked."""
    board = park.start("filling", Spec(room_mb=100))
    wheel = build_wheel(EXTRAS)
    with connected(parse_target(board.address), SshOptions(board.config)) as connection:
        facts = look(connection, None, "0" * 16, None)
        kit = plan_kit(wheel, find_needs("filling", facts), EXTRAS, WHEELS / "wheels")
        advised = "No space left on device; make room there, or name another folder with --store"
        with pytest.raises(DeployError, match=advised) as caught:
            install_kit(connection, facts, kit)
    assert caught.value.exit_status == 6
    assert not list(board.at(f"{STORE}/incoming").iterdir())
    assert not list(board.at(f"{STORE}/kits").iterdir())
    assert not board.at(f"{STORE}/venv").exists()


def test_no_python(model: Path, park: Park) -> None:
    board = park.start("snakeless", Spec(hidden=PYTHONS))
    assert "there is no Python; install 3.9 or later there" in refused(model, board, 11)


def test_a_python_that_is_too_old(model: Path, park: Park) -> None:
    found = sorted(Path.home().glob(".pyenv/versions/3.[5-8].*/bin/python3"))
    if not found:
        pytest.skip("no Python older than 3.9 here")
    program = f'#!/bin/sh\nLD_LIBRARY_PATH={OLD_PYTHON}/lib exec {OLD_PYTHON}/bin/python3 "$@"\n'
    spec = Spec(hidden=PYTHONS, shown={OLD_PYTHON: found[-1].parents[1]}, programs={"python3": program})
    line = refused(model, park.start("old", spec), 11)
    assert f"it has Python {found[-1].parents[1].name}, and 3.9 or later is needed" in line


def test_a_python_without_venv(model: Path, park: Park) -> None:
    board = park.start("without", Spec(hidden=("/usr/lib/python3.11/ensurepip",)))
    assert refused(model, board, 11).endswith(
        "cannot make virtual environments; run there: sudo apt install python3-venv"
    )


def test_ssh_is_asked_nothing_of_the_users_own_that_gets_in_the_way(model: Path, board: Board, tmp_path: Path) -> None:
    """A configuration for people: with a command, a terminal, a connection shared with others, and few words."""
    lines = "  RemoteCommand tmux\n  RequestTTY force\n  ControlMaster auto\n  ControlPath none\n  LocalForward 1 a:1\n"
    config = tmp_path / "config"
    config.write_text(board.config.read_text().replace("LogLevel INFO", "LogLevel QUIET") + lines)
    done = deploy(model, board, "--dry-run", "-F", config)
    assert done.returncode == 0, done.stderr
    assert "install colours.tflite" in done.stderr


def test_no_heavy_import(model: Path) -> None:
    program = (
        "import sys; sys.argv[1:] = ['deploy', sys.argv[1], 'pi@none.invalid']\n"
        "from graft_host.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, sorted({'tensorflow', 'numpy', 'PIL'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, model], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["10", "[]"], done


def test_the_help_names_the_exit_codes() -> None:
    text = " ".join(graft("deploy", "--help").stdout.split())
    assert (
        "3 to 9 as for 'graft-device install', 10 the board can't be reached, 11 graftkit can't run there, 12" in text
    )
