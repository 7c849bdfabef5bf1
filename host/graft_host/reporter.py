"""How a run tells of itself, without knowing who listens."""

from __future__ import annotations

import contextlib
from typing import Protocol

from graft_host.isolated import Progress


class Reporter(Protocol):
    """Hears how a run goes."""

    def note(self, text: str) -> None:
        """Something that the person should know."""

    def progress(self, stage: str) -> contextlib.AbstractContextManager[Progress]:
        """Progress of a stage, called with (photos done, photos)."""
