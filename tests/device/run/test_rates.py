from __future__ import annotations

import time

from graft_device.mqtt.figures import Figures
from graft_device.outputs.views import View
from graft_device.ranking import Answer, Prediction
from graft_device.run.observers import SeenFrame
from graft_device.run.rates import Rates
from graft_device.sources.base import Frame, utc_now

VIEW = View("door", "door", None, "pets", ("cat",), 0.5)


def seen(age_ms: float, unknown: bool) -> SeenFrame:
    frame = Frame(lambda: b"", "door", 1, utc_now(), time.monotonic())
    answer = Answer([Prediction("cat", 0.9)], "uncertain" if unknown else None)
    return SeenFrame(frame, frame.load, b"", None, answer, 0.9, {"age": age_ms})


def test_figures_are_those_since_the_last_question() -> None:
    now = 100.0
    rates = Rates(lambda: now)
    for age_ms, unknown in ((50, False), (100, True), (150, False), (100, False)):
        rates.seen(VIEW, seen(age_ms, unknown))
    now = 102.0
    assert rates() == Figures(2.0, 100.0, 0.25)
    now = 104.0
    assert rates() == Figures(0.0, None, None)
    assert rates() == Figures(0.0), "no time has passed"
