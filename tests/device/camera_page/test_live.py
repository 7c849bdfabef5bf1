from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graft_device.camera_page import live
from graft_device.camera_page.pictures import LONGEST_SIDE, encode
from graft_device.camera_page.shown import ShownSource
from graft_device.errors import PhotoError
from tests.support.camera_page import BOWL, DOOR, MODEL, SOURCES, YARD, Page, frame, paging, picture, seen
from tests.support.device_models import COLOURS
from tests.support.running import eventually
from tests.support.serving import TOKEN, photo


@pytest.fixture
def page() -> Iterator[Page]:
    with paging() as opened:
        yield opened


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    assert image.format == "JPEG"
    return image.convert("RGB")


def encoded(page: Page) -> int:
    """How many JPEGs the page has made, as its metrics say."""
    lines = page.get("/metrics").body.decode().splitlines()
    return int(float(next(line.split()[1] for line in lines if line.startswith("graft_live_pictures_total "))))


def watching(page: Page) -> int:
    return int(page.get("/v1/board").json()["viewers"]["now"])


def test_a_picture_comes_with_the_answers_of_all_views(page: Page) -> None:
    page.hub.seen(DOOR, seen(1, picture(1), "red", 0.9))
    page.hub.seen(BOWL, seen(1, picture(1), "blue", 0.3, box=(32, 24, 48, 38)))
    page.hub.state(DOOR, "red")
    with page.live() as parts:
        answers, data = next(parts)
        door, bowl = answers["views"]
        assert door == {
            "id": "door", "label": "red", "score": 0.9, "unknown": False, "reason": None, "state": "red",
            "still": False, "predictions": [
                {"label": "red", "score": 0.9}, {"label": "green", "score": 0.05}, {"label": "blue", "score": 0.05}
            ],
        }  # fmt: skip
        assert (bowl["id"], bowl["label"], bowl["reason"], bowl["state"]) == ("door-bowl", "unknown", "uncertain", None)
        image = opened(data)
        assert image.size == (64, 48)
        assert np.abs(np.array(image.getpixel((32, 24)), int) - COLOURS["red"]).max() < 20
        later = frame(2, picture(2, colour="blue"))
        page.hub.still(DOOR, later, lambda: picture(2, colour="blue"))
        answers, data = next(parts)
        assert answers["time"] == later.time
        assert [view["still"] for view in answers["views"]] == [True, False]
        assert np.abs(np.array(opened(data).getpixel((32, 24)), int) - COLOURS["blue"]).max() < 20


def test_nothing_is_encoded_while_nobody_watches_and_each_frame_once_for_all(page: Page) -> None:
    for number in range(1, 50):
        page.hub.seen(DOOR, seen(number, picture(number)))
    assert encoded(page) == 0
    with page.live() as one, page.live() as other:
        for number in range(50, 54):
            page.hub.seen(DOOR, seen(number, picture(number)))
            found = [_until(parts, number) for parts in (one, other)]
            assert found[0] == found[1]
        page.hub.state(DOOR, "red")  # a new answer for the same frame
        assert _state(one) == _state(other) == "red"
        assert encoded(page) <= 5, "one for each frame, and perhaps the last of those before"
    eventually(lambda: watching(page) == 0)
    before = encoded(page)
    for number in range(54, 90):
        page.hub.seen(DOOR, seen(number, picture(number)))
    assert encoded(page) == before


def _until(parts: Iterator[tuple[object, bytes]], number: int) -> bytes:
    """The picture of a frame, by its white bar."""
    for _, data in parts:
        row = np.asarray(opened(data).convert("L"), int)[24]
        if row.argmax() == number % 64:
            return data
    raise AssertionError("the stream has ended")


def _state(parts: Iterator[tuple[dict[str, object], bytes]]) -> object:
    return next(state for answers, _ in parts if (state := answers["views"][0]["state"]) is not None)  # type: ignore[index]


def test_only_so_many_may_watch_a_camera() -> None:
    with paging(viewers=1) as page:
        page.hub.seen(DOOR, seen(1, picture(1)))
        page.hub.seen(YARD, seen(1, picture(1)))
        with page.live("door") as parts:
            next(parts)
            reply = page.get("/v1/live/door")
            assert (reply.status, reply.headers["retry-after"]) == (503, "5")
            assert "the limit" in reply.detail
            with page.live("yard-at-night") as others:
                next(others)
        eventually(lambda: watching(page) == 0)
        with page.live("door") as parts:
            next(parts)


def test_a_viewer_that_reads_nothing_gets_no_buffer_and_delays_nobody(page: Page) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (720, 1280, 3)).astype(np.uint8)
    size = len(encode(noise).data)
    assert size > 500_000, "more than sockets hold"
    with socket.create_connection(page.address) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(b"GET /v1/live/door HTTP/1.1\r\nHost: localhost\r\n\r\n")
        page.hub.seen(DOOR, seen(1, noise))
        with page.live() as parts:
            eventually(lambda: watching(page) == 2)
            held = 0
            for number in range(2, 16):
                next(parts)
                page.hub.seen(DOOR, seen(number, noise))
                held = max(held, page.held_bytes())
        assert size / 2 < held < 2.5 * size, "each of the two has at most one picture in memory"


def test_a_viewer_that_is_gone_is_noticed_though_no_frame_comes(page: Page) -> None:
    page.hub.seen(DOOR, seen(1, picture(1)))
    with page.live() as parts:
        next(parts)
        assert watching(page) == 1
    eventually(lambda: watching(page) == 0)


def test_the_last_picture_comes_again_so_that_lost_viewers_are_noticed(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "IDLE_S", 0.0)
    page.hub.seen(DOOR, seen(1, picture(1)))
    with page.live() as parts:
        assert next(parts)[1] == next(parts)[1]


def test_streams_end_with_the_server(page: Page) -> None:
    page.hub.seen(DOOR, seen(1, picture(1)))
    with page.live() as one, page.live("yard-at-night") as waiting:
        next(one)
        page.page.close()
        assert list(one) == list(waiting) == []
    with pytest.raises(ConnectionError):
        page.get("/healthz")


def test_a_stream_ends_when_the_settings_no_longer_have_its_camera(page: Page) -> None:
    page.hub.seen(DOOR, seen(1, picture(1)))
    with page.live() as parts:
        next(parts)
        page.hub.configure([SOURCES[1]], [MODEL])
        assert list(parts) == []
    assert page.get("/v1/live/door").status == 404
    page.hub.configure([*SOURCES, ShownSource("Door!", ())], [MODEL])
    ids = [source["id"] for source in page.get("/v1/board").json()["sources"]]
    assert ids[1] == "yard-at-night"
    assert len(set(ids)) == 3, "door and Door! are two"


def test_live_pictures_need_the_token() -> None:
    with paging(token_file=None, insecure=False) as page:
        assert page.get("/v1/live/nowhere").status == 404
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_TOKEN", TOKEN)
        with paging() as page:
            page.hub.seen(DOOR, seen(1, picture(1)))
            assert page.get("/v1/live/door").status == 401
            assert page.get("/v1/still/door").status == 401
            with page.live(Authorization=f"Bearer {TOKEN}") as parts:
                assert next(parts)[0]["views"][0]["label"] == "red"


def test_a_head_request_ends(page: Page) -> None:
    assert page.ask("HEAD", "/v1/live/door").status == 200


# Pictures


def test_a_small_jpeg_file_is_passed_on_as_it_is(page: Page, tmp_path: Path) -> None:
    data = photo("green", (300, 200), "JPEG")
    (tmp_path / "a.jpg").write_bytes(data)
    for whole in (data, tmp_path / "a.jpg"):
        assert encode(whole).data == data
        assert encode(whole).size == (300, 200)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_photos_are_made_smaller(kind: str) -> None:
    result = encode(photo("green", (3000, 1500), kind))
    assert result.size == (3000, 1500)
    width, height = opened(result.data).size
    assert LONGEST_SIDE / 2 <= width <= LONGEST_SIDE
    assert width == 2 * height


def test_a_photo_that_is_gone_ends_no_stream(page: Page, tmp_path: Path) -> None:
    page.hub.seen(DOOR, seen(1, picture(1), whole=tmp_path / "gone.jpg"))
    assert page.get("/v1/still/door").status == 404
    with page.live() as parts:
        eventually(lambda: watching(page) == 1)
        page.hub.seen(DOOR, seen(2, picture(2)))
        assert opened(next(parts)[1]).size == (64, 48)
    with pytest.raises(PhotoError):
        encode(tmp_path / "gone.jpg")
