"""How old events are, whatever the clock shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graft_device.history.calendar import Calendar, Count

DAY = 86_400.0
DAYS = 30
CREDIT = DAYS * DAY / 4
NOW = 1.8e9


def run(stored: Count, start: float, seconds: float, *, steps: int = 10) -> Count:
    """A run with a sound clock that begins at ``start``."""
    calendar = Calendar(stored, CREDIT)
    for step in range(steps + 1):
        calendar.at(1000 + seconds * step / steps, start + seconds * step / steps)
    return calendar.count


def test_a_board_that_runs_all_day_counts_the_days_of_the_calendar() -> None:
    count = run(Count(), NOW, 40 * DAY)
    assert count.age == 40 * DAY


def test_nights_and_holidays_without_a_run_count_too() -> None:
    count = Count()
    for day in range(20):
        count = run(count, NOW + day * DAY, 8 * 3600)
    assert count.age == 19 * DAY + 8 * 3600
    count = run(count, NOW + 26 * DAY, 3600)  # a week off
    assert count.age == 26 * DAY + 3600


def test_a_clock_that_starts_in_1970_and_is_set_later_counts_only_the_time_between() -> None:
    count = run(Count(), NOW, DAY)
    calendar = Calendar(count, CREDIT)
    calendar.at(10, 20)  # 1970
    calendar.at(40, NOW + DAY + 300)
    assert DAY <= calendar.count.age <= DAY + 330


def test_a_clock_that_shows_2040_makes_nothing_old_and_is_forgotten() -> None:
    count = run(Count(), NOW, 5 * DAY)
    wrong = run(count, NOW + 14 * 365 * DAY, 3600)
    assert wrong.age <= 5 * DAY + CREDIT + 4 * 3600
    again = run(wrong, NOW + 5 * DAY + 7200, 30 * DAY)
    assert again.age <= 35 * DAY + CREDIT + 4 * 3600


@given(
    st.lists(
        st.tuples(st.floats(0, 4e9), st.lists(st.tuples(st.floats(0, 10 * DAY), st.floats(-4e9, 4e9)), max_size=6)),
        max_size=8,
    )
)
def test_no_clock_ages_a_history_faster_than_four_times_its_running_time_and_a_quarter_of_its_days(
    runs: list[tuple[float, list[tuple[float, float]]]],
) -> None:
    """So at least the newest ``(DAYS - DAYS / 4) / 4`` days of running time stay, whatever clocks show."""
    count, ran, before = Count(), 0.0, 0.0
    for clock, steps in runs:
        calendar, monotonic = Calendar(count, CREDIT), 50.0
        calendar.at(monotonic, clock)
        for passed, shown in steps:
            monotonic, ran = monotonic + passed, ran + passed
            calendar.at(monotonic, shown)
            assert before <= calendar.count.age <= 4 * ran + CREDIT + 1
            before = calendar.count.age
        count = calendar.count
