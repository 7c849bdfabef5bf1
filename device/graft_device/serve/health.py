"""Whether the model still runs."""

from __future__ import annotations

import asyncio

from graft_device.errors import GraftError
from graft_device.serve.problems import busy
from graft_device.serve.worker import Answer, Worker

FRESH_SECONDS = 30.0
"""A model that ran within this time is known to work; after it, it is run again."""

PROBE_SECONDS = 10.0
"""How long that may take."""


class Health:
    """Tells from memory that the model runs where it did a moment ago, and else by running it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._probe: asyncio.Future[Answer] | None = None

    async def check(self) -> None:
        """Returns where the model runs.

        Raises:
            ProblemError: 503, it fails or hangs.
        """
        if self._worker.idle_seconds <= FRESH_SECONDS:
            return
        if self._probe is None or self._probe.done():  # whoever asks meanwhile waits for the same run
            self._probe = asyncio.wrap_future(self._worker.probe().future)
        try:
            await asyncio.wait_for(asyncio.shield(self._probe), PROBE_SECONDS)
        except asyncio.TimeoutError:
            raise busy(f"the model has not run for {PROBE_SECONDS:g} seconds", 10) from None
        except (GraftError, MemoryError):
            raise busy("the model does not run", 10) from None
