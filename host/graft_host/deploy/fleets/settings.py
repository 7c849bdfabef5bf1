"""The settings that were given on the command line, without defaults: for a fleet the inventory may set the others."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class FleetSettings:
    """How to deploy; None for what was not given.

    Attributes:
        store: the store's folder on the board.
        keep: how many models to keep on the board.
        service: the unit to restart.
        extras: the extras of graftkit to install.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        allow_downgrade: whether an older signed model may replace a newer one.
        settle: seconds that a restarted service must keep running.
        allowed_signers: a list of allowed signers on this machine, to put on the boards.
    """

    store: str | None = None
    keep: int | None = None
    service: str | None = None
    extras: tuple[str, ...] | None = None
    runtime: str | None = None
    allow_downgrade: bool | None = None
    settle: int | None = None
    allowed_signers: Path | None = None

    def given(self) -> dict[str, Any]:
        """The settings that were given, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}
