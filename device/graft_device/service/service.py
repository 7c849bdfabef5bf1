"""Describes a command as a systemd service: its name, what it may access, and how to install it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.errors import GraftError
from graft_device.mqtt.broker import parse_broker
from graft_device.service.paths import holds_hidden, is_hidden, normal, reached

COMMANDS = ("run", "serve")
"""The commands that run until they are stopped, and so can be a service."""

BACKOFF_SINCE = 254
"""The first version of systemd that lengthens the waits between restarts (see its NEWS); Debian 12 has 252."""

_STATE = Path("/var/lib")
_DEVICES = "/dev/"
_WRITTEN = ("queue", "save_uncertain")
SINKS_ON_NETWORK = ("mqtt",)
"""The options of ``run`` whose sinks talk to another machine. Without one of them a service has no network."""

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


class ServiceError(GraftError):
    """A command line cannot run as a service."""


@dataclass(frozen=True)
class ServiceNeeds:
    """What a service may access.

    Attributes:
        camera: ``picamera2``, ``v4l2``, or None for no camera.
        network: ``all``, ``loopback``, or None for no network.
        reads: the files and folders that the service reads.
        writes: the folders that the service writes into, except those below its own folder.
        reload: whether SIGHUP makes the service reopen the model.
    """

    camera: str | None = None
    network: str | None = None
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    reload: bool = False


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
    """
    if subcommand == "serve":
        loopback = _LOOPBACK.fullmatch(str(options.get("host", "")))
        token = options.get("token_file")
        reads = () if token is None else (_readable(f"--token-file {token}", token),)
        return ServiceNeeds(network="loopback" if loopback else "all", reads=reads, reload=True)
    sources = [str(source) for source in options.get("source") or ()]
    broker = None if options.get("mqtt") is None else parse_broker(options["mqtt"])
    streams = any("://" in source for source in sources)
    files = {f"--source {source}": source for source in sources if _is_file(source)}
    if broker is not None and broker.ca is not None:
        files[f"--mqtt …?ca={broker.ca}"] = broker.ca
    folders = {f"--{key.replace('_', '-')} {options[key]}": options[key] for key in _WRITTEN if options.get(key)}
    return ServiceNeeds(
        camera=next(filter(None, map(_camera, sources)), None),
        network="all" if streams or any(options.get(option) for option in SINKS_ON_NETWORK) else None,
        reads=tuple(_readable(option, path) for option, path in files.items()),
        writes=tuple(filter(None, (_outside(option, path, name, own_user) for option, path in folders.items()))),
        reload=True,
    )


def missing_paths(needs: ServiceNeeds, sources: Sequence[str] = ()) -> list[Path]:
    """Paths that do not exist yet, such as a disk or a camera; the service fails to start until they do.

    Args:
        needs: what the service may access.
        sources: the sources of ``run``, some of which may be cameras.
    """
    cameras = [Path(source) for source in sources if _camera(source) == "v4l2"]
    return [path for path in dict.fromkeys((*cameras, *needs.reads, *needs.writes)) if not path.exists()]


def state_folder(name: str) -> Path:
    """The service's folder, which systemd creates; it is the service's working directory."""
    return _STATE / name


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


def _camera(source: str) -> str | None:
    if source.partition(":")[0] == "picamera2":
        return "picamera2"
    path = Path(source)
    return "v4l2" if path.is_absolute() and os.path.realpath(path).startswith(_DEVICES) else None


def _is_file(source: str) -> bool:
    """Whether a source is a path that the unit may have to bind, including a link outside /dev to a camera."""
    return "://" not in source and not source.startswith(_DEVICES) and _camera(source) != "picamera2"


def _readable(option: str, text: str) -> Path:
    """Checks a path that the service reads; ``option`` is the part of the command line that names it."""
    path = Path(text)
    if not path.is_absolute():
        raise ServiceError(f"{option}: a service needs an absolute path", f"give {normal(path.absolute())}")
    if path != normal(path):
        raise ServiceError(f"{option}: systemd does not accept this path", f"give {normal(path)}")
    _check_visible(option, path)
    return path


def _check_visible(option: str, path: Path) -> None:
    """Refuses a path that the service could never see: a unit binds only paths that exist when it is written."""
    target = reached(path)
    if holds_hidden(target):
        raise ServiceError(f"{option}: a service cannot see the whole of {target}", "give a folder in it")
    if is_hidden(target) and not target.exists():
        raise ServiceError(f"{option} does not exist", "create it first, or the service will never see it")


def _outside(option: str, folder: str, name: str, own_user: bool) -> Path | None:
    """The absolute path of a folder to write into; None if it is below the service's folder."""
    own = state_folder(name)
    path = normal(own / folder)
    if own in (path, *path.parents):
        return None
    if own_user:
        raise ServiceError(
            f"{path}: the user that systemd creates for the service can write only into {own}",
            "give a relative path, which is below that folder, or --user",
        )
    _check_visible(option, path)
    return path
