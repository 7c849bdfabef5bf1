"""Fleets of test boards, on which Ansible is run as a person would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from graft_device.runtime_packages import requirements, this_machine
from graft_host.deploy import wheels
from graft_host.deploy.fleets.fleet import ansible_folder
from graft_host.deploy.kit import build_wheel
from graft_host.deploy.options import EXTRAS
from tests.support.remote.board import UID, free_port
from tests.support.remote.kit import WHEELS
from tests.support.remote.park import STORE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.remote.board import Board
    from tests.support.remote.park import Park

PROGRAM = f"{STORE}/venv/bin/graft-device"
ROOT_STORE = "/var/lib/graftkit"
UNIT = "graft-serve-fleet"
BROKEN = "/run/broken"
_INTERPRETER = f"{STORE}/venv/lib/python3.11/site-packages/ai_edge_litert/interpreter.py"
_WRONG = """
_right = Interpreter.get_tensor
Interpreter.get_tensor = lambda self, index: _right(self, index)[:, ::-1]
"""


@dataclass(frozen=True)
class Played:
    """The result of a run of ``ansible-playbook``: its status, its output, and the summary that it wrote."""

    status: int
    output: str
    summary: dict[str, Any]

    def recap(self, name: str) -> dict[str, int]:
        """The counts for a board in Ansible's recap."""
        found = re.search(rf"^{name} +: (.+)$", self.output, re.MULTILINE)
        assert found, self.output
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", found[1])}

    @property
    def text(self) -> str:
        """The output on one line, since Ansible wraps long lines."""
        return " ".join(self.output.split())

    @property
    def states(self) -> dict[str, str]:
        """The outcome of each board."""
        return {each["board"]: each["state"] for each in self.summary["boards"]}

    def board(self, name: str) -> dict[str, Any]:
        [found] = [each for each in self.summary["boards"] if each["board"] == name]
        return dict(found)


@dataclass(frozen=True)
class Fleet:
    """Boards of a park, and their inventory."""

    park: Park
    folder: Path

    def board(self, name: str) -> Board:
        return self.park.boards[name]

    def inventory(
        self, names: Sequence[str], more: Mapping[str, Mapping[str, Any]] | None = None, **group: Any
    ) -> Path:
        """Writes an inventory.

        Args:
            names: the boards' names, in order.
            more: further hosts with their variables.
            group: variables of all hosts.
        """
        common = {
            "ansible_user": "pi",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": f"-F {self.park.config}",
            "graftkit_settle": 0,
            **group,
        }
        hosts = {**{name: {} for name in names}, **(more or {})}
        path = self.folder / "fleet.json"  # YAML holds JSON
        path.write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}))
        return path

    def play(self, playbook: str | Path, inventory: Path, *args: str, **variables: Any) -> Played:
        """Runs a playbook; one of graftkit's is given by its name."""
        summary = self.folder / "summary.json"
        summary.unlink(missing_ok=True)
        variables = {"graftkit_summary_file": str(summary), **variables}
        playbook = str(ansible_folder() / playbook)
        command = ["ansible-playbook", "-i", str(inventory), *args, "-e", json.dumps(variables), playbook]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300, check=False)
        found = json.loads(summary.read_text()) if summary.is_file() else {}
        return Played(done.returncode, done.stdout + done.stderr, found)

    def current(self, name: str) -> str:
        """The id of the model that a board runs."""
        return current(self.board(name))

    def install(self, name: str, model: Path) -> None:
        """Installs a model without Ansible."""
        self.board(name).at(f"/tmp/{model.name}").write_bytes(model.read_bytes())  # noqa: S108  the board's own
        self.board(name).run(f"{PROGRAM} install /tmp/{model.name}")

    def reset(self, names: Sequence[str], model: Path) -> None:
        """Makes one model the only one on some boards."""
        saved = self.folder / "saved"
        for name in names:
            store = self.board(name).at(STORE)
            subprocess.run(["rm", "-rf", *_models(store)], check=True)
            if not saved.exists():
                self.install(name, model)
                saved.mkdir()
                subprocess.run(["cp", "-a", *_models(store), saved], check=True)
            else:
                subprocess.run(["cp", "-a", *_models(saved), store], check=True)


def _models(store: Path) -> list[Path]:
    """The contents of a store, except the kit."""
    return [path for path in store.iterdir() if path.name not in {"venv", "kits"}]


def start_board(park: Park, name: str) -> None:
    """Starts a board with the kit, whose files all boards share: replace them, but never write into them."""
    kit = park.kit()
    park.start(name)
    store = park.folder / name / "root" / STORE.lstrip("/")
    store.mkdir(parents=True)
    subprocess.run(["cp", "-al", f"{kit}/.", store], check=True)
    for path in (store, *list(store.parents)[:2]):
        shutil.chown(path, UID, UID)


def current(board: Board, store: str = STORE) -> str:
    """The id of the model that a board runs, as ``graft-device`` reports it there."""
    command = f"{store}/venv/bin/graft-device models --json --store {store}"
    return str(json.loads(board.run(command, user="pi" if store == STORE else "root").stdout)["current"])


def wheels_for(board: Board) -> Path:
    """A folder with the wheels that the kit needs on a board, downloaded once."""
    said = board.run("python3 -c 'import sys; print(*sys.version_info[:2])'", user="root").stdout.split()
    machine = replace(this_machine(), python=(int(said[0]), int(said[1])))
    packages = requirements(machine)["litert"]
    [first, *_] = wheels.fetch(WHEELS / "wheels", machine, build_wheel(), EXTRAS, packages, ())
    return first.parent


def serve(board: Board) -> int:
    """Runs the store of a board with systemd as a service; returns the service's port.

    The service does not start with a model called "unloved", nor if the file ``BROKEN`` exists.
    """
    port = free_port()
    lines = [
        f"cd /tmp && {ROOT_STORE}/venv/bin/graft-device service {ROOT_STORE} --name {UNIT} -- serve --port {port}",
        f"install -m 644 {UNIT}.service /etc/systemd/system/",
        f"mkdir /etc/systemd/system/{UNIT}.service.d && cat >/etc/systemd/system/{UNIT}.service.d/strict.conf <<'END'",
        "[Service]",
        f"ExecStartPre=/bin/sh -c '! grep unloved {ROOT_STORE}/current/slot.json && ! test -e {BROKEN}'",
        "END",
        f"systemctl daemon-reload && systemctl enable --now {UNIT}",
    ]
    board.run("\n".join(lines), user="root")
    return port


def start_of_service(board: Board) -> int:
    """When the service was started, in microseconds since the board's start."""
    shown = board.run(f"systemctl show -P ActiveEnterTimestampMonotonic {UNIT}", user="root")
    return int(shown.stdout)


def switch_by_hand(board: Board, model: Path) -> None:
    """Switches the model of a board with systemd without restarting its service, like a run that was cut off."""
    board.at(f"/root/{model.name}").write_bytes(model.read_bytes())
    # systemd tells when a service was started in whole seconds.
    program = f"{ROOT_STORE}/venv/bin/graft-device"
    board.run(f"sleep 1; {program} install /root/{model.name} --store {ROOT_STORE}", user="root")


def is_well(board: Board, port: int) -> bool:
    """Whether the board's service answers."""
    health = f"curl -sS --fail http://127.0.0.1:{port}/healthz"
    return bool(json.loads(board.run(health, user="root").stdout)["status"] == "ok")


def fake_ansible(folder: Path) -> dict[str, str]:
    """An environment in which Ansible only writes the variables that it is given to ``given.json``."""
    folder.mkdir()
    program = folder / "ansible-playbook"
    lines = ["#!/bin/sh", f'for word; do case $word in @*) cp "${{word#@}}" {folder}/given.json ;; esac; done']
    program.write_text("\n".join(lines) + "\n")
    program.chmod(0o755)
    return {**environment(), "PATH": f"{folder}:{os.environ['PATH']}"}


def break_runtime(board: Board) -> None:
    """Makes a board's runtime give wrong results, as with faulty memory or a faulty build."""
    path = board.at(_INTERPRETER)
    text = path.read_text()
    path.unlink()
    path.write_text(text + _WRONG)


def environment() -> dict[str, str]:
    """The environment for Ansible, with graftkit's configuration."""
    return {**os.environ, "ANSIBLE_CONFIG": str(ansible_folder() / "ansible.cfg"), "LC_ALL": "C.UTF-8"}


def demand_ansible() -> None:
    """Skips the test if Ansible is not installed."""
    if shutil.which("ansible-playbook") is None:
        pytest.skip("no ansible-playbook: apt-get install ansible-core")
