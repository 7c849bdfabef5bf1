"""Pins, by the mock pins of gpiozero."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from graft_device.actions.action_error import ActionError
from graft_device.actions.opening import open_sink, with_rules
from graft_device.actions.rules import Rule
from graft_device.config.sinks import GpioSettings, RuleSettings
from graft_device.outputs.events import Event
from graft_device.outputs.fan_out import FanOut
from graft_device.outputs.sink import Sink
from tests.device.outputs.test_event_queue import make_event
from tests.support.running import eventually


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, MockFactory()
    yield gpiozero.Device.pin_factory
    gpiozero.Device.pin_factory.reset()
    gpiozero.Device.pin_factory = before


def opened(states: bool = True, **settings: Any) -> Sink:
    return open_sink(GpioSettings("lamp", 17, **settings), states, print)


def event(kind: str, view: str = "", label: str = "cat") -> Event:
    return replace(make_event(label), seq=1, kind=kind, view=view)


def test_a_pin_is_on_for_some_seconds_and_off_at_the_end(pins: MockFactory) -> None:
    pin = pins.pin(17)
    short = opened(seconds=0.05)
    assert not pin.state
    short.put(event("answer"))
    eventually(lambda: len(pin.states) >= 3 and not pin.state, "it was on, and is off")
    assert [state.state for state in pin.states if state.state] == [True]
    short.close()
    long = opened(seconds=600)
    long.put(event("enter"))
    assert pin.state
    long.close()
    assert pin.function != "output" or not pin.state


def test_each_event_starts_the_seconds_again(pins: MockFactory) -> None:
    sink = opened(seconds=0.3)
    pin = pins.pin(17)
    for _ in range(20):
        sink.put(event("answer"))
        assert pin.state
    eventually(lambda: not pin.state)
    sink.close()


def test_a_pin_is_on_while_one_of_several_views_has_its_state(pins: MockFactory) -> None:
    sink, pin = opened(), pins.pin(17)
    levels = []
    for kind, view in (
        ("answer", "a"), ("leave", "a"), ("enter", "a"), ("enter", "b"), ("leave", "a"), ("leave", "b"), ("enter", "b")
    ):  # fmt: skip
        sink.put(event(kind, view))
        levels.append(bool(pin.state))
    assert levels == [False, False, True, True, True, False, True]
    sink.close()
    assert not pin.state


def test_a_pin_may_be_low_when_it_is_on(pins: MockFactory) -> None:
    sink, pin = opened(active_low=True), pins.pin(17)
    assert pin.state
    sink.put(event("enter"))
    assert not pin.state
    sink.close()


def test_a_rule_never_leaves_a_lamp_on(pins: MockFactory) -> None:
    settings = GpioSettings("lamp", 17)
    rules = [Rule(RuleSettings(("lamp",), kinds=("enter",), labels=("cat",), min_score=0.5))]
    sink, pin = with_rules(opened(), settings, rules, print), pins.pin(17)
    sink.put(event("enter", label="dog"))
    assert not pin.state
    sink.put(event("enter"))
    assert pin.state
    sink.put(event("leave"))
    assert not pin.state
    sink.close()


def test_a_pin_that_fails_is_noted_and_stops_nobody(pins: MockFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    sinks = FanOut(notes.append)
    sinks.add(opened())

    def broken(_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(gpiozero.DigitalOutputDevice, "on", broken)
    sinks.put(event("enter"))
    sinks.put(event("enter"))
    assert notes == ["gpio lamp: input/output error; the other outputs go on"]
    assert not pins.pin(17).state
    sinks.close()


def test_a_pin_that_follows_states_needs_states(pins: MockFactory) -> None:
    with pytest.raises(ActionError, match=r"^gpio lamp is on from .* no source reports states; g"):
        opened(states=False)
    opened(states=False, seconds=1).close()


def test_a_pin_that_another_uses_is_an_error_at_the_start(pins: MockFactory) -> None:
    first = opened()
    with pytest.raises(ActionError, match=r"^gpio lamp: pin 17 cannot be used \("):
        opened()
    first.close()


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("sys.modules['gpiozero'] = None", "gpio lamp needs gpiozero, which is not installed; run: python3 -m pip"),
        ("os.environ['GPIOZERO_PIN_FACTORY'] = 'rpigpio'", "gpio lamp: this machine has no pins"),
    ],
)
def test_without_gpiozero_or_pins_there_is_one_error_line(before: str, expected: str) -> None:
    program = (
        "import os, sys\n" + before + "\nfrom graft_device.actions.opening import open_sink\n"
        "from graft_device.config.sinks import GpioSettings\nfrom graft_device.errors import GraftError\n"
        "try: open_sink(GpioSettings('lamp', 17), True, print)\nexcept GraftError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(expected)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
