"""Checks whether the model still runs."""

from __future__ import annotations

import asyncio

from graft_device.errors import GraftError
from graft_device.serve.problems import busy
from graft_device.serve.worker import Classification, Worker

FRESH_SECONDS = 30.0
"""A model that ran within this time is known to work; if it has not, it is run again."""

PROBE_SECONDS = 10.0
"""How long that run may take."""


class Health:
    """Checks that the model works: it ran recently, or it runs now."""

    def __init__(self, worker: Worker) -> None:
        """Creates the check; the model is not run until ``check`` is called."""
        self._worker = worker
        self._probe: asyncio.Future[Classification] | None = None

    async def check(self) -> None:
        """Returns if the model works.

        Raises:
            ProblemError: 503, the model fails or hangs.
        """
        if self._worker.idle_seconds <= FRESH_SECONDS:
            return
        if self._probe is None or self._probe.done():  # requests at the same time share one run
            self._probe = asyncio.wrap_future(self._worker.probe().future)
        try:
            await asyncio.wait_for(asyncio.shield(self._probe), PROBE_SECONDS)
        except asyncio.TimeoutError:
            raise busy(f"the model has not run for {PROBE_SECONDS:g} seconds", 10) from None
        except (GraftError, MemoryError):
            raise busy("the model does not run", 10) from None
