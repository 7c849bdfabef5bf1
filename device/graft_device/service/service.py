"""A model as a systemd service: what a command needs of the board, and how the service is installed."""

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
from graft_device.outputs.mqtt_settings import parse_broker
from graft_device.service.paths import holds_hidden, is_hidden, normal, reached

COMMANDS = ("run", "serve")
"""What goes on for ever, and so can be a service."""

BACKOFF_SINCE = 254
"""The systemd that lengthens the waits between restarts itself (its NEWS); Debian 12 has 252."""

_STATE = Path("/var/lib")
_DEVICES = "/dev/"
_WRITTEN = ("queue", "save_uncertain")
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


class ServiceError(GraftError):
    """A command line cannot be made a service."""


@dataclass(frozen=True)
class Needs:
    """What a command wants from outside of its process.

    Attributes:
        camera: ``picamera2``, ``v4l2`` or None.
        network: ``all``, ``loopback`` or None.
        reads: files and folders.
        writes: folders, those below the service's own left out.
        reload: whether SIGHUP makes it open the model anew.
    """

    camera: str | None = None
    network: str | None = None
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    reload: bool = False


@dataclass(frozen=True)
class Service:
    """Everything that a unit says.

    Attributes:
        name: of the unit, without ``.service``; also of its folder in /var/lib.
        summary: one line for ``systemctl status``.
        command: the words of the command line, the first an absolute path.
        needs: what it may use.
        user: an existing one, or None for one that systemd makes for it.
        memory_max: as systemd writes it, such as ``512M``.
        systemd: its version on this board.
    """

    name: str
    summary: str
    command: tuple[str, ...]
    needs: Needs
    user: str | None = None
    memory_max: str = "512M"
    systemd: int = BACKOFF_SINCE


def find_needs(subcommand: str, options: Mapping[str, Any], name: str, own_user: bool) -> Needs:
    """What ``run`` or ``serve`` wants, by its parsed options.

    Args:
        subcommand: one of ``COMMANDS``.
        options: by the names of the function's parameters.
        name: of the service.
        own_user: whether it runs as a user of its own, who can write nowhere but in its own folder.

    Raises:
        ServiceError: a path that a service could not use.
        MqttError: no broker's URL.
    """
    if subcommand == "serve":
        inside = _LOOPBACK.fullmatch(str(options.get("host", "")))
        token = options.get("token_file")
        reads = () if token is None else (_readable(f"--token-file {token}", token),)
        return Needs(network="loopback" if inside else "all", reads=reads, reload=True)
    sources = [str(source) for source in options.get("source") or ()]
    broker = None if options.get("mqtt") is None else parse_broker(options["mqtt"])
    streams = any("://" in source for source in sources)
    files = {f"--source {source}": source for source in sources if _is_file(source)}
    if broker is not None and broker.ca is not None:
        files[f"--mqtt …?ca={broker.ca}"] = broker.ca
    folders = {f"--{key.replace('_', '-')} {options[key]}": options[key] for key in _WRITTEN if options.get(key)}
    return Needs(
        camera=next(filter(None, map(_camera, sources)), None),
        network="all" if broker or streams else None,
        reads=tuple(_readable(words, path) for words, path in files.items()),
        writes=tuple(filter(None, (_outside(words, path, name, own_user) for words, path in folders.items()))),
        reload=True,
    )


def absent(needs: Needs, sources: Sequence[str] = ()) -> list[Path]:
    """What is not there yet, such as a disk or a camera: until it is, the service fails at each start.

    Args:
        needs: of a service.
        sources: of ``run``, for the cameras among them.
    """
    cameras = [Path(source) for source in sources if _camera(source) == "v4l2"]
    return [path for path in dict.fromkeys((*cameras, *needs.reads, *needs.writes)) if not path.exists()]


def state_folder(name: str) -> Path:
    """The service's own folder, which systemd makes for it, and where it starts."""
    return _STATE / name


def install_lines(unit_file: Path, name: str) -> tuple[str, str]:
    """The two lines that install a unit and start it, now and at every start of the board."""
    target = f"/etc/systemd/system/{name}.service"
    return (
        f"sudo install -m 644 {shlex.quote(str(unit_file))} {target}",
        f"sudo systemctl daemon-reload && sudo systemctl enable --now {name}.service",
    )


def service_name(subcommand: str, model: Path) -> str:
    """A name for a unit: letters, digits, dots, dashes and underscores."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", model.stem).strip("-.") or "model"
    return f"graft-{subcommand}-{stem}"


def program() -> tuple[str, ...]:
    """The words that start ``graft-device`` with this Python."""
    script = Path(sys.executable).with_name("graft-device")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "graft_device.cli")


def systemd_version() -> int:
    """The version of systemd here; that of Debian 12, which every later one understands, where it can't be told."""
    try:
        done = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S607
    except (OSError, subprocess.SubprocessError, ValueError):
        return BACKOFF_SINCE - 2
    found = re.match(r"systemd (\d+)", done.stdout)
    return int(found[1]) if found else BACKOFF_SINCE - 2


def _camera(source: str) -> str | None:
    if source.partition(":")[0] == "picamera2":
        return "picamera2"
    path = Path(source)
    return "v4l2" if path.is_absolute() and os.path.realpath(path).startswith(_DEVICES) else None


def _is_file(source: str) -> bool:
    """Whether it may have to be shown to the service; also a camera's name that is a link elsewhere than in /dev."""
    return "://" not in source and not source.startswith(_DEVICES) and _camera(source) != "picamera2"


def _readable(words: str, text: str) -> Path:
    """A path to read, which ``words`` of the command line name."""
    path = Path(text)
    if not path.is_absolute():
        raise ServiceError(f"{words}: a service has no current folder; give {normal(path.absolute())}")
    if path != normal(path):
        raise ServiceError(f"{words}: systemd takes no such path; give {normal(path)}")
    _check_seen(words, path)
    return path


def _check_seen(words: str, path: Path) -> None:
    """Refuses what would stay hidden from the service even once it is there: a unit shows it what is there now."""
    place = reached(path)
    if holds_hidden(place):
        raise ServiceError(f"{words}: a service does not see {place} as a whole; give a folder in it")
    if is_hidden(place) and not place.exists():
        raise ServiceError(f"{words} is not there: create it first, or the service will never see it")


def _outside(words: str, folder: str, name: str, own_user: bool) -> Path | None:
    """A folder to write in if it lies outside the service's own, where relative ones are."""
    own = state_folder(name)
    path = normal(own / folder)
    if own in (path, *path.parents):
        return None
    if own_user:
        raise ServiceError(
            f"{path}: the service's own user can write in {own} only; give a relative path, which lies there, or --user"
        )
    _check_seen(words, path)
    return path
