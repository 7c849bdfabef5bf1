"""A run on a board without a clock of its own, which the network sets in the middle of it."""

from __future__ import annotations

import json
from pathlib import Path

from graft_device.system.clock import is_set
from tests.conftest import graft_device
from tests.support.device_models import write_artifact
from tests.support.faked_clock import FakedClock
from tests.support.running import drop_photo, running

SLEEP = "import select, time; time.sleep = lambda seconds: select.select([], [], [], seconds)"
"""libfaketime has no clock_nanosleep for a monotonic clock that is not faked."""


def test_a_clock_that_jumps_disorders_nothing(tmp_path: Path) -> None:
    clock = FakedClock(tmp_path, "1970-01-02 00:00:00")
    photos = tmp_path / "photos"
    photos.mkdir()
    model = write_artifact(tmp_path / "m.tflite")
    drop_photo(photos, "first.png", "red")
    options = ("--source", photos, "--existing", "--json", "--confirm", "1", "--keep-events", tmp_path / "events")
    with running(model, *options, env=clock.env, patch=SLEEP) as job:
        events = [job.event()]
        clock.set("2040-01-01 00:00:00")
        drop_photo(photos, "second.png", "green")
        events += [job.event(), job.event()]
        clock.set("2033-01-01 00:00:00")
        drop_photo(photos, "third.png", "blue")
        events += [job.event(), job.event()]
        assert job.end() == 0
        events.append(job.event())
        notes = job.rest()
    assert [(event["kind"], event["label"]) for event in events] == [
        ("enter", "red"), ("leave", "red"), ("enter", "green"), ("leave", "green"), ("enter", "blue"),
        ("leave", "blue"),
    ]  # fmt: skip
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event["time"][:4] for event in events] == ["1970", "2040", "2040", "2033", "2033", "2033"]
    assert events[0]["clock_set"] is False
    assert all(("clock_set" not in event) == is_set() for event in events[1:])
    assert all(0 <= event["duration"] < 3600 for event in events if event["kind"] == "leave")
    assert [note.split(" by ")[0] for note in notes if "clock" in note] == [
        "note: the clock was set forward", "note: the clock was set back",
    ]  # fmt: skip
    kept = graft_device("events", tmp_path / "events", "--json").stdout.splitlines()
    assert sorted(json.loads(line)["seq"] for line in kept) == [1, 2, 3, 4, 5, 6]
