"""Rules: which events a sink gets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_device.actions.action_error import ActionError
from graft_device.actions.rules import Rule, Ruled, RuledStates
from graft_device.config.sinks import WEEKDAYS, RuleSettings
from graft_device.outputs.events import Event, new_id
from graft_device.ranking import Prediction
from tests.support.sinks import Calling

MINUTE = timedelta(minutes=1)


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is that of Berlin: +1 hour, +2 hours in summer."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def seen(label: str = "cat", score: float = 0.9, **fields: Any) -> Event:
    given = {"time": "2026-06-15T12:00:00.000Z", "source": "door", "kind": "enter", **fields}
    return Event(new_id(), 1, predictions=(Prediction(label, score),), unknown=False, ms={}, **given)


def rule(clock: Clock | None = None, **settings: Any) -> Rule:
    return Rule(RuleSettings(("phone",), **settings), clock or Clock())


def test_a_rule_without_conditions_lets_everything_pass() -> None:
    assert rule().allows(seen())
    assert rule().allows(replace(seen(), unknown=True, clock_set=False))


@pytest.mark.parametrize(
    ("condition", "passes", "stays"),
    [
        ({"labels": ("cat", "dog")}, {"label": "dog"}, {"label": "fox"}),
        ({"labels": ("unknown",)}, {"unknown": True}, {"label": "cat"}),
        ({"sources": ("door",)}, {"source": "door"}, {"source": "yard"}),
        ({"regions": ("bowl",)}, {"region": "bowl"}, {"region": None}),
        ({"models": ("pets",)}, {"model": "pets"}, {"model": "birds"}),
        ({"kinds": ("enter",)}, {"kind": "enter"}, {"kind": "leave"}),
        ({"min_score": 0.8}, {"score": 0.8}, {"score": 0.79}),
    ],
)
def test_each_condition_counts(condition: dict[str, Any], passes: dict[str, Any], stays: dict[str, Any]) -> None:
    def event(unknown: bool = False, **fields: Any) -> Event:
        return replace(seen(**fields), unknown=unknown)

    assert rule(**condition).allows(event(**passes))
    assert not rule(**condition).allows(event(**stays))
    assert not rule(**{**condition, "sources": ("cellar",)}).allows(event(**passes)), "all of them count together"


@pytest.mark.parametrize(
    ("after", "until", "inside", "outside"),
    [
        ("08:00", "18:00", ("08:00:00", "17:59:59"), ("07:59:59", "18:00:00")),
        ("22:00", "06:00", ("22:00:00", "23:59:59", "00:00:00", "05:59:59"), ("06:00:00", "21:59:59")),
        ("22:00", None, ("22:00:00", "23:59:59"), ("00:00:00", "21:59:59")),
        (None, "6:00", ("00:00:00", "05:59:59"), ("06:00:00", "23:59:59")),
        ("22:00", "00:00", ("22:00:00", "23:59:59"), ("00:00:00",)),
        ("07:00", "07:00", ("07:00:00", "06:59:59", "00:00:00"), ()),
    ],
)
@pytest.mark.usefixtures("berlin")
def test_the_time_of_day_is_local(after: str | None, until: str | None, inside: Any, outside: Any) -> None:
    def allows(clock: str) -> bool:
        local = datetime.fromisoformat(f"2026-06-15T{clock}+02:00")
        utc = local.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        return rule(after=after, until=until).allows(seen(time=utc))

    assert all(map(allows, inside))
    assert not any(map(allows, outside))


@pytest.mark.usefixtures("berlin")
def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday = rule(after="22:00", until="06:00", weekdays=("fri",))
    assert friday.allows(seen(time="2026-06-19T21:00:00Z"))  # Friday, 23:00
    assert friday.allows(seen(time="2026-06-20T03:00:00Z"))  # Saturday, 05:00
    assert not friday.allows(seen(time="2026-06-20T21:00:00Z"))  # Saturday, 23:00
    assert not friday.allows(seen(time="2026-06-19T03:00:00Z"))  # Friday, 05:00
    whole_day = rule(weekdays=("sat", "sun"))
    assert whole_day.allows(seen(time="2026-06-19T22:00:00Z"))  # Saturday, 00:00
    assert not whole_day.allows(seen(time="2026-06-19T21:59:59Z"))


@pytest.mark.usefixtures("berlin")
def test_on_days_on_which_the_clock_is_set_the_wall_clock_counts() -> None:
    night = rule(after="22:00", until="02:30", weekdays=("sat",))
    assert night.allows(seen(time="2026-03-29T00:59:59Z"))  # 01:59:59, and then it is 03:00
    assert not night.allows(seen(time="2026-03-29T01:00:00Z"))
    twice = rule(after="02:00", until="02:30", weekdays=("sun",))
    times = [datetime(2026, 10, 25, 0, tzinfo=timezone.utc) + timedelta(minutes=15 * n) for n in range(9)]
    inside = [moment for moment in times if twice.allows(seen(time=moment.isoformat()))]
    assert [f"{moment:%H:%M}" for moment in inside] == ["00:00", "00:15", "01:00", "01:15"]


@given(
    st.integers(0, 366 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=timezone.utc) + minutes * MINUTE),
    st.integers(0, 1439),
    st.integers(0, 1439),
)
def test_a_part_of_the_day_and_the_rest_are_the_whole_day(moment: datetime, after: int, until: int) -> None:
    first, second = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (after, until))
    event = seen(time=moment.isoformat())
    one, other = rule(after=first, until=second), rule(after=second, until=first)
    if first == second:
        assert one.allows(event)
        assert other.allows(event)
    else:
        assert one.allows(event) != other.allows(event)
    days = [rule(after=first, until=second, weekdays=(day,)).allows(event) for day in WEEKDAYS]
    assert sum(days) == one.allows(event), "each moment belongs to one day"


@pytest.mark.parametrize("text", ["24:00", "7", "07:60", "7 pm", "", "7:5"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ActionError, match="is not a time of day; write it as HH:MM"):
        rule(after=text)


def test_at_most_once_in_some_seconds() -> None:
    clock = Clock()
    minute = rule(clock, labels=("cat",), at_most_every=60)
    assert minute.allows(seen())
    clock.now += 59.9
    assert not minute.allows(seen())
    assert not minute.allows(seen("dog"))
    clock.now += 0.1
    assert minute.allows(seen())


@pytest.mark.parametrize("jump", [timedelta(days=-20_000), timedelta(days=20_000)])
def test_a_clock_that_jumps_neither_blocks_a_rule_nor_opens_it(jump: timedelta) -> None:
    clock = Clock()
    minute = rule(clock, at_most_every=60)
    assert minute.allows(seen())
    jumped = (datetime(2026, 6, 15, tzinfo=timezone.utc) + jump).isoformat()
    clock.now += 30
    assert not minute.allows(seen(time=jumped))
    clock.now += 30
    assert minute.allows(seen(time=jumped))


def test_two_sinks_of_one_rule_get_the_same_events() -> None:
    clock = Clock()
    shared = rule(clock, at_most_every=60)
    got: dict[str, list[str]] = {"one": [], "two": []}
    sinks = [
        Ruled(Calling(lambda event, ids=ids: ids.append(event.id)), [shared], print)  # type: ignore[misc]
        for ids in got.values()
    ]
    for _ in range(5):
        event = seen()
        for sink in sinks:
            sink.put(event)
            clock.now += 10
    assert got["one"] == got["two"]
    assert len(got["one"]) == 2


def test_a_sink_gets_what_any_of_its_rules_lets_pass() -> None:
    got: list[str] = []
    notes: list[str] = []
    rules = [rule(labels=("cat",)), rule(labels=("dog",), min_score=0.95)]
    sink = Ruled(Calling(lambda event: got.append(event.label)), rules, notes.append)
    for event in (seen("cat"), seen("dog"), seen("dog", 0.97), seen("fox")):
        sink.put(event)
    assert got == ["cat", "dog"]
    assert notes == []


def test_while_the_clock_is_not_set_no_time_of_day_is_right_and_a_note_says_so() -> None:
    got: list[str] = []
    notes: list[str] = []
    sink = Ruled(Calling(lambda event: got.append(event.label)), [rule(after="00:00", until="00:00")], notes.append)
    for _ in range(2):
        sink.put(seen(clock_set=False))
    assert got == []
    assert notes == ["function: the clock is not set, so rules with a time of day or weekdays wait for it"]
    sink.put(seen())
    assert got == ["cat"]


def test_a_sink_that_follows_states_gets_the_end_of_each_state_that_it_got() -> None:
    got: list[tuple[str, str]] = []
    record = Calling(lambda event: got.append((event.kind, event.view)))
    sink = RuledStates(record, [rule(labels=("cat",), kinds=("enter",), until="06:00")], print)
    night, day = "2026-06-15T01:00:00Z", "2026-06-15T10:00:00Z"
    sink.put(seen(view="bowl", time=night))
    sink.put(seen("dog", view="bed", time=night))
    sink.put(seen("dog", view="bed", time=day, kind="leave"))
    sink.put(seen(view="bowl", time=day, kind="leave"))
    sink.put(seen(view="bowl", time=day, kind="leave"))
    assert got == [("enter", "bowl"), ("leave", "bowl")]
