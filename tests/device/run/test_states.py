from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_device.config.settings import AnswerSettings, Confirm
from graft_device.ranking import UNKNOWN
from graft_device.run.states import States, Transition

SCORE = 0.9


def answers(states: States, text: str, start: float = 0.0, step: float = 1.0) -> list[tuple[float, str, str]]:
    """Gives one answer a step: ``c`` cat, ``d`` dog, ``u`` unknown, ``-`` no frame, ``.`` held back, ``x`` lost.

    Returns:
        What changed: when, ``enter`` or ``leave``, and the label.
    """
    seen = []
    for index, letter in enumerate(text):
        now = start + index * step
        seen += [(now, change.kind, change.label) for change in moved(states, letter, now)]
    return seen


def moved(states: States, letter: str, now: float) -> list[Transition]:
    if letter in "-.x":
        return {"-": states.tick, ".": states.still, "x": states.lost}[letter](now)
    return states.add({"c": "cat", "d": "dog", "u": UNKNOWN}[letter], SCORE, now)


def settings(confirm: str = "", hold: float = 0.0, clear_after: float | None = None) -> AnswerSettings:
    votes, _, window = confirm.partition("/")
    voting = Confirm(int(votes), int(window or votes)) if confirm else None
    return AnswerSettings(confirm=voting, hold=hold, clear_after=clear_after)


def test_a_state_begins_with_the_answer_that_confirms_it_and_ends_when_unknown_is_confirmed() -> None:
    states = States(settings("3"))
    assert answers(states, "ccdcccuucuuu") == [(5, "enter", "cat"), (11, "leave", "cat")]
    assert states.label is None


def test_two_of_three_bear_an_odd_answer() -> None:
    assert answers(States(settings("2/3")), "cdcudcuu") == [(2, "enter", "cat"), (7, "leave", "cat")]


def test_another_label_leaves_the_old_state_first_at_the_same_moment() -> None:
    states = States(settings("2"))
    assert answers(states, "ccdd") == [(1, "enter", "cat"), (3, "leave", "cat"), (3, "enter", "dog")]
    assert states.label == "dog"


def test_labels_that_both_have_enough_votes_do_not_take_turns() -> None:
    assert answers(States(settings("2/6")), "ccdcdcdcdcd") == [(1, "enter", "cat")]


def test_a_hold_keeps_a_flickering_label_from_a_storm() -> None:
    assert len(answers(States(settings("1")), "cdcdcdcdcdcd")) > 20
    held = answers(States(settings(hold=5)), "cdcdcdcdcdcd")
    assert held == [(0, "enter", "cat"), (5, "leave", "cat"), (5, "enter", "dog"), (10, "leave", "dog"),
                    (10, "enter", "cat")]  # fmt: skip


def test_after_its_hold_a_state_becomes_what_was_confirmed_meanwhile() -> None:
    assert answers(States(settings("2", hold=6)), "ccdd----") == [
        (1, "enter", "cat"), (7, "leave", "cat"), (7, "enter", "dog"),
    ]  # fmt: skip
    assert answers(States(settings("2", hold=6)), "ccddcc----") == [(1, "enter", "cat")]


def test_with_clear_after_unknown_answers_end_a_state_only_when_the_time_is_over() -> None:
    states = States(settings("2", clear_after=4))
    assert answers(states, "ccuuucuuuuuu") == [(1, "enter", "cat"), (10, "leave", "cat")]


def test_with_clear_after_answers_that_agree_on_nothing_end_a_state_too() -> None:
    assert answers(States(settings("3", clear_after=4)), "cccududud") == [(2, "enter", "cat"), (7, "leave", "cat")]


def test_with_clear_after_another_label_still_replaces_a_state_at_once() -> None:
    states = States(settings("2", clear_after=60))
    assert answers(states, "ccdd")[1:] == [(3, "leave", "cat"), (3, "enter", "dog")]


def test_an_ended_state_needs_new_answers_to_begin_again() -> None:
    states = States(settings("3/20", clear_after=3))
    assert answers(states, "cccuuuucuc") == [(2, "enter", "cat"), (6, "leave", "cat")]
    assert answers(states, "c", 10) == [(10, "enter", "cat")]


def test_a_camera_that_is_asked_once_a_minute_keeps_its_state_between_the_answers() -> None:
    assert answers(States(settings(clear_after=5)), "c-----------c-----------c") == [(0, "enter", "cat")]
    assert answers(States(settings(clear_after=5)), "c-----------u-----------")[1:] == [(17, "leave", "cat")]


def test_of_photos_that_come_one_by_one_the_time_begins_with_each() -> None:
    photos = States(settings(clear_after=5), lasting=False)
    assert answers(photos, "c---c--------") == [(0, "enter", "cat"), (9, "leave", "cat")]
    assert answers(States(settings(clear_after=0), lasting=False), "cc") == [(0, "enter", "cat")]


def test_a_frame_without_motion_says_again_what_the_last_answer_said() -> None:
    assert answers(States(settings(clear_after=5), lasting=False), "c............") == [(0, "enter", "cat")]
    assert answers(States(settings(clear_after=5)), "cu............") == [(0, "enter", "cat"), (6, "leave", "cat")]


def test_a_lost_camera_ends_the_state_at_once_or_after_the_time() -> None:
    assert answers(States(settings("2")), "ccxx") == [(1, "enter", "cat"), (2, "leave", "cat")]
    assert answers(States(settings("2", clear_after=3)), "ccxxxxx") == [(1, "enter", "cat"), (5, "leave", "cat")]
    assert answers(States(settings("2", clear_after=3)), "ccxxcxxc") == [(1, "enter", "cat")], "it came back in time"
    assert answers(States(settings("2", hold=4)), "ccxx--") == [(1, "enter", "cat"), (5, "leave", "cat")]


def test_answers_from_before_the_camera_was_lost_do_not_count() -> None:
    assert answers(States(settings("2")), "cxcc") == [(3, "enter", "cat")]


def test_the_end_of_a_run_leaves_the_state_in_spite_of_its_hold() -> None:
    states = States(settings("1", hold=100, clear_after=100))
    answers(states, "c")
    assert states.end(2.5) == [Transition("leave", "cat", SCORE, 2.5, 0.0)]
    assert states.end(3.0) == []
    assert states.label is None


def test_a_leave_has_the_duration_and_the_score_of_the_last_answer_with_its_label() -> None:
    states = States(settings("1"))
    assert states.add("cat", 0.7, 10) == [Transition("enter", "cat", 0.7, None, 10)]
    states.add("cat", 0.8, 11)
    assert states.add(UNKNOWN, 0.3, 13.5) == [Transition("leave", "cat", 0.8, 3.5, 10)]


CONFIRMS = st.none() | st.tuples(st.integers(1, 5), st.integers(0, 3)).map(lambda n: Confirm(n[0], n[0] + n[1]))
SETTINGS = st.builds(
    AnswerSettings,
    confirm=CONFIRMS,
    hold=st.sampled_from([0.0, 0.5, 4.0]) | st.floats(0, 30),
    clear_after=st.none() | st.sampled_from([0.0, 1.0, 5.0]) | st.floats(0, 30),
)
STEPS = st.lists(st.tuples(st.sampled_from("ccccdddu-.x"), st.sampled_from([0.0, 0.1, 1.0, 7.0])), max_size=120)


@given(SETTINGS, st.booleans(), STEPS)
def test_whatever_happens_enters_and_leaves_alternate_and_no_limit_is_undercut(
    limits: AnswerSettings, lasting: bool, steps: list[tuple[str, float]]
) -> None:
    states = States(limits, lasting)
    confirm = limits.confirm or Confirm(1, 1)
    window: deque[str] = deque(maxlen=confirm.window)
    last_hit: dict[str, list[bool]] = {}
    entered: tuple[str, float] | None = None
    now = 1000.0
    for letter, pause in [*steps, ("end", 1.0)]:
        now += pause
        changes = states.end(now) if letter == "end" else moved(states, letter, now)
        if letter == "x":
            window.clear()
        elif letter in "cdu":
            window.append(letter)
            label = {"c": "cat", "d": "dog", "u": UNKNOWN}[letter]
            last_hit.setdefault(label, []).append(window.count(letter) >= confirm.votes)
        assert len(changes) <= 2
        for change in changes:
            assert change.label != UNKNOWN
            if change.kind == "enter":
                assert entered is None
                assert change.duration is None
                assert change.since == now
                assert any(last_hit[change.label]), "no N of M answers agreed"
                last_hit[change.label] = []
                entered = change.label, now
            else:
                assert entered == (change.label, change.since)
                assert change.duration == now - change.since >= 0
                assert letter == "end" or change.duration >= limits.hold
                entered = None
        assert states.label == (None if entered is None else entered[0])
    assert entered is None, "a lamp would stay on"


@given(SETTINGS, STEPS)
def test_a_clock_that_stands_or_goes_back_gives_no_negative_duration(
    limits: AnswerSettings, steps: list[tuple[str, float]]
) -> None:
    states, now = States(limits), 50.0
    for letter, pause in steps:
        now += 3.0 - pause
        assert all((change.duration or 0) >= 0 for change in moved(states, letter, now))


@pytest.mark.parametrize("limits", [settings("3/5"), settings("3/5", hold=2), settings("3/5", clear_after=3)])
def test_a_steady_label_gives_one_state(limits: AnswerSettings) -> None:
    assert [kind for _, kind, _ in answers(States(limits), "c" * 50 + "u" * 50)] == ["enter", "leave"]
