"""A whole deployment to a bare board with systemd: what runs there is served, replaced, and put back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import error_line
from tests.support.device_models import KERNEL, picture, write_artifact
from tests.support.remote.board import HOME, Board, Spec, free_port
from tests.support.remote.kit import deploy
from tests.support.remote.park import STORE as PI_STORE
from tests.support.remote.park import Park, needs_nspawn
from tests.support.running import eventually

pytestmark = [pytest.mark.slow, needs_nspawn]
STORE = "/var/lib/graftkit"
UNIT = "graft-serve-graftkit.service"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    kernels = [KERNEL * (1 + number / 10) for number in range(4)]
    return [write_artifact(folder / f"colours-{number}.tflite", kernel=each) for number, each in enumerate(kernels)]


def serve(board: Board) -> int:
    """Makes the board's store a service, as its owner would; returns the port."""
    port = free_port()
    device = f"{STORE}/venv/bin/graft-device"
    lines = [
        f"cd /tmp && {device} service {STORE} --name {UNIT.removesuffix('.service')} -- serve --port {port}",
        f"install -m 644 {UNIT} /etc/systemd/system/",
        # One model does not start here, although it passes its self-test.
        f"mkdir /etc/systemd/system/{UNIT}.d && cat >/etc/systemd/system/{UNIT}.d/strict.conf <<'END'",
        "[Service]",
        f"ExecStartPre=/bin/sh -c '! grep colours-3 {STORE}/current/slot.json'",
        "END",
        f"systemctl daemon-reload && systemctl enable --now {UNIT}",
    ]
    board.run("\n".join(lines), user="root")
    return port


def look(board: Board, port: int) -> tuple[str, float]:
    """What the board's server says of red, which is the model's own, and when its unit was started."""
    picture("red").save(board.home / "red.png")
    command = f"curl -sS --fail --data-binary @{HOME}/red.png -H 'Content-Type: image/png' http://127.0.0.1:{port}/v1/classify"
    answer = json.loads(board.run(command, user="root").stdout)
    started = board.run(f"systemctl show -P ActiveEnterTimestampMonotonic {UNIT}", user="root").stdout
    return f"{answer['predictions'][0]['score']:.2f}", float(started)


def test_the_life_of_a_board(park: Park, models: list[Path]) -> None:
    board = park.start("shed", Spec(systemd=True))

    def put(number: int, *args: object) -> Any:
        done = deploy(models[number], board, "--json", "--settle", 1, *args, address="root@shed")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    first = put(0)
    assert (first["store"], first["before"], first["after"]["name"]) == (STORE, None, "colours-0")
    assert first["will"] == {"kit": True, "model": True, "restart": None}
    assert first["selftest"]["passed"] is True

    port = serve(board)
    served, started = look(board, port)
    second = put(1)
    assert (second["before"]["name"], second["after"]["name"]) == ("colours-0", "colours-1")
    assert second["will"] == {"kit": False, "model": True, "restart": UNIT}
    assert second["service"] == {"unit": UNIT, "state": "active"}
    served_then, started_then = look(board, port)
    assert (served_then != served, started_then > started) == (True, True)

    again = put(1)
    assert (again["changed"], again["will"]) == (False, {"kit": False, "model": False, "restart": None})
    assert look(board, port) == (served_then, started_then)

    # What somebody switched by hand without a restart is not what is served.
    board.run(f"sleep 1; {STORE}/venv/bin/graft-device rollback", user="root")
    assert look(board, port) == (served_then, started_then)
    by_hand = put(0)
    assert by_hand["will"] == {"kit": False, "model": False, "restart": UNIT}
    assert look(board, port)[0] == served

    failed = deploy(models[3], board, "--settle", 1, address="root@shed")
    line = error_line(failed, 12)
    assert "colours-0 is back, and the service runs again" in line
    assert UNIT in line
    assert look(board, port)[0] == served
    assert put(0)["changed"] is False


@pytest.mark.skipif(shutil.which("sudo") is None, reason="no sudo: apt-get install sudo")
def test_a_user_who_may_restart_it_and_one_who_may_not(park: Park, models: list[Path]) -> None:
    board = park.start("office", Spec(systemd=True), kit=True)
    unit = board.at("/etc/systemd/system/answer.service")
    command = f"{PI_STORE}/venv/bin/graft-device serve {PI_STORE} --port {free_port()}"
    unit.write_text(f"[Service]\nType=notify\nUser=pi\nExecStart={command}\n")
    # It has no model yet, and so fails; one that was never started would be left so.
    board.run("systemctl daemon-reload; ! systemctl start answer", user="root")
    before = board.tree()
    line = error_line(deploy(models[0], board))
    assert "pi may not restart answer.service; allow pi to use sudo without a password" in line
    assert board.tree() == before
    board.at("/etc/sudoers").write_text("pi ALL=(ALL) NOPASSWD: ALL\n")
    done = deploy(models[0], board, "--settle", 0)
    assert done.returncode == 0, done.stderr
    assert "service    answer.service is active" in done.stdout


BOARD_FILE = """\
[[model]]
name = "colours"
file = "colours.tflite"

[[source]]
place = "/srv/{colour}"
existing = true

[uncertain]
folder = "uncertain"
below = 1
"""


def test_a_file_as_a_service_reads_writes_and_reloads_in_its_sandbox(park: Park, models: list[Path]) -> None:
    """It reads /etc/graft and /srv, writes below /var/lib, and reads its file again without a restart."""
    board = park.start("porch", Spec(systemd=True), kit=True)
    device, graft = f"{PI_STORE}/venv/bin/graft-device", board.at("/etc/graft")
    graft.mkdir()
    shutil.copy(models[0], graft / "colours.tflite")
    for colour in ("red", "blue"):
        board.at(f"/srv/{colour}").mkdir()
        picture(colour).save(board.at(f"/srv/{colour}/{colour}.png"))
    (graft / "board.toml").write_text(BOARD_FILE.format(colour="red"))
    lines = [
        f"cd /root && {device} config check /etc/graft/board.toml",
        f"{device} service --name porch -- run --config /etc/graft/board.toml",
        "install -m 644 porch.service /etc/systemd/system/",
        "systemctl daemon-reload && systemctl enable --now porch",
    ]
    board.run(" && ".join(lines), user="root")

    def kept(colour: str) -> bool:
        return any(board.at("/var/lib/private/porch/uncertain").glob(f"{colour}/*"))

    def pid() -> str:
        return board.run("systemctl is-active --quiet porch && systemctl show -P MainPID porch", user="root").stdout

    eventually(lambda: kept("red"))
    first = pid()
    (graft / "board.toml").write_text(BOARD_FILE.format(colour="blue").replace("existing", "exiting"))
    board.run("systemctl reload porch", user="root")
    assert (pid(), kept("blue")) == (first, False)
    (graft / "board.toml").write_text(BOARD_FILE.format(colour="blue"))
    board.run("systemctl reload porch", user="root")
    eventually(lambda: kept("blue"))
    assert pid() == first


def test_units_that_are_not_there(park: Park, models: list[Path]) -> None:
    """Where nothing is installed, this is asked for before anything is sent."""
    board = park.start("bare", Spec(systemd=True))
    done = deploy(models[0], board, "--service", "graft-serve-x", address="root@bare")
    assert "there is no unit graft-serve-x" in error_line(done)
    assert not board.at(STORE).exists()
