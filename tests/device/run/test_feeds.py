"""Several sources in one run: their frames come in turn, and one that fails or waits holds up no other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from graft_device.run.feeds import Feed, Feeds
from graft_device.sources.base import Frame, SourceError, utc_now
from graft_device.system.stopping import Stop


class Given:
    """Gives so many frames; fails then, if that is wanted."""

    def __init__(self, name: str, count: int, live: bool = False, error: str = "") -> None:
        self.name = name
        self.live = live
        self.read = 0
        self._count = count
        self._error = error

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        for number in range(1, self._count + 1):
            if stop.wanted:
                return
            self.read = number
            yield Frame(lambda: "x", self.name, number, utc_now(), time.monotonic())
        if self._error:
            raise SourceError(self._error)


class Waiting(Given):
    """Never gives a frame, and says so."""

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        while not stop.wanted:
            time.sleep(0.01)
            yield None


def taken(feeds: list[Feed], notes: list[str] | None = None) -> list[str]:
    """The names of the sources of all frames, in order."""
    with Feeds(feeds, Stop(), (notes if notes is not None else []).append) as running:
        return [turn.frame.source for turn in running.turns() if turn is not None]


def test_every_frame_of_every_source_that_waits() -> None:
    assert Counter(taken([Feed(Given("a", 20)), Feed(Given("b", 5))])) == {"a": 20, "b": 5}


def test_a_frame_is_read_only_when_it_is_asked_for() -> None:
    source = Given("a", 100)
    with Feeds([Feed(source)], Stop(), print) as running, closing(running.turns()) as turns:  # type: ignore[type-var]
        seen = 0
        for turn in turns:
            seen += turn is not None
            assert source.read <= seen + 1
            if seen == 10:
                break
    assert source.read <= 11


def test_a_source_that_has_nothing_holds_up_no_other() -> None:
    stop = Stop()
    seen = 0
    with Feeds([Feed(Waiting("quiet", 0)), Feed(Given("b", 30))], stop, print) as running:
        for turn in running.turns():
            seen += turn is not None
            stop.wanted = seen == 30
    assert seen == 30


def test_a_source_that_fails_ends_alone() -> None:
    notes: list[str] = []
    names = taken([Feed(Given("a", 2, error="a is gone")), Feed(Given("b", 50))], notes)
    assert Counter(names) == {"a": 2, "b": 50}
    assert notes == ["a is gone; the other sources go on"]


def test_where_all_fail_the_first_reason_is_raised() -> None:
    with pytest.raises(SourceError, match="is gone"):
        taken([Feed(Given("a", 0, error="a is gone")), Feed(Given("b", 0, error="b is gone"))])


def test_one_frame_of_each_camera() -> None:
    names = taken([Feed(Given("a", 5, live=True), most=1), Feed(Given("b", 5, live=True), most=1)])
    assert Counter(names) == {"a": 1, "b": 1}


def test_an_error_that_is_no_source_error_is_not_swallowed() -> None:
    class Broken(Given):
        def frames(self, stop: Stop) -> Iterator[Frame | None]:
            yield from super().frames(stop)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        taken([Feed(Broken("a", 0)), Feed(Given("b", 5))])
