"""What to collect, and from where."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from graft_host.deploy.ssh import SshOptions
from graft_host.deploy.target import Target

MB = 1_000_000
MAX_MB = 4_000.0
"""The most that one run brings, unless more is asked for, in MB."""


@dataclass(frozen=True)
class Board:
    """A board to collect from.

    Attributes:
        name: its name in the inbox: that of the inventory, or the host.
        target: its address.
        ssh: how to reach it.
    """

    name: str
    target: Target
    ssh: SshOptions = field(default_factory=SshOptions)


@dataclass(frozen=True, kw_only=True)
class CollectOptions:
    """How to collect.

    Attributes:
        inbox: the folder that the photos come into.
        folders: the folders on the boards, absolute or relative to the login's home; empty to find them.
        move: whether to remove each photo from its board once it is here.
        dry_run: whether to list only what would come.
        max_mb: the most that comes in one run, in MB.
    """

    inbox: Path
    folders: tuple[str, ...] = ()
    move: bool = False
    dry_run: bool = False
    max_mb: float = MAX_MB


def board_at(target: Target, ssh: SshOptions) -> Board:
    """The board at an address; its name is the same for every user who logs in there."""
    return Board(target.host if target.port is None else f"{target.host}:{target.port}", target, ssh)
