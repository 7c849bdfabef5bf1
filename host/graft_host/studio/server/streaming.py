"""Answers requests that take seconds: lines of JSON with how far it is, and the result in the last one."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import Any

from starlette.responses import StreamingResponse

from graft_device.errors import GraftError
from graft_device.serve.problems import NO_STORE
from graft_host.studio.trials.occlusion import StoppedError

Work = Callable[[Callable[[int, int], None], Callable[[], bool]], Any]
"""What takes long: gets what is called with (steps done, steps in all), and what returns whether nobody waits."""

_PAUSE_S = 0.1
"""Between two lines about how far it is."""


def streamed(threads: Executor, work: Work) -> StreamingResponse:
    """Does some work in a thread, and stops it when the browser goes away.

    The lines are objects with ``progress``, a list of (done, in all), and one with ``result`` or ``problem``, a text.

    Args:
        threads: where the work is done.
        work: what to do.
    """
    loop, lines, stop = asyncio.get_running_loop(), asyncio.Queue[dict[str, Any] | None](), threading.Event()

    def put(line: dict[str, Any] | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lines.put_nowait, line)

    def run() -> None:
        last = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last >= _PAUSE_S:
                last = time.monotonic()
                put({"progress": [done, total]})

        try:
            put({"result": work(progress, stop.is_set)})
        except StoppedError:
            pass
        except GraftError as error:
            put({"problem": str(error)})
        finally:
            put(None)

    async def sent() -> AsyncIterator[bytes]:
        done = loop.run_in_executor(threads, run)
        try:
            while (line := await lines.get()) is not None:
                yield json.dumps(line).encode() + b"\n"
            await done
        finally:
            stop.set()

    return StreamingResponse(sent(), headers=NO_STORE, media_type="application/x-ndjson")
