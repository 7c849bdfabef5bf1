"""Deploys to many boards at once through the Ansible role in ``deploy/ansible``, which does the work."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graft_host.deploy.errors import DeployError
from graft_host.deploy.kit import build_wheel
from graft_host.deploy.plan import read_local
from graft_host.deploy.settings import FleetSettings
from graft_host.deploy.ssh import SshOptions

_PROGRAM = "ansible-playbook"
_CONFIGS = (Path("ansible.cfg"), Path("~/.ansible.cfg"), Path("/etc/ansible/ansible.cfg"))
_TEMPLATES = ("{{", "{%", "{#")
_NO_TEXT = {"Cc", "Cs"}  # control characters, and bytes that are no UTF-8
_WITHOUT_MODEL = ("failed", "rolled back", "skipped")


class FleetError(DeployError):
    """Some boards do not have the model; the summary lists them with the reasons."""

    exit_status = 13


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Which boards, and in which batches.

    Attributes:
        inventory: Ansible's inventory, a file or a folder.
        limit: a pattern that selects boards; all boards when None.
        serial: the sizes of the batches, such as ``("1", "25%", "100%")``; the role's default when empty.
        max_fail_percentage: the percentage of failed boards in a batch above which no other batch follows; the
            inventory's value when None.
        ssh: how to reach the boards; overrides the inventory.
        dry_run: whether to stop before anything is changed.
    """

    inventory: Path
    limit: str | None = None
    serial: tuple[str, ...] = ()
    max_fail_percentage: int | None = None
    ssh: SshOptions = field(default_factory=SshOptions)
    dry_run: bool = False


@dataclass(frozen=True)
class Summary:
    """The role's summary of a deployment: the state of each board, and why it stopped if it did."""

    content: dict[str, Any]

    def check(self) -> None:
        """Raises FleetError unless every board has the model."""
        boards = self.content["boards"]
        lacking = [board["board"] for board in boards if board["state"] in _WITHOUT_MODEL]
        if lacking:
            stopped = self.content["stopped"]
            why = f"; the deployment stopped: {stopped}" if stopped else ""
            what = f"{len(lacking)} of {len(boards)} boards do not have the model ({', '.join(lacking)}){why}"
            raise FleetError(what, "see the summary above")


def deploy_fleet(path: Path, fleet: Fleet, settings: FleetSettings, quiet: bool = False) -> Summary:
    """Runs the packaged playbook.

    Args:
        path: the model file.
        fleet: the boards.
        settings: settings from the command line; they override the inventory.
        quiet: whether Ansible's output goes to standard error.

    Raises:
        ModelError: the file is not a model.
        DeployError: Ansible is not installed or cannot use a name, or it ended before it wrote a summary.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        raise DeployError(
            f"{_PROGRAM} is not installed here, and --inventory needs it", "run: sudo apt install ansible-core rsync"
        )
    if not fleet.inventory.exists():
        what, remedy = f"no such inventory: {fleet.inventory}", "see deploy/ansible/inventory.example.yml for one"
        raise DeployError(what, remedy, exit_status=2)
    model, wheel = read_local(path), build_wheel(settings.extras or ())
    with tempfile.TemporaryDirectory(prefix="graft-fleet-") as scratch:
        folder = Path(scratch)
        variables = {
            **_variables(fleet, settings),
            "graftkit_model": str(model.path.absolute()),
            "graftkit_wheel": str(wheel.write(folder)),
            "graftkit_summary_file": str(folder / "summary.json"),
        }
        _check_texts(variables)
        (folder / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
        command = [program, *_arguments(fleet, folder / "variables.json")]
        stdout = sys.stderr.fileno() if quiet else None
        status = subprocess.run(command, stdout=stdout, env=_environment(), check=False).returncode
        return _read_summary(folder / "summary.json", status)


def ansible_folder() -> Path:
    """The folder of playbooks and role, in the installed package or in a checkout."""
    installed = Path(__file__).parents[1] / "ansible"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "deploy" / "ansible"


def _arguments(fleet: Fleet, variables: Path) -> list[str]:
    limit = ["--limit", fleet.limit] if fleet.limit else []
    check = ["--check"] if fleet.dry_run else []
    playbook = str(ansible_folder() / "deploy.yml")
    return ["--inventory", str(fleet.inventory), *limit, *check, "--extra-vars", f"@{variables}", playbook]


def _variables(fleet: Fleet, settings: FleetSettings) -> dict[str, Any]:
    """The role's variables for the given settings alone, since extra variables override all others."""
    variables = {f"graftkit_{name}": value for name, value in settings.given().items()}
    if (service := variables.pop("graftkit_service", None)) is not None:
        variables["graftkit_services"] = [service]
    if fleet.serial:
        variables["graftkit_serial"] = [int(size) if size.isdecimal() else size for size in fleet.serial]
    if fleet.max_fail_percentage is not None:
        variables["graftkit_max_fail_percentage"] = fleet.max_fail_percentage
    if arguments := fleet.ssh.args():
        variables["ansible_ssh_common_args"] = shlex.join(arguments)
    return variables


def _check_texts(variables: dict[str, Any]) -> None:
    """Raises DeployError for a text that Ansible would take for a template, or could not read."""
    for value in variables.values():
        for text in [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else []:
            if any(mark in str(text) for mark in _TEMPLATES):
                what = f"Ansible would take the braces in {text} for a template"
                raise DeployError(what, "choose a name without braces", exit_status=2)
            if any(unicodedata.category(letter) in _NO_TEXT for letter in str(text)):
                what = f"Ansible cannot use the name {text!r}"
                raise DeployError(what, "choose a name of printable UTF-8", exit_status=2)


def _environment() -> dict[str, str]:
    """The user's configuration of Ansible, or else the one beside the playbook; and UTF-8, which Ansible requires."""
    own = "ANSIBLE_CONFIG" in os.environ or any(path.expanduser().is_file() for path in _CONFIGS)
    config = {} if own else {"ANSIBLE_CONFIG": str(ansible_folder() / "ansible.cfg")}
    return {**os.environ, **config, "LC_ALL": "C.UTF-8"}


def _read_summary(path: Path, status: int) -> Summary:
    if not path.is_file():
        what = f"{_PROGRAM} ended with status {status} before it wrote a summary"
        raise DeployError(what, "see above for the reason")
    return Summary(json.loads(path.read_text(encoding="utf-8")))
