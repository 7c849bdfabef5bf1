"""Many boards at once: a thin door to the Ansible role in ``deploy/ansible``, which does the work."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_host.deploy.errors import DeployError
from graft_host.deploy.kit import build_wheel
from graft_host.deploy.plan import read_local
from graft_host.deploy.run import Options

_PROGRAM = "ansible-playbook"
_CONFIGS = (Path("ansible.cfg"), Path("~/.ansible.cfg"), Path("/etc/ansible/ansible.cfg"))
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
        max_fail_percentage: the share of failed boards in a batch after which there is no other.
    """

    inventory: Path
    limit: str | None = None
    serial: tuple[str, ...] = ()
    max_fail_percentage: int = 0


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


def deploy_fleet(path: Path, fleet: Fleet, options: Options, quiet: bool = False) -> Summary:
    """Runs the packaged playbook.

    Args:
        path: the model.
        fleet: the boards.
        options: as for one board; those that differ from the default go before what the inventory says.
        quiet: whether Ansible's output goes to standard error.

    Raises:
        DeployError: Ansible is not here, or ended before there was a summary.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        raise DeployError(f"no {_PROGRAM} here, which --inventory needs: sudo apt install ansible-core rsync")
    if options.offline is not None:
        raise DeployError(
            "--offline is for a single board: set graftkit_wheels to a folder of wheels in the inventory", 2
        )
    if not fleet.inventory.exists():
        raise DeployError(f"{fleet.inventory}: no such inventory; deploy/ansible/inventory.example.yml shows one", 2)
    model = read_local(path)
    with tempfile.TemporaryDirectory(prefix="graft-fleet-") as scratch:
        folder = Path(scratch)
        variables = {
            **_variables(fleet, options),
            "graftkit_model": str(model.path.absolute()),
            "graftkit_wheel": str(build_wheel().write(folder)),
            "graftkit_summary_file": str(folder / "summary.json"),
        }
        (folder / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
        command = [program, *_arguments(fleet, options, folder / "variables.json")]
        stdout = sys.stderr.fileno() if quiet else None
        status = subprocess.run(command, stdout=stdout, env=_environment(), check=False).returncode
        return _read_summary(folder / "summary.json", status)


def ansible_folder() -> Path:
    """Where playbooks and role are: in the package, or in a checkout."""
    installed = Path(__file__).parents[1] / "ansible"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "deploy" / "ansible"


def _arguments(fleet: Fleet, options: Options, variables: Path) -> list[str]:
    limit = ["--limit", fleet.limit] if fleet.limit else []
    check = ["--check"] if options.dry_run else []
    playbook = str(ansible_folder() / "deploy.yml")
    return ["--inventory", str(fleet.inventory), *limit, *check, "--extra-vars", f"@{variables}", playbook]


def _variables(fleet: Fleet, options: Options) -> dict[str, Any]:
    """The role's variables for what was asked for; extra variables go before all others, so defaults are left out."""
    usual = Options()
    asked = {
        "graftkit_store": (options.store, usual.store),
        "graftkit_keep": (options.keep, usual.keep),
        "graftkit_services": (options.service and [options.service], None),
        "graftkit_extras": (list(options.extras), list(usual.extras)),
        "graftkit_runtime": (options.runtime, usual.runtime),
        "graftkit_allow_downgrade": (options.allow_downgrade, usual.allow_downgrade),
        "graftkit_settle": (options.settle, usual.settle),
        "graftkit_serial": ([int(each) if each.isdecimal() else each for each in fleet.serial], []),
        "graftkit_max_fail_percentage": (fleet.max_fail_percentage, 0),
        "ansible_ssh_common_args": (shlex.join(options.ssh.args()), ""),
    }
    return {name: value for name, (value, default) in asked.items() if value != default}


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
