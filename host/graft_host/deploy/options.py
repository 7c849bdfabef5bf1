"""How to deploy: what the command line was given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graft_host.deploy.ssh import SshOptions

if TYPE_CHECKING:
    from pathlib import Path

EXTRAS = ("mqtt", "serve")


@dataclass(frozen=True)
class Options:
    """How to deploy.

    Attributes:
        ssh: how to reach the board.
        store: on the board; its default when None.
        keep: models to keep there.
        service: unit to restart; found by its command when None.
        offline: folder here for wheels, which are then sent along; None where the board has a network.
        extras: of the kit.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        allow_downgrade: whether an older signed model may replace a newer one.
        dry_run: whether to stop before anything is changed.
        settle: seconds that a restarted service must go on.
    """

    ssh: SshOptions = field(default_factory=SshOptions)
    store: str | None = None
    keep: int = 3
    service: str | None = None
    offline: Path | None = None
    extras: tuple[str, ...] = EXTRAS
    runtime: str = "auto"
    allow_downgrade: bool = False
    dry_run: bool = False
    settle: int = 5
