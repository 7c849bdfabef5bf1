"""A board as the probe found it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graft_device.runtime_packages import Machine


@dataclass(frozen=True, kw_only=True)
class BoardPython:
    """A Python on the board.

    Attributes:
        path: the path that starts it.
        real: the path of its executable, without links.
        version: all numbers of its version.
        venv: whether it can make virtual environments with pip in them.
        machine: the properties that decide which wheels fit.
        packages: the versions of numpy, pillow and picamera2, for those that the system has installed.
    """

    path: str
    real: str
    version: tuple[int, ...]
    venv: bool
    machine: Machine
    packages: dict[str, str]

    @property
    def name(self) -> str:
        """The version as a text, such as ``3.11.2``."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class InstalledKit:
    """The kit on the board: the contents of ``kit.json``, and whether its program starts."""

    id: str
    version: str
    runtime: str
    works: bool


@dataclass(frozen=True)
class Current:
    """The model that the board runs.

    Attributes:
        sha256: the SHA-256 of the file as it is now.
        slot: the contents of ``slot.json``: id, name, installed, ms and more.
        since: when the board switched to it, in seconds since 1970.
    """

    sha256: str
    slot: dict[str, Any]
    since: int


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A systemd unit of the kit.

    Attributes:
        name: its name, with ``.service``.
        user: whether it belongs to the user's systemd rather than the system's.
        command: its ExecStart, as written.
        active: its state as ``systemctl is-active`` prints it; empty where no systemd answers.
        restarts: how often systemd restarted it by itself.
        since: when it became active, in seconds since 1970; 0 where it is not active.
    """

    name: str
    user: bool
    command: str
    active: str = ""
    restarts: int = 0
    since: int = 0

    @property
    def stopped(self) -> bool:
        """Whether somebody stopped it or never started it, so that it must not be started; not for one that failed."""
        return self.active == "inactive"


@dataclass(frozen=True, kw_only=True)
class BoardFacts:
    """A board.

    Attributes:
        os: the name of its system, from os-release.
        user: the user that we log in as.
        root: whether that user is root.
        sudo: whether that user has sudo without a password.
        store: the folder of kit and models.
        writable: whether the store can be written; where it does not exist yet, the folder that it will be in.
        foreign: the name of something in the store's folder that is not graftkit's, where the folder is not marked as
            a store; None where there is nothing of the kind.
        read_only: whether the store's file system is mounted read-only.
        free: the free bytes of the store's file system.
        rsync: whether the board has rsync.
        systemd: whether the system's systemd answers.
        pythons: the board's Pythons, first the one that ``python3`` starts.
        kit: the kit in use; None where there is none.
        current: the current model; None where there is none.
        partial: the bytes of the model to deploy that an earlier attempt left on the board.
        leftovers: the bytes of other models and kits that interrupted attempts left on the board.
        previous: the id of the model before the current one; None where there was none.
        earlier_kit: the id of the newest kit that is not in use; None where there is none.
        units: the systemd units of the kit.
        signers: the SHA-256 of the store's list of allowed signers; None where it has none.
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
    signers: str | None = None
    foreign: str | None = None
