"""Describes a command as a systemd service: its name, what it may access, and how to install it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.board.options import settings_of
from graft_device.config.reading import read_board
from graft_device.config.settings import BoardSettings
from graft_device.service.board_needs import KEYS, OPTIONS, board_needs, camera_of, is_loopback
from graft_device.service.visible import ServiceNeeds, readable

COMMANDS = ("run", "serve")
"""The commands that run until they are stopped, and so can be a service."""

BACKOFF_SINCE = 254
"""The first version of systemd that lengthens the waits between restarts (see its NEWS); Debian 12 has 252."""


@dataclass(frozen=True)
class Service:
    """Everything that the unit file contains.

    Attributes:
        name: the unit's name without ``.service``; its folder in /var/lib has the same name.
        summary: the line that ``systemctl status`` shows.
        command: the words of the command line; the first is an absolute path.
        needs: what the service may access.
        user: an existing user; None for one that systemd creates for the service.
        memory_max: the memory limit in systemd's notation, such as ``512M``.
        systemd: the version of systemd on this board.
    """

    name: str
    summary: str
    command: tuple[str, ...]
    needs: ServiceNeeds
    user: str | None = None
    memory_max: str = "512M"
    systemd: int = BACKOFF_SINCE


def find_needs(subcommand: str, options: Mapping[str, Any], name: str, own_user: bool) -> ServiceNeeds:
    """Derives what ``run`` or ``serve`` needs to access from its options.

    Args:
        subcommand: one of ``COMMANDS``.
        options: the parsed options, by the names of the command function's parameters.
        name: the service's name.
        own_user: whether systemd creates a user for the service, who can write only into the service's folder.

    Raises:
        ServiceError: the service could not use one of the paths.
        MqttError: the broker's URL is not valid.
        ConfigError: the file of ``--config`` has mistakes.
    """
    if subcommand == "serve":
        token = options.get("token_file")
        reads = () if token is None else (readable(f"--token-file {token}", Path(token)),)
        return ServiceNeeds(network=_network_of_server(options), reads=reads, reload=True)
    config = options["config"]
    return board_needs(run_settings(options), config, OPTIONS if config is None else KEYS, name, own_user)


def run_settings(options: Mapping[str, Any]) -> BoardSettings:
    """The settings of ``run``, from its options or from the file that they name."""
    return settings_of(options) if options["config"] is None else read_board(options["config"])


def _network_of_server(options: Mapping[str, Any]) -> str:
    return "loopback" if is_loopback(str(options["host"])) else "all"


def missing_paths(needs: ServiceNeeds, sources: Sequence[str] = ()) -> list[Path]:
    """Paths that do not exist yet, such as a disk or a camera; the service fails to start until they do.

    Args:
        needs: what the service may access.
        sources: the sources of ``run``, some of which may be cameras.
    """
    cameras = [Path(source) for source in sources if camera_of(source) == "v4l2"]
    return [path for path in dict.fromkeys((*cameras, *needs.reads, *needs.writes)) if not path.exists()]


def install_lines(unit_file: Path, name: str) -> tuple[str, str]:
    """The two commands that install a unit, start it, and make it start with the board."""
    target = f"/etc/systemd/system/{name}.service"
    return (
        f"sudo install -m 644 {shlex.quote(str(unit_file))} {target}",
        f"sudo systemctl daemon-reload && sudo systemctl enable --now {name}.service",
    )


def service_name(subcommand: str, model: Path) -> str:
    """The default name of a unit, from letters, digits, dots, dashes and underscores."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", model.stem).strip("-.") or "model"
    return f"graft-{subcommand}-{stem}"


def program() -> tuple[str, ...]:
    """The command that starts ``graft-device`` with this Python."""
    script = Path(sys.executable).with_name("graft-device")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "graft_device.cli")


def systemd_version() -> int:
    """The version of systemd on this board; if unknown, that of Debian 12, whose units all later versions accept."""
    try:
        finished = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S607
    except (OSError, subprocess.SubprocessError, ValueError):
        return BACKOFF_SINCE - 2
    match = re.match(r"systemd (\d+)", finished.stdout)
    return int(match[1]) if match else BACKOFF_SINCE - 2
