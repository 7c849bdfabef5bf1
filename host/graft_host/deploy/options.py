"""The options of a deployment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graft_host.deploy.ssh import SshOptions

if TYPE_CHECKING:
    from pathlib import Path

EXTRAS = ("mqtt", "serve")


@dataclass(frozen=True, kw_only=True)
class DeployOptions:
    """How to deploy.

    Attributes:
        ssh: how to reach the board.
        store: the store's folder on the board; the board's default when None.
        keep: how many models to keep on the board.
        service: the unit to restart; found by its command when None.
        offline: a folder on this machine for wheels, which are then sent too; None where the board has a network.
        extras: the extras of graftkit to install.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        allow_downgrade: whether an older signed model may replace a newer one.
        dry_run: whether to stop before anything is changed.
        settle: seconds that a restarted service must keep running.
        allowed_signers: a list of allowed signers on this machine, to put into the store.
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
    allowed_signers: Path | None = None
