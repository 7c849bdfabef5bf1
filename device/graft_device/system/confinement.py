"""Takes rights and resources from this process before it works with a file that is not trusted."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from graft_device.errors import GraftError, os_reason
from graft_device.system.machine import usable_cores

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET, linux/sched.h
_PDEATHSIG, _SET_DUMPABLE, _NO_NEW_PRIVS = 1, 4, 38  # linux/prctl.h
_MOST_WRITTEN = 1 << 20
_TASKS = 64
"""Processes and threads that the process may have beside those that its user has already, and two for each core."""

_UNKNOWN_SIZE = 1 << 30
"""Bytes of address space that a process is thought to have where /proc is missing."""


@dataclass(frozen=True)
class Confinement:
    """What a process may have.

    Attributes:
        memory: bytes of address space beside what the process has when it is confined.
        seconds: seconds of processor time, for each core.
        user: the id of the user to become; None to stay the same.
        group: the id of the group to become; None to stay the same.
    """

    memory: int
    seconds: int
    user: int | None = None
    group: int | None = None

    def text(self) -> str:
        """The fields as JSON, for a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Confinement:
        """Reads the result of ``text``."""
        return cls(**json.loads(text))


def confine(limits: Confinement) -> str | None:
    """Confines this process for the rest of its life.

    Afterwards it cannot take more memory, time and threads than allowed, or write large files. If it was root, it has
    no network, and is the given user. What it needs must be imported before, since that user may not be allowed to.

    Args:
        limits: what the process may have.

    Returns:
        Why the process is still root although it should be another user; None in all other cases.
    """
    os.chdir("/")
    with contextlib.suppress(OSError):  # if memory runs out all the same, this process ends and not its parent
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        _call(libc.unshare, _NEW_NETWORK)  # not every container allows it
    _limit_resources(limits)
    refused = _become(limits)
    _call(libc.prctl, _NO_NEW_PRIVS, 1, 0, 0, 0)
    _call(libc.prctl, _SET_DUMPABLE, 1, 0, 0, 0)  # a change of user takes /proc/self/fd away
    _call(libc.prctl, _PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return refused


def _call(function: Callable[..., int], *args: int) -> bool:
    """Calls a function of the C library; whether it succeeded."""
    return function(*map(ctypes.c_ulong, args)) == 0


def _limit_resources(limits: Confinement) -> None:
    user = os.getuid() if limits.user is None else limits.user
    wanted = {
        resource.RLIMIT_AS: _address_space() + limits.memory,
        resource.RLIMIT_CPU: limits.seconds * usable_cores(),
        resource.RLIMIT_FSIZE: _MOST_WRITTEN,
        resource.RLIMIT_CORE: 0,
    }
    if user != 0:
        wanted[resource.RLIMIT_NPROC] = _tasks_of(user) + _TASKS + 2 * usable_cores()
    for kind, most in wanted.items():
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (least, least))


def _become(limits: Confinement) -> str | None:
    if limits.user is None or limits.group is None or os.geteuid() != 0:
        return None
    try:
        os.setgroups([])
        os.setgid(limits.group)
        os.setuid(limits.user)
    except OSError as error:  # in a container without these rights, whose root is not that of the machine
        return os_reason(error)
    return None


def _address_space() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return _UNKNOWN_SIZE


def _tasks_of(user: int) -> int:
    """The number of threads that a user has in all processes."""
    count = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir("/proc"):
            with contextlib.suppress(OSError):
                if entry.name.isdecimal() and entry.stat().st_uid == user:
                    count += len(os.listdir(f"/proc/{entry.name}/task"))  # noqa: PTH208  names alone
    return count


class ConfinedImportError(GraftError):
    """A confined process may not read a part of graftkit."""

    def __init__(self, error: ImportError) -> None:
        """Creates the error from what Python reports about a module."""
        super().__init__(
            f"the user who tries models may not read graftkit's environment ({error})",
            "make it readable for all: sudo chmod -R o+rX, on the environment and the folders above it",
        )
