"""Boards whose own settings could decide over a deployment: of pip, Python, the session, the shell and sshd."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.utils import parse_wheel_filename

from graft_host.deploy.options import EXTRAS
from tests.conftest import error_line, graft
from tests.deploy.test_deploy import NO_RSYNC, classifies, current, write_model
from tests.support.device_models import write_artifact
from tests.support.fleets import wheels_for
from tests.support.remote.board import HOME, Board, Spec
from tests.support.remote.kit import deploy
from tests.support.remote.park import STORE, Park
from tests.support.stores import write_unknown_to_runtimes

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

ELSEWHERE = f"{HOME}/elsewhere"
PIP_CONF = """\
[global]
no-binary = :all:
require-hashes = true
break-system-packages = true
log = /nowhere/pip.log
timeout = soon
[install]
{where}
"""
PLACES = [f"target = {ELSEWHERE}", f"prefix = {ELSEWHERE}", "user = true"]
SESSION = {
    "PIP_TARGET": ELSEWHERE,
    "PIP_REQUIRE_HASHES": "1",
    "PIP_CONFIG_FILE": f"{HOME}/.pip.conf",
    "PYTHONPATH": f"{HOME}/modules",
    "PYTHONHOME": "/nowhere",
    "PYTHONSTARTUP": "/nowhere",
    "PYTHONUSERBASE": ELSEWHERE,
    "LD_LIBRARY_PATH": f"{HOME}/modules",
    "TMPDIR": "/nowhere",
    "LC_ALL": "de_DE.UTF-8",
    "LANGUAGE": "de",
}
MODULES = {
    f"{HOME}/modules/{name}.py": "raise RuntimeError('not ours')\n" for name in ("numpy", "pip", "sitecustomize")
}
NOISE = "umask 077\necho welcome home\nprintf 'no line end'\necho mind the gap >&2\ntrap 'echo bye' EXIT\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("models") / "colours.tflite")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two heads on one backbone, large enough for rsync to send only the difference."""
    folder = tmp_path_factory.mktemp("models")
    return [write_model(folder / "first.tflite"), write_model(folder / "second.tflite", head=1.2)]


def is_whole(board: Board) -> bool:
    """Whether the board has a kit that works, and nothing that it needs is anywhere else."""
    assert not board.at(ELSEWHERE).exists()
    assert not board.at(f"{HOME}/.local/lib").exists()
    packages = [path.name for path in board.at(f"{STORE}/venv/lib/python3.11/site-packages").iterdir()]
    assert {"graft_device", "ai_edge_litert", "numpy", "PIL", "starlette", "paho"} <= set(packages)
    return classifies(board)


@pytest.mark.parametrize("where", PLACES, ids=["target", "prefix", "user"])
def test_pip_installs_into_the_kit_whatever_its_settings(where: str, model: Path, park: Park) -> None:
    name = f"pip-{where.split(maxsplit=1)[0]}"
    board = park.start(name, Spec(files={"/etc/pip.conf": PIP_CONF.format(where=where)}))
    done = deploy(model, board, "--json")
    assert done.returncode == 0, done.stderr
    assert is_whole(board)


def test_a_session_with_variables_for_python_and_pip(model: Path, park: Park) -> None:
    """The programs of the kit are immune to them, too: ``classifies`` runs one in such a session."""
    spec = Spec(environment=SESSION, files={**MODULES, f"{HOME}/.pip.conf": "[install]\nno-deps = true\n"})
    board = park.start("headstrong", spec)
    done = deploy(model, board, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["selftest"]["passed"] is True
    assert is_whole(board)
    assert json.loads(deploy(model, board, "--json").stdout)["changed"] is False


@contextlib.contextmanager
def index(wheels: Path, folder: Path) -> Iterator[str]:
    """Serves wheels as a package index on loopback; yields its URL."""
    for path in wheels.glob("*.whl"):
        place = folder / "simple" / parse_wheel_filename(path.name)[0]
        place.mkdir(parents=True, exist_ok=True)
        (place / path.name).symlink_to(path)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple"
        finally:
            server.shutdown()


def test_packages_come_from_where_the_boards_pip_takes_them(model: Path, park: Park, tmp_path: Path) -> None:
    board = park.start("mirrored")
    assert EXTRAS == ("mqtt", "serve")
    with index(wheels_for(board), tmp_path) as url:
        settings = f"[global]\nindex-url = {url}\n{PIP_CONF.format(where=PLACES[0])}"
        board.at("/etc/pip.conf").write_text(
            settings.replace("[global]\nno-binary", "no-binary").replace("timeout = soon", "")
        )
        done = graft("deploy", model, board.address, "-F", board.config, timeout=900)
        assert done.returncode == 0, done.stderr
    assert is_whole(board)


def test_an_index_that_the_boards_pip_may_not_use(model: Path, park: Park) -> None:
    board = park.start("closed", Spec(files={"/etc/pip.conf": "[global]\nno-index = true\n"}))
    line = error_line(graft("deploy", model, board.address, "-F", board.config, timeout=900), 1)
    assert "pip can't install the kit: No matching distribution found for" in line
    assert (
        "pip's settings there forbid its index (no-index): send the wheels from here ('graft deploy --offline'" in line
    )
    assert not board.at(f"{STORE}/venv").exists()
    board.at("/etc/pip.conf").write_text("[global\n")
    line = error_line(graft("deploy", model, board.address, "-F", board.config, timeout=900), 1)
    assert "pip's settings there cannot be read (" in line
    assert "/etc/pip.conf" in line
    assert line.endswith("); correct them, or deploy with --offline")
    assert deploy(model, board).returncode == 0


def shell(name: str) -> str:
    """The path of a shell; skips the test where it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name}: apt-get install {name}")
    return path


@pytest.mark.parametrize("rsync", [True, False], ids=["rsync", "plain"])
@pytest.mark.parametrize("name", ["bash", "fish", "tcsh"])
def test_any_login_shell_that_prints_what_it_likes(name: str, rsync: bool, models: list[Path], park: Park) -> None:
    echo = "umask 077\necho welcome home\nsh -c 'echo mind the gap >&2'\n"
    files = {f"{HOME}/.bashrc": NOISE, f"{HOME}/.config/fish/config.fish": echo, f"{HOME}/.tcshrc": echo}
    hidden = () if rsync else NO_RSYNC.hidden
    board = park.start(f"{name}-{rsync}", Spec(login_shell=shell(name), files=files, hidden=hidden), kit=True)
    board.run("mkdir -p .local/share && chmod 755 .local .local/share")
    for model in models:
        done = deploy(model, board, "--json")
        assert done.returncode == 0, done.stderr
        assert "welcome" not in done.stderr
        assert current(board) == model.read_bytes()
    told = json.loads(done.stdout)
    assert (told["wire_bytes"] < 0.05 * models[1].stat().st_size) is rsync
    # A service of another user can read it.
    assert board.at(f"{STORE}/current/model.tflite").stat().st_mode & 0o777 == 0o644
    done = deploy(model, board, "--store", f'{HOME}/it\'s a "place"! *', "--dry-run")
    assert "no programs can be started in a folder with such a name" in error_line(done, 2)


def test_errors_are_those_of_the_command_and_not_of_the_shell(model: Path, park: Park, tmp_path: Path) -> None:
    board = park.start("chatty", Spec(login_shell=shell("bash"), files={f"{HOME}/.bashrc": NOISE}), kit=True)
    assert deploy(model, board).returncode == 0
    bad = tmp_path / "bad.tflite"
    write_unknown_to_runtimes(bad, model)
    line = error_line(deploy(bad, board), 3)
    assert "it goes on with colours" in line
    assert "gap" not in line
    full = error_line(deploy(model, board, "--store", "/proc/graftkit"), 6)
    assert "pi may not write /proc/graftkit" in full


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (Spec(sshd=["MaxSessions 1"]), "its sshd allows too few sessions in one connection; set MaxSessions to 10 in"),
        (Spec(sshd=["MaxSessions 0"]), "its sshd allows too few sessions in one connection; set MaxSessions to 10 in"),
        (
            Spec(login_shell="/usr/sbin/nologin"),
            "its login shell does not start commands (This account is currently not",
        ),
        (Spec(sshd=["ForceCommand echo keep out"]), "its login shell does not start commands (keep out); check what"),
        (
            Spec(login_shell="/bin/bash", files={f"{HOME}/.bashrc": "exit 3\n"}),
            "(exit status 3 and no output); check what",
        ),
    ],
    ids=["one session", "no session", "no login", "another command", "an exit"],
)
def test_boards_that_start_no_commands(spec: Spec, reason: str, model: Path, park: Park, request: Any) -> None:
    board = park.start(request.node.callspec.id.replace(" ", "-"), spec)
    done = deploy(model, board)
    assert reason in error_line(done, 1)
    assert not [
        name for name in board.tree() if not name.endswith(("/.deploy.lock", "/.bashrc")) and "/share/graftkit/" in name
    ]
