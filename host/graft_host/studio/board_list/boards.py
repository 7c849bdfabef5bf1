"""The boards of a project, and what the last look at each has shown; shared by all windows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from graft_device.errors import GraftError
from graft_host.deploy.errors import LoginRefusedError, UnknownKeyError
from graft_host.deploy.target import parse_target
from graft_host.studio.board_list.host_keys import HostKey, offered_key, trust
from graft_host.studio.board_list.kept import MOST_BOARDS, TABLE, KeptBoard, checked, read_kept
from graft_host.studio.board_list.looking import look_at
from graft_host.studio.board_list.reaching import ssh_config, ssh_options
from graft_host.studio.board_list.seen import BoardSeen
from graft_host.studio.board_list.ssh_aliases import aliases
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project
from graft_host.studio.project.settings import change_settings, read_settings
from graft_host.studio.project.signal import Signal

_AT_A_TIME = 8
"""How many boards are looked at beside each other; one that does not answer takes ten seconds."""

Trouble = Literal["", "unknown_key", "login", "other"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """The last look at a board.

    Attributes:
        busy: whether a look is in progress.
        at: when the last one ended, in seconds since 1970; 0 if there was none.
        seen: what the last one that succeeded has shown; None if there was none.
        what: why the last one failed; empty if it did not.
        remedy: what to do about it.
        trouble: the kind of that failure.
        key: the host key that the board shows, for ``unknown_key``; None where it could not be asked for.
    """

    busy: bool = False
    at: float = 0.0
    seen: BoardSeen | None = None
    what: str = ""
    remedy: str = ""
    trouble: Trouble = ""
    key: HostKey | None = None


class BoardList:
    """The boards of a project. Its methods may be called from several threads.

    Attributes:
        changed: emitted when a board was added or removed, and when a look begins or ends.
    """

    def __init__(self, project: Project) -> None:
        """Starts with what ``studio.toml`` has, and looks at no board yet."""
        self.changed = Signal()
        self._project = project
        self._guard = threading.Lock()
        self._turns = threading.BoundedSemaphore(_AT_A_TIME)
        self._looks: dict[str, Look] = {}

    def all(self) -> tuple[KeptBoard, ...]:
        """The boards, in the order in which they were added.

        Raises:
            StudioError: ``studio.toml`` cannot be read, or is not sound.
        """
        return read_kept(read_settings(self._project, TABLE))

    def suggestions(self) -> tuple[str, ...]:
        """The names of the ssh configuration that are not among the boards."""
        known = {parse_target(board.address).host for board in self.all()}
        return tuple(name for name in aliases(ssh_config()) if name not in known)

    def add(self, address: str, name: str) -> KeptBoard:
        """Adds a board; returns it.

        Args:
            address: as ``graft deploy`` takes it.
            name: what to call it; empty for its host.

        Raises:
            DeployError: the address is none.
            StudioError: the name cannot be used, or there is such a board.
        """
        board = checked(address, name)
        there = self.all()
        if any(one.address == board.address for one in there):
            raise StudioError(f"{board.address} is among the boards already", "look at it there")
        if any(one.name == board.name for one in there):
            raise StudioError(f"there is a board called {board.name!r} already", "give this one another name")
        if len(there) >= MOST_BOARDS:
            raise StudioError(f"a project can have at most {MOST_BOARDS} boards", "remove one that you do not need")
        change_settings(self._project, TABLE, {board.name: board.address})
        self.changed.emit()
        return board

    def remove(self, board: KeptBoard) -> None:
        """Forgets a board; nothing is changed on it. Raises StudioError if ``studio.toml`` cannot be written."""
        change_settings(self._project, TABLE, {board.name: None})
        with self._guard:
            self._looks.pop(board.address, None)
        self.changed.emit()

    def last_look(self, address: str) -> Look:
        """The last look at a board."""
        with self._guard:
            return self._looks.get(address, Look())

    def look(self, address: str) -> None:
        """Begins a look at a board in a thread of its own; does nothing if one is in progress."""
        with self._guard:
            before = self._looks.get(address, Look())
            if before.busy:
                return
            self._looks[address] = Look(busy=True, at=before.at, seen=before.seen)
        # A daemon, for the end of the studio must not wait for a board.
        threading.Thread(target=self._look, args=(address, before), daemon=True).start()
        self.changed.emit()

    def trust(self, address: str, key: HostKey) -> None:
        """Notes a host key that a person has compared, and looks at the board again.

        Raises:
            StudioError: the file of known hosts cannot be written.
        """
        trust(key)
        self.look(address)

    def _look(self, address: str, before: Look) -> None:
        with self._turns:
            found = _looked(address, before)
        with self._guard:
            if address in self._looks:
                self._looks[address] = found
        self.changed.emit()


def _looked(address: str, before: Look) -> Look:
    try:
        return Look(at=time.time(), seen=look_at(address, ssh_options()))
    except UnknownKeyError as error:
        key = _quietly(lambda: offered_key(address, ssh_options()))
        return _failed(error, before, "unknown_key", key)
    except LoginRefusedError as error:
        return _failed(error, before, "login")
    except GraftError as error:
        return _failed(error, before, "other")
    except Exception as error:  # noqa: BLE001  a bug, or a machine without processes: the page must not wait for ever
        return _failed(StudioError(f"the look ended early ({type(error).__name__}: {error})"), before, "other")


def _failed(error: GraftError, before: Look, trouble: Trouble, key: HostKey | None = None) -> Look:
    return Look(
        at=time.time(), seen=before.seen, what=error.what, remedy=error.remedy, trouble=trouble, key=key
    )  # fmt: skip


def _quietly(ask: Callable[[], HostKey | None]) -> HostKey | None:
    try:
        return ask()
    except (GraftError, OSError):
        return None
