"""What was asked for on the command line, apart from what is usual: in a fleet, the inventory comes between."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Settings:
    """How to deploy; None is what was not given.

    Attributes:
        store: on the board.
        keep: models to keep there.
        service: unit to restart.
        extras: of the kit.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        allow_downgrade: whether an older signed model may replace a newer one.
        settle: seconds that a restarted service must go on.
    """

    store: str | None = None
    keep: int | None = None
    service: str | None = None
    extras: tuple[str, ...] | None = None
    runtime: str | None = None
    allow_downgrade: bool | None = None
    settle: int | None = None

    def given(self) -> dict[str, Any]:
        """Those that were given, by name."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in found.items() if value is not None}
