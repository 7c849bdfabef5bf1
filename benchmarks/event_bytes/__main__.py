"""Prints what the history of events writes in an hour, and how long its answers take, as Markdown.

The hour is speeded up: its events are written in groups as a run does, and every 30 seconds of it the disk is made to
write what it holds back, as the kernel does by itself.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks.event_bytes.designs import Blobs, Design, Files, Packed, PackedThumbnails
from benchmarks.event_bytes.disk import small_disk
from benchmarks.machine import dated, hardware_line, versions_line
from graft_device.config.settings import EventsSettings
from graft_device.history.calendar import Count
from graft_device.history.kept import Kept
from graft_device.history.pictures import encoded
from graft_device.history.queries import EventQuery
from graft_device.history.sink import KeptEvents
from graft_device.history.store import Store
from graft_device.history.waiting import Waiting
from graft_device.outputs.events import Event, new_id
from graft_device.ranking import Prediction
from graft_device.store.pictures import COUNT, render
from graft_device.system.machine import usable_cores

HOUR = 3600
WRITEBACK_S = 30
"""After so many seconds Linux writes what programs have written (vm.dirty_expire_centisecs)."""

LABELS = ("cat", "dog", "bird", "car", "person")
EVENTS = 100_000
_START = datetime(2026, 1, 31, tzinfo=timezone.utc)


def camera_frames() -> list[bytes]:
    """Pictures of 640 x 480 pixels with soft shapes and noise, as JPEG."""
    frames = []
    for number in range(COUNT):
        soft = (
            Image.fromarray(render(number, 640)[:480]).resize((160, 120)).resize((640, 480), Image.Resampling.BICUBIC)
        )
        noise = np.random.default_rng(number).integers(-6, 7, (480, 640, 3))
        frames.append(encoded((np.asarray(soft).astype(int) + noise).clip(0, 255).astype(np.uint8)))
    return frames


def make_events(count: int, frames: list[bytes] | None) -> Iterator[Waiting]:
    """Events, one a second, with the frames in turn as their pictures."""
    rng = np.random.default_rng(0)
    for number in range(1, count + 1):
        when = (_START + timedelta(seconds=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        scores = sorted(rng.dirichlet(np.ones(3)), reverse=True)
        labels = rng.choice(LABELS, 3, replace=False)
        predictions = tuple(Prediction(str(label), float(score)) for label, score in zip(labels, scores, strict=True))
        ms = {"preprocess": 1.234, "invoke": 23.456, "age": 34.567}
        event = Event(new_id(), number, when, "door", predictions, False, ms, region="bowl", view="door-bowl")
        yield Waiting(number, event, 0.0, picture=None if frames is None else frames[number % len(frames)])


def hour_of(make: Callable[[Path], Design], group_s: int, frames: list[bytes] | None, before: int = 0) -> float:
    """What an hour with one event a second writes, in MB.

    Args:
        make: opens the design in a folder.
        group_s: seconds between two groups.
        frames: the pictures; None for none.
        before: how many events are written first, and not counted.
    """
    with small_disk() as (folder, written):
        design = make(folder)
        events = make_events(before + HOUR, frames)
        try:
            for _ in range(before // group_s):
                design.write([next(events) for _ in range(group_s)])
            start = written()
            for second in range(group_s, HOUR + 1, group_s):
                design.write([next(events) for _ in range(group_s)])
                if second % WRITEBACK_S < group_s:
                    written()
            return (written() - start) / 1e6
        finally:
            design.close()


def idle_bytes(seconds: float) -> int:
    """What a run without events writes to the disk."""
    with small_disk() as (folder, written):
        sink = KeptEvents(EventsSettings(folder / "events"), print)
        try:
            start = written()
            time.sleep(seconds)
            return written() - start
        finally:
            sink.close()


def bytes_table(frames: list[bytes]) -> list[str]:
    """The rows about an hour with one event a second."""
    mean = sum(map(len, frames)) / len(frames)
    rows = [
        f"With pictures of {mean / 1000:.0f} kB, which are {mean * HOUR / 1e6:.0f} MB an hour:",
        "",
        "| pictures | MB written an hour |",
        "| --- | --: |",
    ]
    designs: list[tuple[str, Callable[[Path], Design], int]] = [
        ("one behind the other in files (graftkit)", Packed, 0),
        ("the same, when the limit of 100 MB is reached", lambda folder: Packed(folder, 100), HOUR),
        ("the same without a limit, with thumbnails", PackedThumbnails, 0),
        ("each in a file", lambda folder: Files(folder, thumbnails=False), 0),
        ("each in a file, with thumbnails in files", lambda folder: Files(folder, thumbnails=True), 0),
        ("in the database", Blobs, 0),
    ]
    for name, make, before in designs:
        rows.append(f"| {name} | {hour_of(make, 10, frames, before):.0f} |")
    rows += ["", "Without pictures:", "", "| written every | MB written an hour |", "| --- | --: |"]
    rows += [f"| {seconds} s | {hour_of(Packed, seconds, None):.1f} |" for seconds in (1, 10, 30)]
    return rows


def answers_table(frames: list[bytes]) -> list[str]:
    """The rows about questions to a history of many events."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        store = Store(folder, 100_000_000_000)
        events = make_events(EVENTS, None)
        for _ in range(EVENTS // 50):
            store.write([next(events) for _ in range(50)], {}, Count())
        last = EVENTS + 1
        rare = Event(new_id(), last, "2026-03-01T00:00:00.000Z", "door", (Prediction("fox", 0.9),), False, {})
        store.write([Waiting(last, rare, 0.0, picture=frames[0])], {}, Count())
        start = time.perf_counter()
        store.check()
        check_ms = (time.perf_counter() - start) * 1000
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        kept, middle = Kept(folder), (_START + timedelta(seconds=EVENTS / 2)).timestamp()
        oldest = kept.page(EventQuery(limit=1, before=2)).events[0]["id"]
        questions: dict[str, Callable[[], object]] = {
            "the newest 50": lambda: kept.page(EventQuery()),
            "50 in the middle, by their number": lambda: kept.page(EventQuery(before=EVENTS // 2)),
            "50 of one of five labels": lambda: kept.page(EventQuery(label="cat")),
            "the only one of its label": lambda: kept.page(EventQuery(label="fox")),
            "none of its source": lambda: kept.page(EventQuery(source="yard")),
            "50 of a source and region, until the middle": lambda: kept.page(
                EventQuery(source="door", region="bowl", until=middle)
            ),
            "none, since no score is so high": lambda: kept.page(EventQuery(min_score=0.999999)),
            "none of its kind": lambda: kept.page(EventQuery(kind="leave")),
            "an event by its id": lambda: Kept(folder).event(oldest),
            "an event by its id, after it was listed": lambda: kept.event(oldest),
            "its picture": lambda: kept.picture(rare.id),
            "its thumbnail": lambda: kept.thumbnail(rare.id),
        }
        rows = [
            f"{EVENTS:,} events without pictures take {size:.0f} MB. Reading all at the start takes {check_ms:.0f} ms.",
            "",
            "| asked for | ms |",
            "| --- | --: |",
        ]
        for name, ask in questions.items():
            rows.append(f"| {name} | {_milliseconds(ask):.1f} |")
        store.close()
        return rows


def _milliseconds(ask: Callable[[], object]) -> float:
    """The median of eleven times."""
    times = []
    for _ in range(11):
        start = time.perf_counter()
        ask()
        times.append((time.perf_counter() - start) * 1000)
    return median(times)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--idle", type=float, default=120, metavar="SECONDS", help="how long a run without events is watched"
    )
    idle = parser.parse_args().idle
    _say(hardware_line(usable_cores()), versions_line(), f"- SQLite {sqlite3.sqlite_version}.", dated(), "")
    frames = camera_frames()
    _say(*bytes_table(frames), "")
    _say(f"Without events: {idle_bytes(idle)} bytes in {idle:g} seconds.", "")
    _say(*answers_table(frames))


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
