from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.support.browser import DESKTOP, PHONE, Visit, chromium, visit
from tests.support.device_models import COLOURS, NOVELTY, make_card, write_artifact
from tests.support.serving import TOKEN, Server, encoded, photo, serving
from tests.support.stores import write_model

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HARD_LABELS = ("<img src=x onerror=alert(1)>", "x" * 200, "قطة سوداء 🐈‍⬛ 鳥と猫")
CARD = replace(
    make_card(accuracy={"shipped": 0.9818}, photos={"train": 1353, "test": 55}),
    thresholds={"unknown": {"score": 0.9}},
    tap="mixed7",
)
CANVAS_CAMERA = """() => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [320, 240];
  const pen = canvas.getContext('2d');
  window.paint = (colour) => { pen.fillStyle = colour; pen.fillRect(0, 0, 320, 240); };
  setInterval(() => pen.fillRect(0, 0, 320, 240), 30);
  paint('rgb(230, 20, 30)');
  navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30);
}"""
GIVE = """([bytes, type, name, how]) => {
  const data = new DataTransfer();
  const letters = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  data.items.add(new File([letters], name, {type}));
  const target = document.querySelector('#frame');
  const pasted = new ClipboardEvent('paste', {clipboardData: data, bubbles: true});
  if (how === 'paste') return void target.dispatchEvent(pasted);
  for (const kind of ['dragenter', 'dragover', 'drop'])
    target.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite", card=CARD)


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    with serving(model, "--max-mb", 1) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium with a fake camera that shows a test pattern."""
    with chromium("--use-fake-device-for-media-stream") as opened:
        yield opened


@contextlib.contextmanager
def page_of(browser: Browser, server: Server, width: int = DESKTOP, *, dark: bool = False) -> Iterator[Visit]:
    """The loaded page; at the end, checks that it contacted only the server and logged no error."""
    with visit(browser, server.url, width, dark=dark) as seen:
        seen.page.wait_for_selector("#model:not([hidden])")
        yield seen
        assert [url for url in seen.requests if not url.startswith((server.url, "blob:"))] == []
        assert seen.problems == []


def give(page: Page, content: bytes, kind: str = "image/png", name: str = "a.png", how: str = "drop") -> None:
    page.evaluate(GIVE, [base64.b64encode(content).decode(), kind, name, how])


def answer(page: Page, label: str) -> list[str]:
    """Waits for an answer whose first label is given; returns its rows."""
    page.wait_for_function("label => document.querySelector('#bars bdi')?.textContent === label", arg=label)
    page.wait_for_selector("#answer:not([hidden]):not(.old)")
    return [row.inner_text() for row in page.query_selector_all("#bars li")]


def problem(page: Page) -> str:
    page.wait_for_selector("#problem:not([hidden])")
    return page.inner_text("#problem")


def test_a_dropped_photo_gets_its_label(browser: Browser, server: Server) -> None:
    with page_of(browser, server) as seen:
        for colour in COLOURS:
            give(seen.page, photo(colour))
            rows = answer(seen.page, colour)
            assert len(rows) == 3
            assert all(row.split("\n")[-1].endswith("%") for row in rows)
            widths = [
                float(bar.evaluate("bar => bar.style.width.slice(0, -1)"))
                for bar in seen.page.query_selector_all("#bars i")
            ]
            assert widths == sorted(widths, reverse=True)
            assert 90 < widths[0] <= 100
            assert seen.page.inner_text("#spoken").startswith(f"{colour}, 9")
        assert seen.page.inner_text("#total").endswith(" ms")
        assert seen.page.inner_text("#invoke").endswith(" ms")
        assert seen.flaws() == []
        classified = [url for url in seen.requests if url.endswith("/v1/classify")]
        assert len(classified) == 3


def test_a_pasted_and_a_chosen_photo(browser: Browser, server: Server, tmp_path: Path) -> None:
    (tmp_path / "blue.png").write_bytes(photo("blue"))
    with page_of(browser, server) as seen:
        seen.page.on("filechooser", lambda _: None)  # from now on, Chromium passes file choosers to the test
        give(seen.page, photo("green"), how="paste")
        answer(seen.page, "green")
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.id") == "choose"
        with seen.page.expect_file_chooser() as chooser:
            seen.page.keyboard.press("Enter")
        chooser.value.set_files(tmp_path / "blue.png")
        answer(seen.page, "blue")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_page_fits_and_is_readable(width: int, dark: bool, browser: Browser, server: Server) -> None:
    with page_of(browser, server, width, dark=dark) as seen:
        for content in (None, photo("red", (900, 300)), photo("red", (300, 900))):
            if content:
                give(seen.page, content)
                answer(seen.page, "red")
                seen.page.wait_for_selector("#busy[hidden]", state="attached")
            assert seen.flaws() == []
            assert [found for found in seen.contrasts() if found[0] < 4.5] == []
        seen.page.wait_for_function("() => document.querySelector('#frame img')?.naturalHeight === 900")
        frame, box = (seen.page.locator(name).bounding_box() for name in ("#frame", "#answer"))
        assert frame is not None
        assert box is not None
        beside, below = box["x"] >= frame["x"] + frame["width"], box["y"] >= frame["y"] + frame["height"]
        assert beside or below, "the answer must not cover the photo"
        assert box["y"] + 60 < 800, "the best label is in view without scrolling"
        boxes = [button.bounding_box() for button in seen.page.query_selector_all("button:visible")]
        assert [box for box in boxes if box is None or box["height"] < 44] == [], "too small for a finger"
        ground = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(","))) < 384) == dark


def test_the_model_card(browser: Browser, server: Server) -> None:
    with page_of(browser, server) as seen:
        shown = seen.page.inner_text("#model")
        for words in (
            "red, green, blue",
            "98.2% on 55 test photos",
            "1,353 photos",
            "mixed7",
            "32 \u00d7 32",
            "int8",
            "90.0%",
        ):
            assert words in shown
        assert seen.page.title() == "colours \u2013 graftkit"
        assert seen.page.inner_text("h1") == "colours"


def test_unknown_looks_different_from_a_label(browser: Browser, server: Server) -> None:
    with page_of(browser, server) as seen:
        give(seen.page, encoded(Image.new("RGB", (50, 50), (120, 120, 120))))
        rows = answer(seen.page, "Unknown")
        assert rows[0] == "Unknown"
        assert seen.page.get_attribute("#bars li", "class") == "unknown"
        assert seen.page.inner_text("#remark") == "No label is certain enough: 90.0% is needed."
        assert seen.page.inner_text("#spoken").startswith("Unknown, no label is certain enough; the nearest label is ")
        give(seen.page, photo("red"))
        answer(seen.page, "red")
        assert seen.page.is_hidden("#remark")
        assert seen.page.get_attribute("#bars li", "class") == ""


def test_a_photo_unlike_all_others_is_said_to_be_that(browser: Browser, tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite", card=CARD, novelty=NOVELTY)
    with serving(model) as server, page_of(browser, server) as seen:
        give(seen.page, encoded(Image.new("RGB", (50, 50), (0, 0, 0))))
        answer(seen.page, "Unknown")
        assert seen.page.inner_text("#remark") == "Unlike anything it was trained on."
        assert seen.page.inner_text("#spoken").startswith(
            "Unknown, unlike anything it was trained on; the nearest label "
        )


def test_labels_are_text(browser: Browser, tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "<b>m.tflite", labels=HARD_LABELS)
    with serving(model) as server, page_of(browser, server, PHONE) as seen:
        give(seen.page, photo("red"))
        rows = answer(seen.page, HARD_LABELS[0])
        assert {row.split("\n")[0] for row in rows} == set(HARD_LABELS)
        assert seen.page.inner_text("h1") == "<b>m"
        assert seen.flaws() == []
        assert seen.page.query_selector_all("#bars img, #labels img, #model img") == []


def test_a_rotated_photo_is_shown_upright(browser: Browser, server: Server) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with page_of(browser, server) as seen:
        give(seen.page, encoded(Image.new("RGB", (60, 40), COLOURS["red"]), "JPEG", exif=exif), "image/jpeg")
        answer(seen.page, "red")
        seen.page.wait_for_function("() => document.querySelector('#frame img')?.naturalWidth")
        shown = seen.page.evaluate(
            "(({naturalWidth: w, naturalHeight: h}) => [w, h])(document.querySelector('#frame img'))"
        )
        assert shown == [40, 60]


def test_what_the_server_refuses(browser: Browser, server: Server) -> None:
    with visit(browser, server.url) as seen:
        seen.page.wait_for_selector("#model:not([hidden])")
        give(seen.page, photo("red"))
        answer(seen.page, "red")
        give(seen.page, b"\0\0\0\x18ftypheic" + b"\0" * 99, "image/heic", "IMG_1.HEIC")
        assert problem(seen.page) == "The image is cut short or damaged."
        assert seen.page.is_hidden("#answer"), "the answer of another photo must not stand under this one"
        assert seen.page.is_visible("#empty"), "nothing is left of the photo"
        assert seen.page.is_hidden("#latency"), "the latency of another photo must not stand there either"
        give(seen.page, b"\0" * 1_500_000)
        assert problem(seen.page) == "The photo is 1.5 MB; the limit is 1 MB."
        give(seen.page, b"some text", "text/plain", "a.txt")
        seen.page.wait_for_function("() => /Not a JPEG/.test(document.querySelector('#problem').textContent)")
        give(seen.page, photo("blue"))
        answer(seen.page, "blue")
        assert seen.page.is_hidden("#problem")
        assert [line for line in seen.problems if "400 (Bad Request)" not in line] == []


@pytest.mark.parametrize(
    ("content", "kind", "name"),
    [
        pytest.param(b"\xff\xd8\xff\xe0 no photo", "image/jpeg", "a.jpg", id="damaged"),
        pytest.param(b"some text", "text/plain", "a.txt", id="text"),
        pytest.param(b"", "image/png", "a.png", id="empty"),
        pytest.param(b"\0" * 1_500_000, "image/png", "a.png", id="too-large"),
    ],
)
@pytest.mark.parametrize("before", [False, True])
def test_a_bad_file_leaves_no_trace(
    before: bool, content: bytes, kind: str, name: str, browser: Browser, server: Server
) -> None:
    with visit(browser, server.url, PHONE) as seen:
        seen.page.wait_for_selector("#model:not([hidden])")
        if before:
            give(seen.page, photo("red"))
            answer(seen.page, "red")
            assert seen.page.is_visible("#latency")
        give(seen.page, content, kind, name)
        problem(seen.page)
        seen.page.wait_for_selector("#busy", state="hidden")
        hidden = ("#answer", "#latency", "#no-preview", "#frame img", "#frame video")
        assert [name for name in hidden if seen.page.is_visible(name)] == []
        assert [seen.page.is_visible(name) for name in ("#empty", "#no-answer", "#no-latency")] == [True] * 3
        assert seen.flaws() == []
        assert [found for found in seen.contrasts() if found[0] < 4.5] == []
        give(seen.page, photo("green"))
        answer(seen.page, "green")
        assert seen.page.is_hidden("#problem")


def test_a_photo_that_the_browser_cannot_show_still_gets_its_answer(browser: Browser, server: Server) -> None:
    """As with HEIC photos, which boards read and most browsers do not."""
    reply = {
        "predictions": [{"label": "red", "score": 0.9}, {"label": "blue", "score": 0.1}],
        "unknown": False,
        "ms": {"preprocess": 1, "invoke": 2, "queue": 0},
    }
    with page_of(browser, server) as seen:
        seen.page.route("**/v1/classify", lambda route: route.fulfill(json=reply))
        give(seen.page, b"\0\0\0\x18ftypheic" + b"\0" * 99, "image/heic", "IMG_1.HEIC")
        answer(seen.page, "red")
        seen.page.wait_for_selector("#no-preview:not([hidden])")
        assert seen.page.inner_text("#no-preview") == "This browser cannot show IMG_1.HEIC."
        assert min(seen.contrasts())[0] >= 4.5


@pytest.mark.parametrize("token", [None, TOKEN])
def test_the_photos_of_the_model_file_are_samples_to_click(token: str | None, browser: Browser, tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite", photos=True)
    options = () if token is None else ("--token", token)
    with serving(model, *options) as server, visit(browser, server.url, PHONE) as seen:
        if token is not None:
            seen.page.fill("#token", token)
            seen.page.keyboard.press("Enter")
        seen.page.wait_for_selector("#samples:not([hidden])")
        buttons = seen.page.locator("#sample-list button")
        assert [button.locator("img").get_attribute("alt") for button in buttons.all()] == [
            f"Sample photo: {colour}" for colour in [*COLOURS, *COLOURS]
        ]
        widths = "[...document.querySelectorAll('#sample-list img')].map((image) => image.naturalWidth)"
        seen.page.wait_for_function(f"() => Math.min(...{widths}) === 32")
        boxes = [button.bounding_box() for button in buttons.all()]
        assert [box for box in boxes if box is None or min(box["height"], box["width"]) < 44] == []
        assert seen.flaws() == []
        for index, colour in enumerate(COLOURS):
            buttons.nth(index).focus()
            seen.page.keyboard.press("Enter")
            answer(seen.page, colour)
            assert seen.page.get_attribute("#frame img", "alt") == f"The photo {colour}"
        assert [line for line in seen.problems if "401" not in line] == []


def test_a_file_without_photos_offers_none(browser: Browser, server: Server) -> None:
    with page_of(browser, server) as seen:
        assert seen.page.is_hidden("#samples")
        assert not [url for url in seen.requests if "/v1/sample" in url]


def test_the_answer_of_another_photo_comes_too_late(browser: Browser, server: Server) -> None:
    with page_of(browser, server) as seen:
        held: list[Any] = []

        def hold(route: Any) -> None:
            held.append(route)

        seen.page.route("**/v1/classify", hold)
        give(seen.page, photo("green"))
        seen.page.wait_for_selector("#busy:not([hidden])")
        give(seen.page, b"\0" * 1_500_000)
        assert problem(seen.page) == "The photo is 1.5 MB; the limit is 1 MB."
        assert seen.page.is_hidden("#busy")
        for route in held:
            with contextlib.suppress(Exception):  # the page has cancelled the request
                route.continue_()
        seen.page.unroute("**/v1/classify")
        seen.page.wait_for_timeout(300)
        assert seen.page.is_hidden("#answer")
        assert problem(seen.page) == "The photo is 1.5 MB; the limit is 1 MB."


def test_a_busy_server_is_tried_again_and_a_lost_one_is_reported(browser: Browser, model: Path) -> None:
    with serving(model) as server, visit(browser, server.url) as seen:
        seen.page.wait_for_selector("#model:not([hidden])")
        asked: list[int] = []

        def refuse_once(route: Any) -> None:
            asked.append(1)
            if len(asked) > 1:
                route.continue_()
            else:
                route.fulfill(status=503, headers={"Retry-After": "1"}, json={"detail": "the queue is full"})

        seen.page.route("**/v1/classify", refuse_once)
        give(seen.page, photo("green"))
        answer(seen.page, "green")
        assert len(asked) == 2
        server.end()
        give(seen.page, photo("red"))
        assert problem(seen.page) == "The server does not answer: is it still running?"


def test_the_camera(browser: Browser, server: Server) -> None:
    """Uses Chromium's fake device, under the page's security policy."""
    with page_of(browser, server) as seen:
        seen.page.context.grant_permissions(["camera"])
        seen.page.click("#camera")
        assert answer(seen.page, "Unknown")[1].startswith("green")  # Chromium's test pattern is a lighter green
        seen.page.wait_for_function("() => document.querySelector('#rate').textContent.includes('photos per second')")
        assert seen.page.evaluate("document.querySelector('video').videoWidth") > 0
        assert seen.page.get_attribute("#camera", "aria-pressed") == "true"
        seen.page.click("#camera")
        assert seen.page.is_visible("#empty")
        assert seen.page.evaluate("document.querySelector('video').srcObject") is None
        assert seen.page.inner_text("#camera") == "Use the camera"


def test_the_camera_follows_and_ends(browser: Browser, server: Server) -> None:
    with page_of(browser, server, PHONE) as seen:
        seen.page.evaluate(CANVAS_CAMERA)
        seen.page.click("#camera")
        answer(seen.page, "red")
        seen.page.evaluate("paint('rgb(25, 35, 240)')")
        answer(seen.page, "blue")
        assert seen.flaws() == []
        give(seen.page, photo("green"))  # a dropped photo takes its place
        answer(seen.page, "green")
        assert seen.page.is_hidden("video")
        seen.page.click("#camera")
        answer(seen.page, "blue")
        seen.page.evaluate("document.querySelector('video').srcObject.getTracks()[0].onended()")
        assert problem(seen.page) == "The camera was disconnected."
        assert seen.page.is_visible("#empty")


def test_a_frame_without_an_answer_leaves_no_old_one(browser: Browser, server: Server) -> None:
    with visit(browser, server.url) as seen:
        seen.page.wait_for_selector("#model:not([hidden])")
        seen.page.evaluate(CANVAS_CAMERA)
        seen.page.click("#camera")
        answer(seen.page, "red")
        failure = {"title": "Internal Server Error", "status": 500, "detail": "the network fails"}
        seen.page.route("**/v1/classify", lambda route: route.fulfill(status=500, json=failure))
        assert problem(seen.page) == "The network fails."
        assert [name for name in ("#answer", "#latency") if seen.page.is_visible(name)] == []
        assert seen.page.is_visible("#video")
        seen.page.unroute("**/v1/classify")
        answer(seen.page, "red")
        assert seen.page.is_hidden("#problem")


def test_no_camera(browser: Browser, server: Server) -> None:
    refusals = {
        f"void (navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{name}') }})": words
        for name, words in (
            ("NotAllowedError", "may not use the camera"), ("NotFoundError", "No camera"),
            ("NotReadableError", "another program"),
        )
    }  # fmt: skip
    refusals |= {
        "void Object.defineProperty(navigator, 'mediaDevices', {value: undefined})": "does not let pages use a camera",
        "void Object.defineProperty(window, 'isSecureContext', {value: false})": "ssh -L",
    }
    with page_of(browser, server) as seen:
        for refusal, words in refusals.items():
            seen.page.evaluate(refusal)
            seen.page.click("#camera")
            assert words in problem(seen.page)
            assert seen.page.get_attribute("#camera", "aria-pressed") == "false"
            give(seen.page, photo("red"))
            answer(seen.page, "red")


def test_the_token(browser: Browser, model: Path) -> None:
    with serving(model, "--token", TOKEN) as server, visit(browser, server.url) as seen:
        page = seen.page
        page.wait_for_selector("dialog[open]")
        page.fill("#token", "not-the-token-at-all")
        page.keyboard.press("Enter")
        page.wait_for_function("() => /not the token/.test(document.querySelector('#dialog-text').textContent)")
        page.wait_for_selector("dialog[open]")
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("#model:not([hidden])")
        give(page, photo("red"))
        answer(page, "red")
        assert TOKEN not in "".join(seen.requests)
        page.reload()
        page.wait_for_selector("#model:not([hidden])")
        assert page.query_selector("dialog[open]") is None
        assert page.evaluate("localStorage.length + document.cookie.length") == 0
        with visit(browser, server.url) as other:
            other.page.wait_for_selector("dialog[open]")
            other.page.keyboard.press("Escape")
            other.page.wait_for_function("() => /token/.test(document.querySelector('#no-model').textContent)")
            assert other.page.is_hidden("dialog")


def test_less_motion(browser: Browser, server: Server) -> None:
    with page_of(browser, server) as seen:
        give(seen.page, photo("red"))
        answer(seen.page, "red")
        duration = "getComputedStyle(document.querySelector('#bars i')).transitionDuration"
        assert seen.page.evaluate(duration) == "0.2s"
        seen.page.emulate_media(reduced_motion="reduce")
        assert seen.page.evaluate(duration) == "0s"
