"""Collects from one board: lists, brings what is new, puts it into the inbox, and removes it there if wanted."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from graft_device.errors import GraftError
from graft_device.preprocess.limits import MAX_BYTES
from graft_host.collecting.inbox import Arrival, Inbox
from graft_host.collecting.looking import KeptFile, Listing, answers, list_board, may_use_sudo
from graft_host.collecting.options import MB, Board, CollectOptions
from graft_host.collecting.result import BoardResult, Removed
from graft_host.collecting.seen import History, Place
from graft_host.collecting.transferring import fetch, place_of
from graft_host.deploy.errors import DeployError, UnreachableError
from graft_host.deploy.ssh import Connection, connected

_BATCH, _BATCH_BYTES = 200, 64 * MB


class Room:
    """The bytes that may still come in this run; boards share it."""

    def __init__(self, max_mb: float) -> None:
        self._left = int(max_mb * MB)
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Takes room for a photo; returns False if there is too little."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True


@dataclass(frozen=True, kw_only=True)
class Job:
    """A collect in progress, which boards share.

    Attributes:
        history: what came before.
        inbox: where the photos go; None to list only.
        options: what to collect.
        room: what may still come.
        expected: called with the bytes that a board is about to send.
        arrived: called with the bytes of each photo that arrived.
        logins: held while a board is connected; ssh may ask for a password.
        ended: set when the run was interrupted.
    """

    history: History
    inbox: Inbox | None
    options: CollectOptions
    room: Room
    expected: Callable[[int], None]
    arrived: Callable[[int], None]
    logins: contextlib.AbstractContextManager[object]
    ended: threading.Event = field(default_factory=threading.Event)


def collect_board(board: Board, job: Job) -> BoardResult:
    """Collects from one board; its errors are in the result, so that other boards go on."""
    start = time.monotonic()
    run = _BoardRun(board, job)
    try:
        run.carry_out()
    except GraftError as error:
        text = error.without_board() if isinstance(error, DeployError) else str(error)
        run.result = replace(run.result, error=text, error_status=error.exit_status)
    return replace(run.result, seconds=time.monotonic() - start)


class _BoardRun:
    """One board's part of a collect; ``result`` is what has happened so far."""

    def __init__(self, board: Board, job: Job) -> None:
        self._board, self._job = board, job
        self.result = BoardResult(board=board.name)

    def carry_out(self) -> None:
        """Lists, brings and removes; raises GraftError where it cannot go on."""
        with contextlib.ExitStack() as stack:
            with self._job.logins:
                connection = stack.enter_context(connected(self._board.target, self._board.ssh))
            try:
                self._collect(connection)
            except UnreachableError as error:
                what = "the connection was lost, and what had come is kept"
                raise UnreachableError(what, "collect again", board=self._board.target) from error

    def _collect(self, connection: Connection) -> None:
        listing = list_board(connection, self._job.options.folders)
        self._note_folders(listing)
        before, wanted = self._sorted_out(listing)
        self.result = replace(self.result, coming=tuple((photo.path, photo.bytes) for photo in wanted))
        if self._job.inbox is None:
            return
        if self._job.options.move:
            self._remove(connection, before)
        self._job.expected(sum(photo.bytes for photo in wanted))
        self._bring(connection, self._job.inbox, listing, wanted)
        if not (self.result.left or self._job.ended.is_set()):
            self._job.inbox.clear(self._board.name)

    def _note_folders(self, listing: Listing) -> None:
        problems = []
        for folder in listing.folders:
            if folder.state == "denied":
                what = f"{listing.user} may not read {folder.name}"
                host = replace(self._board.target, user="root")
                problems.append(f"{what}; allow {listing.user} to use sudo without a password, or log in as {host}")
            elif folder.state == "crowded":
                problems.append(f"there are too many files in {folder.name}; name the folder with the photos in --from")
            elif folder.state == "missing" and self._job.options.folders:
                problems.append(f"there is no folder {folder.name}; check --from")
            elif folder.state not in {"ok", "missing"}:
                problems.append(f"{folder.name} cannot be read ({folder.state})")
        if not listing.folders:
            problems.append("no graftkit service there keeps photos; name their folder with --from")
        self.result = replace(
            self.result,
            found=len(listing.photos),
            others=listing.others,
            folders=tuple(folder.name for folder in listing.folders if folder.state == "ok"),
            problems=tuple(problems),
        )

    def _place(self, photo: KeptFile) -> Place:
        return Place(self._board.name, photo.path, photo.bytes, photo.modified)

    def _sorted_out(self, listing: Listing) -> tuple[list[tuple[KeptFile, str]], list[KeptFile]]:
        """The photos that came before with their SHA-256, and those to bring."""
        before, wanted, refused, left = [], [], [], 0
        for photo in listing.photos:
            place = self._place(photo)
            if (sha256 := self._job.history.collected(place)) is not None:
                before.append((photo, sha256))
            elif why := self._job.history.refused(place):
                refused.append((photo.path, why))
            elif not 0 < photo.bytes <= MAX_BYTES:
                refused.append((photo.path, "too large" if photo.bytes else "the file is empty"))
            elif self._job.room.take(photo.bytes):
                wanted.append(photo)
            else:
                left += 1
        taken = replace(self.result.taken, refused=tuple(refused))
        self.result = replace(self.result, before=len(before), left=left, taken=taken)
        return before, wanted

    def _bring(self, connection: Connection, inbox: Inbox, listing: Listing, wanted: Sequence[KeptFile]) -> None:
        """Brings photos in batches; one is put into the inbox, and removed from the board, while the next is sent."""
        work = inbox.arriving(self._board.name)
        with ThreadPoolExecutor(1, "take") as pool:
            pending: Future[None] | None = None
            for batch in _batches(wanted):
                if self._job.ended.is_set():
                    break
                sent = fetch(connection, batch, work, listing.rsync, self._job.arrived)
                if pending is not None:
                    pending.result()
                pending = pool.submit(self._take, connection, inbox, listing, batch, sent)
            if pending is not None:
                pending.result()

    def _take(
        self, connection: Connection, inbox: Inbox, listing: Listing, batch: Sequence[KeptFile], sent: int
    ) -> None:
        work, models = inbox.arriving(self._board.name), dict(listing.models)
        arrivals = [
            Arrival(board=self._board.name, photo=photo, path=place_of(photo, work), models=models) for photo in batch
        ]
        taken = inbox.take(arrivals)
        self.result = replace(self.result, taken=self.result.taken + taken, sent=self.result.sent + sent)
        if self._job.options.move:
            found = ((photo, self._job.history.collected(self._place(photo))) for photo in batch)
            self._remove(connection, [(photo, sha256) for photo, sha256 in found if sha256 is not None])

    def _remove(self, connection: Connection, photos: Sequence[tuple[KeptFile, str]]) -> None:
        """Removes photos from the board, each only if its content there is what came."""
        for by_root, group in groupby(photos, key=lambda one: one[0].folder.by_root):
            asked = list(group)
            said = _removal(connection, asked, by_root)
            denied = [number for number, line in enumerate(said) if line["state"] == "denied"]
            if denied and not by_root and may_use_sudo(connection):
                more = _removal(connection, [asked[number] for number in denied], by_root=True)
                for number, line in zip(denied, more, strict=False):
                    said[number] = line
            removed = sum(line["state"] == "removed" for line in said)
            kept = [
                (photo.path, str(line.get("why", "it changed meanwhile")))
                for (photo, _), line in zip(asked, said, strict=False)
                if line["state"] not in {"removed", "gone"}
            ]
            self.result = replace(self.result, removed=self.result.removed + Removed(removed, tuple(kept)))


def _removal(connection: Connection, photos: Sequence[tuple[KeptFile, str]], by_root: bool) -> list[dict[str, Any]]:
    """Asks the board to remove photos, and returns what became of each."""
    files = [[photo.folder.path, list(photo.parts), sha256] for photo, sha256 in photos]
    return answers(connection, "remove", {"files": files}, by_root)


def _batches(photos: Sequence[KeptFile]) -> Iterator[list[KeptFile]]:
    """Groups of photos of one folder that are sent together."""
    for _, group in groupby(photos, key=lambda photo: photo.folder):
        batch: list[KeptFile] = []
        for photo in group:
            if batch and (len(batch) == _BATCH or sum(one.bytes for one in batch) + photo.bytes > _BATCH_BYTES):
                yield batch
                batch = []
            batch.append(photo)
        if batch:
            yield batch
