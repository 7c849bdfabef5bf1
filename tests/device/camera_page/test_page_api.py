from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from graft_device.camera_page.figures import MOST_LABELS, OTHER
from graft_device.camera_page.hub import Hub
from graft_device.camera_page.labels import refusal
from graft_device.camera_page.openapi import document
from graft_device.camera_page.parts import Parts
from graft_device.camera_page.shown import ShownSource, ShownView
from graft_device.capture.store import CaptureStore
from graft_device.config.areas import parse_mask, parse_roi
from graft_device.config.settings import EventsSettings
from graft_device.drift.daily import DailyScores
from graft_device.drift.histogram import card_entry
from graft_device.history.sink import KeptEvents
from graft_device.history.writer import Pace
from graft_device.model import read_model
from graft_device.outputs.events import Event, new_id
from graft_device.outputs.photo_notes import PhotoNotes, notes_of
from graft_device.outputs.uncertain_store import UncertainStore
from graft_device.outputs.views import View
from graft_device.ranking import Prediction
from graft_device.serve.settings import ServeError
from tests.support.camera_page import BOWL, DOOR, MODEL, YARD, Page, frame, paging, picture, seen
from tests.support.device_models import COLOURS, make_card, write_artifact
from tests.support.running import PATIENCE_S, eventually
from tests.support.serving import TOKEN

AT_ONCE = Pace(seconds=0, events=1)


@pytest.fixture
def page() -> Iterator[Page]:
    with paging() as opened:
        yield opened


def kept_event(number: int, label: str = "red", **fields: Any) -> Event:
    time = f"2026-01-31T12:00:{number:02}.000Z"
    predictions = (Prediction(label, 0.9), Prediction("green", 0.1))
    values = {"photo": picture(number), "ms": {"invoke": 1.0}, **fields}
    return Event(new_id(), number, time, "door", predictions, unknown=False, **values)


def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


# What there is


def test_the_board_names_its_cameras_views_and_models(page: Page) -> None:
    page.hub.seen(DOOR, seen(1, picture(1, (640, 480)), dropped=3))
    page.hub.still(BOWL, frame(2, picture(2)), lambda: picture(2))
    page.hub.failed("door", "cut short")
    page.hub.present("yard at night", present=False)
    board = page.get("/v1/board").json()
    door, yard = board["sources"]
    assert (door["id"], door["present"], door["size"]) == ("door", True, [640, 480])
    assert door["masks"] == [[[0, 0], [0.3, 0], [0.3, 0.1], [0, 0.1]]]
    assert (door["figures"]["frames"], door["figures"]["dropped"], door["figures"]["failed"]) == (2, 3, 1)
    whole, bowl = door["views"]
    assert (whole["id"], whole["region"], whole["roi"], whole["labels"]) == (
        "door",
        None,
        None,
        ["red", "green", "blue"],
    )
    assert (bowl["region"], bowl["roi"], bowl["figures"]["still_share"]) == ("bowl", [0.5, 0.5, 0.25, 0.3], 1)
    assert (yard["id"], yard["name"], yard["present"], yard["size"]) == ("yard-at-night", "yard at night", False, None)
    assert board["models"] == [{"name": "colours", "card": MODEL.card, "runtime": "litert"}]
    assert [board[part] for part in ("events", "corrections", "capture", "drift")] == [False] * 4
    assert board["viewers"] == {"now": 0, "limit": 4}


def test_areas_in_pixels_are_shown_when_the_size_is_known(page: Page) -> None:
    view = ShownView(DOOR, parse_roi("320,0,640,240"))
    page.hub.configure([ShownSource("door", (view,), (parse_mask("0,0,64,48"),))], [MODEL])
    before = page.get("/v1/board").json()["sources"][0]
    assert (before["masks"], before["views"][0]["roi"]) == ([], None)
    page.hub.seen(DOOR, seen(1, picture(1, (640, 480)), box=(320, 0, 640, 240)))
    after = page.get("/v1/board").json()["sources"][0]
    assert (after["masks"][0][2], after["views"][0]["roi"]) == ([0.1, 0.1], [0.5, 0, 0.5, 0.5])


def test_a_still_picture(page: Page) -> None:
    assert "no frame yet" in page.get("/v1/still/door").detail
    assert page.get("/v1/still/cellar").status == 404
    page.hub.seen(DOOR, seen(1, picture(1)))
    reply = page.get("/v1/still/door")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/jpeg")
    assert size_of(reply.body) == (64, 48)


def test_the_page_itself_is_served_with_what_it_shares(page: Page) -> None:
    reply = page.get("/")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "img-src 'self' blob:" in reply.headers["content-security-policy"]
    assert page.get("/app.js").status == page.get("/shared/base.css").status == 200
    assert page.get("/camera.js").status == page.get("/../hub.py").status == 404


def test_the_document_describes_every_route(page: Page) -> None:
    from graft_device.camera_page.routes import Application

    application = page.page.application
    assert isinstance(application, Application)
    files = {"/", "/shared"}
    routes = {route.path for route in application.routes() if "." not in route.path and route.path not in files}
    described = document("1", token=False)["paths"]
    assert routes | {"/openapi.json"} == set(described)
    assert page.get("/openapi.json").json()["paths"].keys() == described.keys()


# Who may use it


def test_what_needs_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_TOKEN", TOKEN)
    with paging(token_file=None) as page:
        paths = ("/v1/board", "/v1/still/door", "/v1/events", "/v1/events/1/picture", "/v1/drift", "/metrics")
        assert {page.get(path).status for path in paths} == {401}
        assert page.post("/v1/views/door/label", {"label": "cat"}).status == 401
        assert page.get("/v1/board", Authorization=f"Bearer {TOKEN}").status == 200
        assert page.get("/").status == page.get("/healthz").status == 200


def test_pages_of_others_may_change_nothing(page: Page) -> None:
    reply = page.post("/v1/views/door/label", {"label": "cat"}, Origin="http://evil.example")
    assert reply.status == 403
    assert page.get("/v1/board", Host="evil.example").status == 421


def test_where_it_cannot_listen_one_line_says_why(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ServeError, match=f"^port {port} on 127.0.0.1 is in use; .*another port in --http"),
            paging(port=port),
        ):
            pass
    with pytest.raises(ServeError, match="can be reached from the network; give --token-file"), paging(host="0.0.0.0"):  # noqa: S104
        pass
    (tmp_path / "token").write_text("short")
    with pytest.raises(ServeError, match="too short"), paging(token_file=tmp_path / "token"):
        pass


def test_it_says_where_it_is_and_warns_of_an_open_one(page: Page) -> None:
    assert page.said == [f"page on {page.page.url}"]
    with paging(host="0.0.0.0", insecure=True) as opened:  # noqa: S104
        assert opened.said[0].startswith("warning: --insecure: everybody")
        assert opened.said[1].startswith("note: the connection is not encrypted")
        assert opened.said[2] == f"page on {opened.page.url}"


# Health and figures


def test_health() -> None:
    now = [0.0]
    with paging(hub=Hub(lambda: now[0])) as page:
        page.hub.seen(DOOR, seen(1, picture(1)))
        now[0] = 5
        page.hub.present("yard at night", present=False)
        door, yard = page.get("/healthz").json()["sources"]
        assert door == {"id": "door", "present": True, "last_frame_seconds_ago": 5}
        assert (yard["present"], yard["last_frame_seconds_ago"]) == (False, None)
        page.hub.present("door", present=False)
        reply = page.get("/healthz")
        assert (reply.status, reply.headers["retry-after"]) == (503, "10")
        assert "away: door, yard-at-night" in reply.detail
        page.hub.present("door", present=True)
        now[0] = 30
        assert page.get("/healthz").status == 200
        now[0] = 30.1
        assert "stuck" in page.get("/healthz").detail
        page.hub.turned()
        assert page.get("/healthz").status == 200


def metrics(page: Page, token: str = "") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    found = {}
    text = page.get("/metrics", Authorization=f"Bearer {token}").body.decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, "a series must not come twice"
            found[key] = sample.value
    return found


def test_metrics_count_what_the_run_did() -> None:
    with paging(Parts(queues=lambda: {"phone": 7})) as page:
        for number, label in enumerate(("red", "red", "blue"), 1):
            page.hub.seen(DOOR, seen(number, picture(number), label, dropped=1))
            page.hub.seen(BOWL, seen(number, picture(number), label, 0.3, box=(0, 0, 32, 24), dropped=1))
        page.hub.still(DOOR, frame(4, picture(4)), lambda: picture(4))
        page.hub.failed("door", "cut short")
        page.hub.present(YARD.source, present=False)
        for kind in ("enter", "leave", "enter"):
            page.hub.events.put(kept_event(1, kind=kind))
        page.get("/v1/still/door")
        values = metrics(page)

    def value(name: str, **labels: str) -> float:
        return values[name, frozenset(labels.items())]

    assert value("graft_frames_total", source="door", view="door", outcome="classified") == 3
    assert value("graft_frames_total", source="door", view="door", outcome="still") == 1
    assert value("graft_frames_still_ratio", source="door", view="door") == 0.25
    assert value("graft_frames_dropped_total", source="door") == 3, "once for a frame, however many views see it"
    assert value("graft_frames_failed_total", source="door") == 1
    assert value("graft_predictions_total", view="door", label="red") == 2
    assert value("graft_predictions_total", view="door-bowl", label="unknown") == 3
    assert value("graft_photo_duration_seconds_count", view="door", stage="invoke") == 3
    assert value("graft_photo_duration_seconds_sum", view="door", stage="invoke") == pytest.approx(0.06)
    assert value("graft_photo_duration_seconds_bucket", view="door", stage="invoke", le="0.01") == 0
    assert value("graft_photo_duration_seconds_bucket", view="door", stage="invoke", le="0.025") == 3
    assert value("graft_events_total", kind="enter") == 2
    assert value("graft_sink_queue_length", sink="phone") == 7
    assert value("graft_source_present", source="yard at night") == 0
    assert value("graft_viewers") == 0
    assert value("graft_live_pictures_total") == 1
    assert value("graft_http_requests_total", method="GET", route="/v1/still/{source}", status="200") == 1
    info = {name: dict(labels) for name, labels in values if name == "graft_model_info"}["graft_model_info"]
    assert (info["model"], info["quantization"]) == ("colours", "int8")


def test_many_labels_do_not_become_many_series(page: Page) -> None:
    labels = tuple(f"label {number}" for number in range(3 * MOST_LABELS))
    view = View("door", "door", None, "colours", labels, 0.0)
    for number, label in enumerate(labels):
        page.hub.seen(view, seen(number, picture(0), label))
    counted = {
        dict(key)["label"]: count for (name, key), count in metrics(page).items() if name == "graft_predictions_total"
    }
    assert len(counted) == MOST_LABELS + 1
    assert counted[OTHER] == 2 * MOST_LABELS


# Events


def keeping(folder: Path) -> closing[KeptEvents]:
    return closing(KeptEvents(EventsSettings(folder), lambda _: None, AT_ONCE))


def numbers(page: Page, query: str) -> list[int]:
    return [event["seq"] for event in page.get(f"/v1/events?{query}").json()["events"]]


def test_events_with_their_pictures(tmp_path: Path) -> None:
    with keeping(tmp_path) as events, paging(Parts(events)) as page:
        assert page.get("/v1/board").json()["events"] is True
        assert page.get("/v1/events").json() == {"events": [], "next": None}
        put = [kept_event(number, ("red", "blue")[number % 2]) for number in range(1, 8)]
        put.append(kept_event(8, photo=None))
        for event in put:
            events.put(event)
        first = page.get("/v1/events?limit=3").json()
        assert [event["seq"] for event in first["events"]] == [8, 7, 6]
        assert [event["picture"] for event in first["events"]] == [False, True, True]
        assert numbers(page, f"before={first['next']}") == [5, 4, 3, 2, 1]
        times = "since=2026-01-31T12:00:03Z&until=2026-01-31T12:00:06Z"
        assert numbers(page, f"label=blue&source=door&min_score=0.5&kind=answer&{times}") == [5, 3]
        for part, longest in (("picture", 64), ("thumbnail", 160)):
            reply = page.get(f"/v1/events/{put[0].id}/{part}")
            assert reply.headers["content-type"] == "image/jpeg"
            assert max(size_of(reply.body)) <= longest
            assert page.get(f"/v1/events/{put[-1].id}/{part}").status == 404
            assert page.get(f"/v1/events/../../etc/passwd/{part}").status == 404
            assert page.get(f"/v1/events/%2e%2e%2fx/{part}").status == 404


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "from 1 to"),
        ("limit=1000", "from 1 to"),
        ("before=-1", "whole number"),
        ("before=1&before=2", "more than once"),
        ("kind=maybe", "choose one of answer"),
        ("min_score=nan", "from 0 to 1"),
        ("min_score=2", "from 0 to 1"),
        ("since=yesterday", "'yesterday' is no time"),
        ("lable=cat", "no parameter 'lable'"),
        (f"label={'x' * 1001}", "1000 characters"),
    ],
)
def test_wrong_queries_of_events(tmp_path: Path, query: str, words: str) -> None:
    with keeping(tmp_path) as events, paging(Parts(events)) as page:
        reply = page.get(f"/v1/events?{query}")
        assert reply.status == 422
        assert words in reply.detail


def test_without_events_the_reason_says_how_to_keep_them(page: Page) -> None:
    assert "--keep-events DIR" in page.get("/v1/events").detail
    assert page.get("/v1/drift").json() == {"models": []}


# Labels


@given(st.text(max_size=80))
@example("unknown")
@example("..")
@example("cat\n")
@example("é" * 31)
def test_a_label_is_refused_unless_it_can_name_a_folder(label: str) -> None:
    if refusal(label) is None:
        path = Path("/uncertain", label, "photo.jpg")
        assert path.parts == ("/", "uncertain", label, "photo.jpg")
        assert label.isprintable()
        assert not label.startswith(".")
        assert len(label.encode()) <= 60


@pytest.mark.parametrize("label", ["cat", "Katze 2", "é" * 30, "猫", "a" * 60, "tabby, cat (old)"])
def test_plain_labels_are_taken(label: str) -> None:
    assert refusal(label) is None


# Corrections


def test_what_a_view_sees_now_is_kept_under_its_right_label(tmp_path: Path) -> None:
    with paging(Parts(corrections=UncertainStore(tmp_path, 10**7))) as page:
        assert page.get("/v1/board").json()["corrections"] is True
        assert "no frame yet" in page.post("/v1/views/door-bowl/label", {"label": "tom cat"}).detail
        page.hub.seen(BOWL, seen(1, picture(1), "blue", box=(32, 24, 48, 38)))
        reply = page.post("/v1/views/door-bowl/label", {"label": "tom cat"})
        assert reply.status == 201
        saved = reply.json()["saved"]
        assert saved.startswith("tom cat/")
        assert saved.endswith("_blue-90_red-5.jpg")
        assert size_of((tmp_path / saved).read_bytes()) == (16, 14), "the region alone"
        with Image.open(tmp_path / saved) as image:
            notes = notes_of(image)
        assert notes is not None
        assert (notes.source, notes.region, notes.said) == ("door", "bowl", "tom cat")
        assert page.post("/v1/views/cellar/label", {"label": "tom cat"}).status == 404


def test_the_picture_of_an_event_is_kept_under_its_right_label(tmp_path: Path) -> None:
    store = UncertainStore(tmp_path / "uncertain", 10**7)
    with keeping(tmp_path / "events") as events, paging(Parts(events, store)) as page:
        one, other = kept_event(1), kept_event(2, photo=None)
        events.put(one)
        events.put(other)
        reply = page.post(f"/v1/events/{one.id}/label", {"label": "blue"})
        assert (reply.status, reply.json()) == (
            201,
            {"saved": "blue/20260131T120001.000Z.labelled_red-90_green-10.jpg"},
        )
        with Image.open(tmp_path / "uncertain" / reply.json()["saved"]) as image:
            assert image.size == (64, 48)
            assert notes_of(image) == PhotoNotes(one.time, "door", said="blue", predictions=one.predictions)
        found = {event["id"]: event.get("corrected") for event in page.get("/v1/events").json()["events"]}
        assert found == {one.id: "blue", other.id: None}
        assert "no picture" in page.post(f"/v1/events/{other.id}/label", {"label": "blue"}).detail
        assert "no such event" in page.post("/v1/events/1/label", {"label": "blue"}).detail


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (415, b'{"label": "cat"}', "text/plain"),
        (422, b"cat", "application/json"),
        (422, b'{"label": "cat", "more": 1}', "application/json"),
        (422, b'{"label": 3}', "application/json"),
        (422, b'{"label": "../cat"}', "application/json"),
        (422, b'{"label": "\\ud800"}', "application/json"),
        (422, b'\xff{"label": "cat"}', "application/json"),
        (413, b'{"label": "%s"}' % (b"x" * 2000), "application/json"),
    ],
)
def test_what_is_no_label_is_refused_and_nothing_is_written(
    tmp_path: Path, status: int, body: bytes, kind: str
) -> None:
    with paging(Parts(corrections=UncertainStore(tmp_path, 10**7))) as page:
        page.hub.seen(DOOR, seen(1, picture(1)))
        reply = page.ask("POST", "/v1/views/door/label", body, {"Content-Type": kind})
        assert reply.status == status
        assert reply.detail
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_room_is_reported(tmp_path: Path) -> None:
    with paging(Parts(corrections=UncertainStore(tmp_path, 10))) as page:
        page.hub.seen(DOOR, seen(1, picture(1)))
        reply = page.post("/v1/views/door/label", {"label": "cat"})
        assert (reply.status, reply.json()["title"]) == (507, "Insufficient Storage")
    with paging() as page:
        page.hub.seen(DOOR, seen(1, picture(1)))
        assert "--save-uncertain DIR" in page.post("/v1/views/door/label", {"label": "cat"}).detail


# Capture


def test_what_a_view_shows_now_is_captured_for_its_class(tmp_path: Path) -> None:
    with paging(Parts(capture=CaptureStore(tmp_path, 10))) as page:
        assert (page.get("/v1/board").json()["capture"], page.get("/v1/board").json()["captured"]) == (True, [])
        assert "no frame yet" in page.post("/v1/views/door-bowl/capture", {"label": "tom cat"}).detail
        page.hub.seen(BOWL, replace(seen(1, picture(1), "blue", box=(32, 24, 48, 38)), model="ab" * 32))
        reply = page.post("/v1/views/door-bowl/capture", {"label": "tom cat"})
        assert reply.status == 201
        (saved,) = reply.json()["saved"]
        assert re.fullmatch(r"tom cat/\d{8}T\d{6}\.\d{3}Z\.captured\.jpg", saved)
        with Image.open(tmp_path / saved) as image:
            assert image.size == (16, 14), "the region alone"
            notes = notes_of(image)
        assert notes is not None
        assert (notes.source, notes.region, notes.said, notes.model) == ("door", "bowl", "tom cat", "ab" * 8)
        assert [one.label for one in notes.predictions] == ["blue", "red", "green"]
        again = page.post("/v1/views/door-bowl/capture", {"label": "tom cat"})
        assert again.json() == {"saved": [], "same": 1}
        assert page.get("/v1/board").json()["captured"] == ["tom cat"]
        assert page.post("/v1/views/cellar/capture", {"label": "tom cat"}).status == 404


def test_a_frame_in_which_nothing_moves_is_captured_as_it_is_now(tmp_path: Path) -> None:
    with paging(Parts(capture=CaptureStore(tmp_path, 10))) as page:
        page.hub.seen(BOWL, seen(1, picture(1, colour="blue"), "blue", box=(32, 24, 48, 38)))
        page.hub.still(BOWL, frame(2, picture(2)), lambda: picture(2, colour="red"))
        (saved,) = page.post("/v1/views/door-bowl/capture", {"label": "unknown"}).json()["saved"]
        with Image.open(tmp_path / saved) as image:
            assert image.size == (16, 14)
            assert image.convert("RGB").getpixel((8, 7)) == pytest.approx(COLOURS["red"], abs=12)
            notes = notes_of(image)
        assert notes is not None
        assert (notes.said, notes.predictions) == ("unknown", ()), "the model has not seen this frame"
        page.hub.present("door", present=False)
        assert "gives no picture now" in page.post("/v1/views/door-bowl/capture", {"label": "cat"}).detail


def test_a_burst_captures_the_frames_that_follow(tmp_path: Path) -> None:
    with paging(Parts(capture=CaptureStore(tmp_path, 10))) as page, ThreadPoolExecutor(1) as pool:
        page.hub.seen(DOOR, seen(1, picture(1)))
        burst = pool.submit(page.post, "/v1/views/door/capture", {"label": "cat", "count": 3})
        for number in range(2, 4):
            eventually(lambda number=number: len([*tmp_path.glob("cat/*")]) == number - 1)  # type: ignore[misc]
            page.hub.seen(DOOR, seen(number, picture(number)))
        reply = burst.result(PATIENCE_S)
        assert (reply.status, len(reply.json()["saved"]), reply.json()["same"]) == (201, 3, 0)
        assert sorted(reply.json()["saved"]) == sorted(f"cat/{path.name}" for path in tmp_path.glob("cat/*"))


@pytest.mark.parametrize(
    "given",
    [{"count": 2}, {"label": "../cat"}, {"label": "cat", "count": 0}, {"label": "cat", "count": 21},
     {"label": "cat", "count": True}, {"label": "cat", "count": 1.5}, {"label": "cat", "more": 1}, ["cat"]],
)  # fmt: skip
def test_what_is_no_request_for_pictures_is_refused(tmp_path: Path, given: object) -> None:
    with paging(Parts(capture=CaptureStore(tmp_path, 10))) as page:
        page.hub.seen(DOOR, seen(1, picture(1)))
        assert page.post("/v1/views/door/capture", given).status == 422
    assert list(tmp_path.iterdir()) == []


def test_without_room_or_a_folder_the_reason_is_given(tmp_path: Path) -> None:
    with paging(Parts(capture=CaptureStore(tmp_path, 0.001))) as page:
        page.hub.seen(DOOR, seen(1, picture(1)))
        reply = page.post("/v1/views/door/capture", {"label": "cat"})
        assert (reply.status, reply.json()["title"]) == (507, "Insufficient Storage")
        assert "as many pictures as it may have" in reply.detail
    with paging() as page:
        page.hub.seen(DOOR, seen(1, picture(1)))
        assert "--capture DIR" in page.post("/v1/views/door/capture", {"label": "cat"}).detail


# Drift


def test_drift_is_shown_and_measured(tmp_path: Path) -> None:
    card = make_card(scores=card_entry([0.99] * 200, 0))
    model = read_model(write_artifact(tmp_path / "m.tflite", card=card))
    scores = DailyScores(tmp_path / "drift", {"colours": model}, ["door"], lambda: True, lambda _: None)
    with paging(Parts(drift=scores)) as page:
        for number in range(60):
            scores.seen(DOOR, seen(number, picture(1), score=0.55))
        (found,) = page.get("/v1/drift").json()["models"]
        assert (found["model"], found["recent"]["photos"], found["reference"]["photos"]) == ("colours", 60, 200)
        assert found["index"] > 0.25
        key = "graft_score_drift", frozenset({("model", "colours")})
        assert metrics(page)[key] == pytest.approx(found["index"], abs=1e-3)


# The document

HOOKS = """
import schemathesis
from hypothesis import strategies

schemathesis.openapi.format("folder-name", strategies.text("abcXYZ019 -äé猫", min_size=1, max_size=15).map(
    lambda text: f"a{text}a"))
"""
"""Labels that can name a folder, or no request that the document describes would succeed."""


@pytest.mark.slow
def test_the_api_matches_its_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schemathesis generates valid and invalid requests from the document, and checks the answers against it."""
    pytest.importorskip("schemathesis")
    monkeypatch.setenv("GRAFT_TOKEN", TOKEN)
    (tmp_path / "hooks.py").write_text(HOOKS)
    store = UncertainStore(tmp_path / "uncertain", 10**6)
    captures = CaptureStore(tmp_path / "captured", 10)
    with keeping(tmp_path / "events") as events, paging(Parts(events, store, capture=captures)) as page:
        for number in range(1, 5):
            events.put(kept_event(number))
            page.hub.seen(DOOR, seen(number, picture(number)))
        command = [
            str(Path(sys.executable).with_name("st")), "run", f"{page.page.url}/openapi.json", "--checks", "all",
            "--header", f"Authorization: Bearer {TOKEN}", "--mode", "all", "--max-examples", "8", "--seed", "1",
            "--exclude-path", "/v1/live/{source}", "--generation-database", "none", "--no-color",
        ]  # fmt: skip
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stdout[-5000:]
        assert "failures" not in done.stdout
        counted = {dict(key)["route"] for name, key in metrics(page, TOKEN) if name == "graft_http_requests_total"}
    assert {"/v1/events", "/v1/views/{view}/label", "/v1/events/{event}/picture"} <= counted
