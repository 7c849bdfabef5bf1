"""What the page can show besides live pictures, where a board has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft_device.capture.store import CaptureStore
    from graft_device.drift.daily import DailyScores
    from graft_device.history.sink import KeptEvents
    from graft_device.outputs.uncertain_store import UncertainStore


@dataclass(frozen=True)
class Parts:
    """What a board has for the page besides its cameras. Any thread may call the functions.

    Attributes:
        events: the events that are kept; None where none are.
        corrections: takes photos with their right labels; None for no such folder.
        drift: the scores of the models by day; None where none are counted.
        queues: returns how many events each sink has not delivered, by the names of the sinks.
        capture: keeps the pictures that a person captures; None for no such folder.
    """

    events: KeptEvents | None = None
    corrections: UncertainStore | None = None
    drift: DailyScores | None = None
    queues: Callable[[], Mapping[str, int]] | None = None
    capture: CaptureStore | None = None
