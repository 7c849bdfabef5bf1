"""The boards that a person added to a project, kept in ``studio.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graft_device.text import printable
from graft_host.deploy.errors import DeployError
from graft_host.deploy.target import parse_target
from graft_host.studio.project.errors import StudioError

TABLE = "boards"
MOST_BOARDS = 200
_LONGEST_NAME = 60


@dataclass(frozen=True)
class KeptBoard:
    """A board of a project.

    Attributes:
        name: what a person calls it.
        address: as ``graft deploy`` takes it.
    """

    name: str
    address: str


def read_kept(table: Mapping[str, object]) -> tuple[KeptBoard, ...]:
    """The boards of a table of ``studio.toml``, name = address.

    Entries that are no boards are left out: a person may have written the file, and an address must never become an
    option of ssh.
    """
    found: dict[str, KeptBoard] = {}
    for name, address in table.items():
        if isinstance(address, str) and address not in found:
            try:
                found[address] = checked(address, name)
            except (DeployError, StudioError):
                continue
    return tuple(found.values())[:MOST_BOARDS]


def checked(address: str, name: str) -> KeptBoard:
    """A board that was typed.

    Args:
        address: ``[user@]host``, a name of the ssh configuration, or ``ssh://user@host:port``.
        name: what to call it; empty for its host.

    Raises:
        DeployError: the address is none.
        StudioError: the name cannot be used.
    """
    address = address.strip()
    target = parse_target(address)
    name = " ".join(name.split()) or target.host
    if len(name) > _LONGEST_NAME or printable(name) != name:
        raise StudioError(
            f"a board cannot be called {name[:_LONGEST_NAME]!r}", f"use at most {_LONGEST_NAME} letters on one line"
        )
    return KeptBoard(name, address)
