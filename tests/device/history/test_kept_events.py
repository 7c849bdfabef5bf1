"""Events and pictures are kept, and a page reads them."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graft_device.config.settings import EventsSettings
from graft_device.history import tables
from graft_device.history.kept import Kept
from graft_device.history.queries import EventQuery, HistoryError, moment
from graft_device.history.sink import KeptEvents
from graft_device.history.waiting import WaitingEvents
from graft_device.history.writer import Pace
from graft_device.outputs.events import Event, new_id
from graft_device.ranking import Prediction
from graft_device.store.pictures import render
from tests.support.running import eventually

NEVER = Pace(seconds=3600, events=10_000)
"""Events stay in memory until the end."""

AT_ONCE = Pace(seconds=0, events=1)
START = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def make_event(number: int, label: str = "cats", **fields: object) -> Event:
    time = (START + timedelta(seconds=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = Event(new_id(), number, time, "door", (Prediction(label, 0.9),), False, {"invoke": 1.0})
    return replace(event, **fields)  # type: ignore[arg-type]


@contextmanager
def keeping(folder: Path, pace: Pace = AT_ONCE, **more: object) -> Iterator[KeptEvents]:
    notes: list[str] = []
    with closing(KeptEvents(EventsSettings(folder, **more), notes.append, pace)) as sink:  # type: ignore[arg-type]
        yield sink
    assert notes == []


def put(sink: KeptEvents, *events: Event) -> None:
    for event in events:
        sink.put(event)


def seqs(kept: Kept, query: EventQuery | None = None) -> list[int]:
    return [event["seq"] for event in kept.page(query or EventQuery()).events]


@pytest.mark.parametrize("pace", [AT_ONCE, NEVER])
def test_the_page_sees_an_event_with_its_picture_at_once_and_after_the_run(tmp_path: Path, pace: Pace) -> None:
    event = make_event(1, photo=render(0, 640)[:480])
    with keeping(tmp_path, pace) as sink:
        sink.put(event)
        assert sink.kept.page(EventQuery()).events == ({**event.to_json(), "picture": True},)
        assert sink.kept.event(event.id) == {**event.to_json(), "picture": True}
        assert sink.kept.picture(event.id)
    kept = Kept(tmp_path)
    assert kept.page(EventQuery()).events == ({**event.to_json(), "picture": True},)
    picture, thumbnail = kept.picture(event.id), kept.thumbnail(event.id)
    assert picture is not None
    assert thumbnail is not None
    with Image.open(io.BytesIO(picture)) as image:
        assert (image.format, image.size) == ("JPEG", (640, 480))
        assert np.abs(np.asarray(image).astype(int) - render(0, 640)[:480]).mean() < 8  # it is this picture
    with Image.open(io.BytesIO(thumbnail)) as image:
        assert (image.format, image.size) == ("JPEG", (160, 120))
    assert [kept.event("no such id"), kept.picture("no such id"), kept.thumbnail("no such id")] == [None] * 3


def test_only_the_pictures_of_chosen_labels_are_kept(tmp_path: Path) -> None:
    with keeping(tmp_path, pictures=("cats",)) as sink:
        put(sink, make_event(1, "cats", photo=render(0, 64)), make_event(2, "dogs", photo=render(0, 64)))
    assert [event["picture"] for event in Kept(tmp_path).page(EventQuery()).events] == [False, True]


def test_photos_are_kept_as_jpeg_without_metadata_whatever_they_are(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    Image.fromarray(render(1, 300)).save(tmp_path / "small.jpg", exif=exif)
    Image.fromarray(render(2, 2000)[:1000]).save(tmp_path / "large.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    photos = [tmp_path / "small.jpg", (tmp_path / "large.png").read_bytes(), tmp_path / "broken.jpg", tmp_path / "none"]
    events = [make_event(number, photo=photo) for number, photo in enumerate(photos, 1)]
    with keeping(tmp_path / "events", NEVER) as sink:
        put(sink, *events)
    kept = Kept(tmp_path / "events")
    assert [event["picture"] for event in kept.page(EventQuery()).events] == [False, False, True, True]
    sizes = []
    for event in events[:2]:
        data = kept.picture(event.id) or b""
        assert b"where I live" not in data
        with Image.open(io.BytesIO(data)) as image:
            sizes.append((image.format, image.size))
    assert sizes == [("JPEG", (300, 300)), ("JPEG", (1280, 640))]


def test_pages_follow_one_another_from_the_newest_to_the_oldest(tmp_path: Path) -> None:
    with keeping(tmp_path) as sink:
        put(sink, *(make_event(number) for number in range(1, 8)))
        eventually(lambda: len(seqs(Kept(tmp_path))) == 7)
    with keeping(tmp_path, NEVER) as sink:
        assert sink.last_number == 7
        put(sink, *(make_event(number) for number in range(8, 12)))
        pages, before = [], None
        while True:
            page = sink.kept.page(EventQuery(limit=3, before=before))
            pages.append([event["seq"] for event in page.events])
            if (before := page.next) is None:
                break
        assert pages == [[11, 10, 9], [8, 7, 6], [5, 4, 3], [2, 1]]


QUERIES = st.builds(
    EventQuery,
    limit=st.integers(1, 8),
    before=st.none() | st.integers(0, 25),
    label=st.none() | st.sampled_from(["cats", "dogs", "birds"]),
    source=st.none() | st.sampled_from(["door", "yard"]),
    region=st.none() | st.sampled_from(["bowl", "gate"]),
    kind=st.none() | st.sampled_from(["answer", "enter"]),
    min_score=st.none() | st.floats(0, 1),
    since=st.none() | st.integers(-3, 25).map(lambda second: START.timestamp() + second),
    until=st.none() | st.integers(-3, 25).map(lambda second: START.timestamp() + second),
)


def drawn_events() -> list[Event]:
    rng = np.random.default_rng(5)
    events = []
    for number in range(1, 21):
        late = int(rng.integers(0, 21))  # the clock jumps
        event = make_event(late, str(rng.choice(["cats", "dogs"])), source=str(rng.choice(["door", "yard"])))
        region = str(rng.choice(["bowl", ""])) or None
        score = (Prediction(event.label, round(float(rng.random()), 3)),)
        kind = str(rng.choice(["answer", "enter"]))
        events.append(replace(event, seq=number, region=region, predictions=score, kind=kind))
    return events


@pytest.fixture(scope="module")
def half_on_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KeptEvents, list[Event]]]:
    folder, events = tmp_path_factory.mktemp("history"), drawn_events()
    with keeping(folder) as sink:
        put(sink, *events[:12])
    with keeping(folder, NEVER) as sink:
        put(sink, *events[12:])
        yield sink, events


@settings(max_examples=150, deadline=None)
@given(query=QUERIES)
def test_filters_choose_the_same_events_on_disk_and_in_memory(
    half_on_disk: tuple[KeptEvents, list[Event]], query: EventQuery
) -> None:
    sink, events = half_on_disk
    wanted = [event for event in events if query.matches(event.seq, event)]
    newest = [event.seq for event in wanted[::-1]]
    page = sink.kept.page(query)
    assert [event["seq"] for event in page.events] == newest[: query.limit]
    assert (page.next is None) == (len(newest) <= query.limit)


def test_a_limit_that_is_out_of_range_is_refused(tmp_path: Path) -> None:
    for limit in (0, 201):
        with pytest.raises(HistoryError, match=f"a limit of {limit} events; ask for 1 to 200"):
            Kept(tmp_path).page(EventQuery(limit=limit))


def test_the_label_that_a_person_gave_is_remembered(tmp_path: Path) -> None:
    first, second = make_event(1), make_event(2)
    with keeping(tmp_path) as sink:
        sink.put(first)
        eventually(lambda: Kept(tmp_path).event(first.id) is not None)
    with keeping(tmp_path, NEVER) as sink:
        sink.put(second)
        assert [sink.correct(event_id, "foxes") for event_id in (first.id, second.id, "no such id")] == [
            True,
            True,
            False,
        ]
        assert [event.get("corrected") for event in sink.kept.page(EventQuery()).events] == ["foxes", "foxes"]
        assert [event["id"] for event in sink.kept.page(EventQuery(label="foxes")).events][:1] == [second.id]
    page = Kept(tmp_path).page(EventQuery())
    assert [(event["label"], event.get("corrected")) for event in page.events] == [("cats", "foxes")] * 2
    asked = {label: Kept(tmp_path).page(EventQuery(label=label)).events for label in ("foxes", "cats")}
    assert [event["id"] for event in asked["foxes"]] == [second.id, first.id]
    assert asked["cats"] == ()


def test_a_label_that_is_written_while_the_page_reads_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, waiting = make_event(1), WaitingEvents()
    with keeping(tmp_path) as sink:
        sink.put(event)

    def written(answer: object) -> object:
        waiting.written([], {1: "foxes"})  # as by the thread that writes, once the label is on disk
        return answer

    for name in ("select", "find"):
        ask = getattr(tables, name)
        monkeypatch.setattr(tables, name, lambda *asked, ask=ask: written(ask(*asked)))
    kept = Kept(tmp_path, waiting)
    waiting.correct_stored(1, "foxes")
    assert [found.get("corrected") for found in kept.page(EventQuery()).events] == ["foxes"]
    waiting.correct_stored(1, "foxes")
    found = kept.event(event.id)
    assert found is not None
    assert found["corrected"] == "foxes"


def test_events_can_be_read_by_many_threads_while_they_are_written(tmp_path: Path) -> None:
    """No event is missing, none is there twice, in any of the answers."""
    with keeping(tmp_path, Pace(seconds=0, events=3)) as sink:
        written = threading.Event()

        def read() -> int:
            count = 0
            while not written.is_set() or not count:
                found = seqs(sink.kept, EventQuery(limit=200))
                assert found == list(range(len(found), 0, -1))
                count += 1
            return count

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(read) for _ in range(4)]
            try:
                for number in range(1, 151):
                    sink.put(make_event(number, photo=render(number, 32)))
                    if number % 30 == 0:
                        eventually(lambda: len(seqs(Kept(tmp_path), EventQuery(limit=200))) == number)  # noqa: B023
            finally:
                written.set()  # or the readers, and the pool, would never end
            assert all(reader.result() for reader in readers)


def test_a_second_run_on_the_same_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    with keeping(tmp_path), pytest.raises(HistoryError, match=r"another run keeps its events in .*; choose another"):
        KeptEvents(EventsSettings(tmp_path), print)


def test_times_are_read_as_people_write_them() -> None:
    assert moment("2026-01-31T12:00:00Z") == START.timestamp()
    assert moment("2026-01-31T13:00:00+01:00") == START.timestamp()
    day = 86_400
    assert moment("2d") == pytest.approx(moment("48h"), abs=60)
    assert datetime.now(timezone.utc).timestamp() - moment("1d") == pytest.approx(day, abs=60)
    with pytest.raises(HistoryError, match="'yesterday' is no time"):
        moment("yesterday")
