"""Runs the packaged Ansible playbooks: one line about each board, or Ansible's output where it is wanted."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_host.deploy.errors import DeployError
from graft_host.deploy.ssh import SshOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PROGRAM = "ansible-playbook"
_CONFIGS = (Path("ansible.cfg"), Path("~/.ansible.cfg"), Path("/etc/ansible/ansible.cfg"))
_TEMPLATES = ("{{", "{%", "{#")
_NO_TEXT = {"Cc", "Cs"}  # control characters, and bytes that are no UTF-8
_POLL_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Boards:
    """Which boards to work on, and how to reach them.

    Attributes:
        inventory: Ansible's inventory, a file or a folder.
        limit: a pattern that selects boards; all boards when None.
        ssh: how to reach the boards; overrides the inventory.
    """

    inventory: Path
    limit: str | None = None
    ssh: SshOptions = field(default_factory=SshOptions)


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where the output of a run goes.

    Attributes:
        tell: called with a line about each board, as soon as it is done.
        note: called with each line that Ansible printed, if it ended before it wrote a summary.
        verbose: whether Ansible's output is shown instead of those lines.
        quiet: whether Ansible's output, if shown, goes to standard error.
    """

    tell: Callable[[str], None]
    note: Callable[[str], None]
    verbose: bool = False
    quiet: bool = False


def run_playbook(
    name: str, boards: Boards, variables: Mapping[str, Any], output: Output, check: bool = False
) -> dict[str, Any]:
    """Runs a playbook of ``deploy/ansible``.

    Args:
        name: the playbook's file name.
        boards: the boards.
        variables: the role's variables, which override the inventory.
        output: where the output goes.
        check: whether to stop before anything is changed.

    Returns:
        The summary that the role wrote.

    Raises:
        DeployError: Ansible is not installed or cannot use a name, or it ended before it wrote a summary.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        raise DeployError(
            f"{_PROGRAM} is not installed here, and --inventory needs it", "run: sudo apt install ansible-core rsync"
        )
    if not boards.inventory.exists():
        what, remedy = f"no such inventory: {boards.inventory}", "see deploy/ansible/inventory.example.yml for one"
        raise DeployError(what, remedy, exit_status=2)
    with tempfile.TemporaryDirectory(prefix="graft-fleet-") as scratch:
        folder = Path(scratch)
        summary, reports = folder / "summary.json", folder / "boards"
        reports.mkdir()
        given = {**_connection(boards), **variables, "graftkit_summary_file": str(summary)}
        if not output.verbose:
            given["graftkit_report_folder"] = str(reports)
        _check_texts(given)
        (folder / "variables.json").write_text(json.dumps(given), encoding="utf-8")
        limit = ["--limit", boards.limit] if boards.limit else []
        words = ["--inventory", str(boards.inventory), *limit, *(["--check"] if check else [])]
        command = [program, *words, "--extra-vars", f"@{folder / 'variables.json'}", str(ansible_folder() / name)]
        status = _show(command, output) if output.verbose else _follow(command, reports, summary, output)
        if not summary.is_file():
            what = f"{_PROGRAM} ended with status {status} before it wrote a summary"
            raise DeployError(what, "see above for the reason")
        content: dict[str, Any] = json.loads(summary.read_text(encoding="utf-8"))
        return content


def ansible_folder() -> Path:
    """The folder of playbooks and role, in the installed package or in a checkout."""
    installed = Path(__file__).parents[2] / "ansible"
    return installed if installed.is_dir() else Path(__file__).parents[4] / "deploy" / "ansible"


def _show(command: list[str], output: Output) -> int:
    stdout = sys.stderr.fileno() if output.quiet else None
    return subprocess.run(command, stdout=stdout, env=_environment(), check=False).returncode


def _follow(command: list[str], reports: Path, summary: Path, output: Output) -> int:
    """Runs Ansible without its output, and tells about each board once its report is there."""
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())
        try:
            told: set[str] = set()
            while process.poll() is None:
                for line in _fresh(reports, told):
                    output.tell(line)
                time.sleep(_POLL_S)
        finally:
            process.wait()  # after a Ctrl-C, which reaches it as well
        for line in _fresh(reports, told):
            output.tell(line)
        if not summary.is_file():
            log.seek(0)
            for line in log.read().splitlines():
                output.note(line)
        return process.returncode


def _fresh(reports: Path, told: set[str]) -> Iterator[str]:
    """The lines of reports that were not there before."""
    for path in sorted(reports.glob("*.txt"), key=lambda path: path.stat().st_mtime_ns):
        text = path.read_text(encoding="utf-8")
        if path.name not in told and text.endswith("\n"):  # one that is being written has no line end yet
            told.add(path.name)
            yield text.rstrip("\n")


def _connection(boards: Boards) -> dict[str, str]:
    arguments = boards.ssh.args()
    return {"ansible_ssh_common_args": shlex.join(arguments)} if arguments else {}


def _check_texts(variables: Mapping[str, Any]) -> None:
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
