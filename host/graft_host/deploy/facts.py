"""What a board is and has, as the probe found it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graft_device.runtime_packages import Machine


@dataclass(frozen=True)
class BoardPython:
    """A Python on the board.

    Attributes:
        path: of its program.
        version: all of its numbers.
        venv: whether it can make virtual environments with pip in them.
        machine: what decides which wheels fit it.
        packages: versions of numpy, pillow and picamera2 that its system has; only those that are there.
    """

    path: str
    version: tuple[int, ...]
    venv: bool
    machine: Machine
    packages: dict[str, str]

    @property
    def name(self) -> str:
        """As in ``3.11.2``."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class InstalledKit:
    """The kit on the board: what ``kit.json`` says, and whether its program starts."""

    id: str
    version: str
    runtime: str
    works: bool


@dataclass(frozen=True)
class Current:
    """The model that the board runs.

    Attributes:
        sha256: of the file as it is now.
        slot: what ``slot.json`` says: id, name, installed, ms and more.
        since: seconds since 1970 of the switch to it.
    """

    sha256: str
    slot: dict[str, Any]
    since: int


@dataclass(frozen=True)
class Unit:
    """A systemd unit of the kit.

    Attributes:
        name: with ``.service``.
        user: whether it belongs to the user's own systemd.
        command: its ExecStart, as written.
        active: what ``systemctl is-active`` says; empty where no systemd answers.
        restarts: how often systemd restarted it by itself.
        since: seconds since 1970 when it became active; 0 where it is not.
    """

    name: str
    user: bool
    command: str
    active: str = ""
    restarts: int = 0
    since: int = 0

    @property
    def stopped(self) -> bool:
        """Whether somebody stopped it or never started it, and it is not to run; one that failed is another matter."""
        return self.active == "inactive"


@dataclass(frozen=True)
class BoardFacts:
    """A board.

    Attributes:
        os: as its os-release says.
        user: who we are there.
        root: whether that is root.
        sudo: whether root's rights are to be had without a password.
        store: the folder of kit and models.
        writable: whether we may write there; where it doesn't exist yet, in the folder that it will be in.
        read_only: whether that file system is mounted read-only.
        free: bytes there.
        rsync: whether it has rsync.
        systemd: whether a systemd answers there.
        pythons: the first is what ``python3`` starts.
        kit: None where there is none.
        current: None where there is no model.
        partial: bytes of this model that an earlier attempt left there.
        leftovers: bytes of other models and kits that attempts which were cut off left there.
        previous: id of the model that it ran before the current one; None where there was none.
        earlier_kit: id of the newest kit that is there and not in use; None where there is none.
        units: of the kit.
    """

    os: str
    user: str
    root: bool
    sudo: bool
    store: str
    writable: bool
    read_only: bool
    free: int
    rsync: bool
    systemd: bool
    pythons: tuple[BoardPython, ...] = ()
    kit: InstalledKit | None = None
    current: Current | None = None
    partial: int = 0
    leftovers: int = 0
    previous: str | None = None
    earlier_kit: str | None = None
    units: tuple[Unit, ...] = ()
