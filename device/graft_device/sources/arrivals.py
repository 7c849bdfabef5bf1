"""Decides which files of a watched folder are complete, from one scan to the next."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from graft_device.sources.scanning import State

RESTLESS_SCANS = 4
"""The number of scans after which a file that is rewritten all the time is read although it never rests."""

COARSE_S = 2.0
"""Seconds for which a file must rest whose time is in whole seconds: FAT counts time in steps of two."""

_REWRITTEN = 2
_SECOND_NS = 1_000_000_000
_RECENT_S = 86_400


@dataclass(frozen=True)
class Arrival:
    """A file with something new in it.

    Attributes:
        path: the file.
        state: its state in the last scan.
        restless: whether it changes all the time, so that what is in it now must be read at once.
        scans: the number of scans since it was first seen, or since it was last given.
        rewritten: in how many of them it had been replaced or written again, and not only grown.
    """

    path: str
    state: State
    restless: bool
    scans: int
    rewritten: int


@dataclass
class _Seen:
    """What is known of a file that has not been given.

    Attributes:
        scan: the number of the scan in which it was first seen.
        state: its state in the last scan.
        since: when it was first seen in that state, in seconds of ``time.monotonic``.
        rewritten: how often it was replaced or written again.
    """

    scan: int
    state: State
    since: float
    rewritten: int = 0


class Arrivals:
    """The files of a folder: those that were given, and those that may still be written.

    A file is complete when it is the same in two scans. One that is rewritten all the time, such as a camera's newest
    picture, never is. After ``RESTLESS_SCANS`` it counts as restless, and then each of its changes is an arrival.
    """

    def __init__(self, patient: bool) -> None:
        """Knows no file.

        Args:
            patient: whether a file with a coarse time must rest for ``COARSE_S``, because a later change in the same
                two seconds could not be seen.
        """
        self._patient = patient
        self._known: dict[str, State] = {}
        self._seen: dict[str, _Seen] = {}
        self._restless: set[str] = set()
        self._scans = 0

    def give(self, path: str, state: State) -> None:
        """Records that a file was given in a state."""
        self._known[path] = state
        self._seen.pop(path, None)

    def scanned(self, before: Mapping[str, State], now: Mapping[str, State]) -> list[Arrival]:
        """The files that are complete or restless, by two successive scans."""
        self._scans += 1
        arrivals = []
        for path, state in now.items():
            rests = path in before and before[path].same(state)
            known = self._known.get(path)
            if known is not None and known.same(state):
                self._seen.pop(path, None)
                if rests:
                    self._restless.discard(path)
                continue
            arrival = self._arrival(path, state, rests)
            if arrival is not None:
                arrivals.append(arrival)
        there = before.keys() | now.keys() if self._seen or self._restless else ()
        self._seen = {path: seen for path, seen in self._seen.items() if path in there}
        self._restless = {path for path in self._restless if path in there}
        return arrivals

    def follow(self, photos: Mapping[str, State], unread: tuple[str, ...]) -> None:
        """Forgets files that are gone, and recognizes those that were only renamed.

        Args:
            photos: all files that are there.
            unread: the beginnings of paths below which nothing could be read now.
        """
        gone = {path for path in self._known if path not in photos and not path.startswith(unread)}
        if not gone:
            return
        moved = {self._known[path].key for path in gone if self._known[path].is_precise}
        self._known = {path: state for path, state in self._known.items() if path not in gone}
        if moved:
            renamed = {path: s for path, s in photos.items() if s.key in moved and path not in self._known}
            self._known.update(renamed)

    def _arrival(self, path: str, state: State, rests: bool) -> Arrival | None:
        seen = self._seen.get(path)
        if seen is None:
            seen = self._seen[path] = _Seen(self._scans, state, time.monotonic())
        elif not seen.state.same(state):
            seen.rewritten += state.size <= seen.state.size or state.inode != seen.state.inode
            seen.state, seen.since = state, time.monotonic()
        scans = self._scans - seen.scan
        if rests and (not self._patient or not _is_coarse(state) or time.monotonic() - seen.since >= COARSE_S):
            self._restless.discard(path)
            return Arrival(path, state, False, scans, seen.rewritten)
        if path not in self._restless and (scans < RESTLESS_SCANS or seen.rewritten < _REWRITTEN):
            return None
        self._restless.add(path)
        return Arrival(path, state, True, scans, seen.rewritten)


def _is_coarse(state: State) -> bool:
    """Whether a file was written lately, by a clock that counts whole seconds."""
    return state.mtime_ns % _SECOND_NS == 0 and abs(time.time() - state.mtime_ns / _SECOND_NS) < _RECENT_S
