"""What the page can show besides live pictures, where a board has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from graft_device.drift.daily import DailyScores
    from graft_device.history.sink import KeptEvents
    from graft_device.preprocess import PhotoSource
    from graft_device.ranking import Prediction


class Corrections(Protocol):
    """Where photos go whose right label a person gave. Any thread may call it."""

    def save_labelled(
        self, photo: PhotoSource, time: str, label: str, predictions: Sequence[Prediction]
    ) -> Path | None:
        """Writes a photo into the folder of a label.

        Args:
            photo: RGB pixels ``[H,W,3]``, uint8, or a file's path or bytes.
            time: when it was taken, ISO 8601 in UTC.
            label: the right label.
            predictions: what the model answered, best first.

        Returns:
            The file; None if it alone is over the limit.

        Raises:
            OSError: it cannot be written.
            PhotoError: the photo cannot be read.
        """


@dataclass(frozen=True)
class Parts:
    """What a board has for the page besides its cameras. Any thread may call the functions.

    Attributes:
        events: the events that are kept; None where none are.
        corrections: takes photos with their right labels; None for no such folder.
        drift: the scores of the models by day; None where none are counted.
        queues: returns how many events each sink has not delivered, by the names of the sinks.
    """

    events: KeptEvents | None = None
    corrections: Corrections | None = None
    drift: DailyScores | None = None
    queues: Callable[[], Mapping[str, int]] | None = None
