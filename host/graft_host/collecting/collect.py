"""Collects from several boards at a time into one inbox."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from graft_device.errors import GraftError
from graft_host.collecting.board_run import Job, Room, collect_board
from graft_host.collecting.inbox import Inbox, opened
from graft_host.collecting.options import Board, CollectOptions
from graft_host.collecting.result import BoardResult, Collected
from graft_host.collecting.seen import History
from graft_host.support.progress import Progress
from graft_host.support.reporter import Reporter

_AT_A_TIME = 4


def collect(boards: Sequence[Board], options: CollectOptions, reporter: Reporter) -> Collected:
    """Brings the photos that boards kept into an inbox, each once.

    A board that cannot be reached, or whose photos cannot be read, does not stop the others; its result says why.

    Args:
        boards: the boards.
        options: what to collect.
        reporter: receives the bytes that have come.

    Raises:
        GraftError: another collect into the inbox is in progress, the inbox cannot be written, or two boards have the
            same name.
    """
    names = [board.name for board in boards]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise GraftError(f"{min(doubled)} is named more than once", "name each board once")
    if options.dry_run:
        return Collected(options.inbox, _from_boards(boards, options, None, reporter), dry_run=True)
    with opened(options.inbox) as inbox:
        return Collected(options.inbox, _from_boards(boards, options, inbox, reporter))


class _Counter:
    """Adds up what several boards bring."""

    def __init__(self, report: Progress) -> None:
        self._report, self._lock = report, threading.Lock()
        self._arrived = self._expected = 0

    def expect(self, size: int) -> None:
        """More bytes are about to come."""
        with self._lock:
            self._expected += size
            if self._expected:
                self._report(self._arrived, self._expected)

    def arrive(self, size: int) -> None:
        """Bytes have come."""
        with self._lock:
            self._arrived += size
            self._report(self._arrived, max(self._arrived, self._expected))


def _from_boards(
    boards: Sequence[Board], options: CollectOptions, inbox: Inbox | None, reporter: Reporter
) -> tuple[BoardResult, ...]:
    with reporter.progress("collect", "bytes") as report:
        counter = _Counter(report)
        asks = sys.stdin.isatty() and sys.stderr.isatty()
        job = Job(
            history=History(options.inbox) if inbox is None else inbox.history,
            inbox=inbox,
            options=options,
            room=Room(options.max_mb),
            expected=counter.expect,
            arrived=counter.arrive,
            logins=threading.Lock() if asks else contextlib.nullcontext(),
        )
        with ThreadPoolExecutor(_AT_A_TIME, "collect") as pool:
            futures = [pool.submit(_from_board, board, job) for board in boards]
            return tuple(_results(futures, job))


def _from_board(board: Board, job: Job) -> BoardResult:
    return BoardResult(board=board.name) if job.ended.is_set() else collect_board(board, job)


def _results(futures: Sequence[Future[BoardResult]], job: Job) -> Iterator[BoardResult]:
    """The results in order; after a Ctrl-C no other board is begun, and no other batch."""
    try:
        for future in futures:
            yield future.result()
    except BaseException:
        job.ended.set()
        raise
