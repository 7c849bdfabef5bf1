"""A model as a systemd service: what a command needs of the board, and how the service is installed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.errors import GraftError

COMMANDS = ("run", "serve")
"""What goes on for ever, and so can be a service."""

BACKOFF_SINCE = 254
"""The systemd that lengthens the waits between restarts itself (its NEWS); Debian 12 has 252."""

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
    """
    if subcommand == "serve":
        inside = _LOOPBACK.fullmatch(str(options.get("host", "")))
        return Needs(network="loopback" if inside else "all", reload=True)
    sources = [str(source) for source in options.get("source") or ()]
    streams = any("://" in source for source in sources)
    writes = [Path(options[key]) for key in ("queue", "save_uncertain") if options.get(key)]
    return Needs(
        camera=next(filter(None, map(_camera, sources)), None),
        network="all" if options.get("mqtt") or streams else None,
        reads=tuple(_readable(source) for source in sources if "://" not in source and _camera(source) is None),
        writes=tuple(path for path in writes if _written_outside(path, name, own_user)),
        reload=True,
    )


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
    return "v4l2" if source.startswith("/dev/") else None


def _readable(source: str) -> Path:
    path = Path(source)
    if not path.is_absolute():
        raise ServiceError(f"--source {source}: a service has no current folder; give {path.absolute()}")
    return path


def _written_outside(path: Path, name: str, own_user: bool) -> bool:
    """Whether a folder to write in lies outside the service's own, where relative ones are."""
    own = Path("/var/lib") / name
    if not path.is_absolute() or own in (path, *path.parents):
        return False
    if own_user:
        raise ServiceError(
            f"{path}: the service's own user can write in {own} only; give a relative path, which lies there, or --user"
        )
    return True
