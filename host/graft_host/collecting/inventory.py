"""Reads the boards of an Ansible inventory: their names, addresses, and how ssh reaches them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.collecting.options import Board
from graft_host.deploy.errors import DeployError
from graft_host.deploy.fleets.ansible_run import Boards, Output, run_playbook
from graft_host.deploy.ssh import SshOptions
from graft_host.deploy.target import parse_target

_VALUES = {"-F": "", "-o": "{}", "-J": "ProxyJump={}", "-i": "IdentityFile={}", "-p": "Port={}", "-l": "User={}"}
"""ssh's options that an inventory may name, as its ``-o`` options."""


def boards_of(boards: Boards, output: Output) -> list[Board]:
    """The boards of an inventory, in order.

    Args:
        boards: the inventory, and which of its boards.
        output: where Ansible's output goes.

    Raises:
        DeployError: Ansible is not installed, cannot read the inventory, or a board's address is not one.
    """
    content = run_playbook("addresses.yml", boards, {}, output)
    found = [_board(one, boards.ssh) for one in content["boards"]]
    if not found:
        raise DeployError("the inventory has no such boards", "check --inventory and --limit", exit_status=2)
    return found


def _board(raw: Mapping[str, Any], ssh: SshOptions) -> Board:
    name = str(raw["board"])
    target = parse_target(str(raw.get("host") or name))
    user, port, key = (str(raw.get(field) or "") for field in ("user", "port", "key"))
    if user:
        target = parse_target(f"{user}@{target.plain()}") if target.port is None else target
    config, options = _ssh_words(name, f"{raw.get('common_args') or ''} {raw.get('extra_args') or ''}")
    more = [*([f"Port={port}"] if port else []), *([f"IdentityFile={Path(key).expanduser()}"] if key else [])]
    # ssh uses the first value of an option: those of the command line go first.
    return Board(name, target, SshOptions(ssh.config or config, (*ssh.options, *options, *more)))


def _ssh_words(board: str, text: str) -> tuple[Path | None, list[str]]:
    """The configuration file and the ``-o`` options in ssh's arguments of an inventory."""
    config, options, words = None, [], iter(shlex.split(text))
    for word in words:
        name, value = word[:2], word[2:]
        if name not in _VALUES:
            what = f"{board}: the inventory has {word} among ssh's arguments, which collect does not know"
            raise DeployError(what, "put it into your ssh configuration")
        value = value or next(words, "")
        if name == "-F":
            config = Path(value).expanduser()
        else:
            options.append(_VALUES[name].format(value))
    return config, options
