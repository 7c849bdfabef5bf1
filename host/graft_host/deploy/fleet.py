"""Many boards at once: a thin door to the Ansible role in ``deploy/ansible``, which does the work."""

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
from graft_host.deploy.settings import Settings
from graft_host.deploy.ssh import SshOptions

_PROGRAM = "ansible-playbook"
_CONFIGS = (Path("ansible.cfg"), Path("~/.ansible.cfg"), Path("/etc/ansible/ansible.cfg"))
_TEMPLATES = ("{{", "{%", "{#")
_NO_TEXT = {"Cc", "Cs"}  # control characters, and bytes that are no UTF-8
_CONCERNING = ("failed", "rolled back", "skipped")


class FleetError(DeployError):
    """Some boards don't have the model; the summary says which and why."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 13)


@dataclass(frozen=True)
class Fleet:
    """Which boards, and in which batches.

    Attributes:
        inventory: Ansible's: a file or a folder.
        limit: a pattern of boards; all when None.
        serial: sizes of the batches, such as ``("1", "25%", "100%")``; the role's own when empty.
        max_fail_percentage: the share of failed boards in a batch after which there is no other; the inventory's when
            None.
        ssh: how to reach them, in place of what the inventory says.
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
    """What became of the boards, as the role writes it down."""

    found: dict[str, Any]

    def check(self) -> None:
        """Returns where every board has the model.

        Raises:
            FleetError: some don't.
        """
        concerned = [each["board"] for each in self.found["boards"] if each["state"] in _CONCERNING]
        if concerned:
            said = (
                f"{len(concerned)} of {len(self.found['boards'])} boards do not have the model ({', '.join(concerned)})"
            )
            stopped = self.found["stopped"]
            raise FleetError(f"{said}{f'; stopped since {stopped}' if stopped else ''}: see the summary above")


def deploy_fleet(path: Path, fleet: Fleet, settings: Settings, quiet: bool = False) -> Summary:
    """Runs the packaged playbook.

    Args:
        path: the model.
        fleet: the boards.
        settings: those that were given go before what the inventory says.
        quiet: whether Ansible's output goes to standard error.

    Raises:
        ModelError: the file is no model.
        DeployError: Ansible is not here or can't take a name, or it ended before there was a summary.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        raise DeployError(f"no {_PROGRAM} here, which --inventory needs: sudo apt install ansible-core rsync")
    if not fleet.inventory.exists():
        raise DeployError(f"{fleet.inventory}: no such inventory; deploy/ansible/inventory.example.yml shows one", 2)
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
    """Where playbooks and role are: in the package, or in a checkout."""
    installed = Path(__file__).parents[1] / "ansible"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "deploy" / "ansible"


def _arguments(fleet: Fleet, variables: Path) -> list[str]:
    limit = ["--limit", fleet.limit] if fleet.limit else []
    check = ["--check"] if fleet.dry_run else []
    playbook = str(ansible_folder() / "deploy.yml")
    return ["--inventory", str(fleet.inventory), *limit, *check, "--extra-vars", f"@{variables}", playbook]


def _variables(fleet: Fleet, settings: Settings) -> dict[str, Any]:
    """The role's variables for what was given; extra variables go before all others, so nothing else is among them."""
    found = {f"graftkit_{name}": value for name, value in settings.given().items()}
    if (service := found.pop("graftkit_service", None)) is not None:
        found["graftkit_services"] = [service]
    if fleet.serial:
        found["graftkit_serial"] = [int(each) if each.isdecimal() else each for each in fleet.serial]
    if fleet.max_fail_percentage is not None:
        found["graftkit_max_fail_percentage"] = fleet.max_fail_percentage
    if arguments := fleet.ssh.args():
        found["ansible_ssh_common_args"] = shlex.join(arguments)
    return found


def _check_texts(variables: dict[str, Any]) -> None:
    """Raises DeployError for a text that Ansible would read as a template, or not at all."""
    for value in variables.values():
        for text in [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else []:
            if any(mark in str(text) for mark in _TEMPLATES):
                raise DeployError(f"{text}: Ansible would fill in what is in its braces; take a name without them", 2)
            if any(unicodedata.category(letter) in _NO_TEXT for letter in str(text)):
                raise DeployError(f"{text!r}: Ansible takes names of printable UTF-8 alone; take such a name", 2)


def _environment() -> dict[str, str]:
    """The user's own configuration of Ansible, or else the one beside the playbook; and UTF-8, which it insists on."""
    own = "ANSIBLE_CONFIG" in os.environ or any(path.expanduser().is_file() for path in _CONFIGS)
    config = {} if own else {"ANSIBLE_CONFIG": str(ansible_folder() / "ansible.cfg")}
    return {**os.environ, **config, "LC_ALL": "C.UTF-8"}


def _read_summary(path: Path, status: int) -> Summary:
    if not path.is_file():
        raise DeployError(f"{_PROGRAM} ended with status {status} before there was a summary: see above for the reason")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Summary(found)
