"""The page of the board's cameras in a real browser, with cameras that are fed by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from graft_device.camera_page.parts import Parts
from graft_device.camera_page.shown import ShownModel, ShownSource, ShownView
from graft_device.capture.store import CaptureStore
from graft_device.config.areas import parse_mask, parse_roi
from graft_device.config.settings import EventsSettings
from graft_device.drift.daily import DailyScores
from graft_device.drift.histogram import bin_of, card_entry
from graft_device.history.sink import KeptEvents
from graft_device.history.writer import Pace
from graft_device.model import read_model
from graft_device.outputs.events import Event, new_id
from graft_device.outputs.uncertain_store import UncertainStore
from graft_device.outputs.views import View
from graft_device.ranking import Answer, Prediction
from tests.support.axe import serious
from tests.support.browser import DESKTOP, PHONE, Visit, chromium, visit
from tests.support.camera_page import BOWL, DOOR, MODEL, YARD, Page, answer, frame, paging, picture, seen
from tests.support.device_models import COLOURS, make_card, write_artifact
from tests.support.running import eventually, running
from tests.support.serving import TOKEN
from tests.support.web_camera import WebCamera

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

SIZE = (640, 480)
NARROW = 320
HARD_LABELS = ("<img src=x onerror=alert(1)>", "x" * 200, "قطة سوداء 🐈‍⬛ 鳥と猫", *(f"label {n}" for n in range(97)))
PIXEL = """([source, colour]) => {
  const canvas = document.querySelectorAll('.source canvas')[source];
  if (!canvas) return false;
  const copy = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  copy.drawImage(canvas, -canvas.width / 2, -canvas.height / 4);
  const found = copy.getImageData(0, 0, 1, 1).data;
  return colour.every((value, index) => Math.abs(value - found[index]) < 40);
}"""
LOCAL = """(time) => {
  const date = new Date(time);
  return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}"""
HIDE = """(hidden) => {
  Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@dataclass
class Camera:
    """The source ``door`` of a page, and what a viewer sees of the page."""

    page: Page
    number: int = 0

    def shows(self, colour: str, score: float = 0.9, *, bowl: str = "") -> None:
        """Gives a frame in a colour, which the models recognise; in the region maybe another one."""
        self.number += 1
        pixels = picture(self.number, SIZE, colour)
        self.page.hub.seen(DOOR, seen(self.number, pixels, colour, score))
        self.page.hub.seen(BOWL, seen(self.number, pixels, bowl or colour, score, box=(320, 240, 480, 384)))

    def rests(self, colour: str) -> None:
        """Gives a frame that the motion gate holds back from both views."""
        self.number += 1
        pixels = picture(self.number, SIZE, colour)
        for view in (DOOR, BOWL):
            self.page.hub.still(view, frame(self.number, pixels), lambda: pixels)

    def watchers(self) -> int:
        """How many watch the camera live."""
        return int(self.page.get("/v1/board").json()["viewers"]["now"])


@contextlib.contextmanager
def opened(browser: Browser, page: Page, width: int = DESKTOP, *, dark: bool = False) -> Iterator[Visit]:
    """The page in a browser; at the end, checks that it contacted only the board and logged no error."""
    with visit(browser, page.page.url, width, dark=dark) as viewer:
        viewer.page.wait_for_selector(".source")
        yield viewer
        assert [url for url in viewer.requests if not url.startswith((page.page.url, "blob:"))] == []
        assert viewer.problems == []


def shown(tab: Tab, colour: str, source: int = 0) -> None:
    """Waits until a source's live picture has the colour."""
    tab.wait_for_function(PIXEL, arg=[source, list(COLOURS[colour])])


def looks(tab: Tab) -> None:
    """Lets the page ask the board and connect again now, as when its tab comes to the front."""
    tab.evaluate(HIDE, True)
    tab.evaluate(HIDE, False)


def rows(tab: Tab, view: int) -> list[list[str]]:
    """Labels and scores of a view's bars."""
    return [row.inner_text().split("\n") for row in tab.locator(".view").nth(view).locator(".answer li").all()]


def test_the_live_picture_follows_the_camera_with_labels_and_bars(browser: Browser) -> None:
    with paging() as page, opened(browser, page) as viewer:
        camera, tab = Camera(page), viewer.page
        assert tab.locator(".curtain").first.inner_text() == "Waiting for the first picture…"
        camera.shows("red", 0.9, bowl="blue")
        shown(tab, "red")
        assert rows(tab, 0) == [["red", "90.0%"], ["green", "5.0%"], ["blue", "5.0%"]]
        assert rows(tab, 1)[0] == ["blue", "90.0%"]
        assert tab.locator(".region-tag").all_inner_texts() == ["red 90.0%", "bowl\nblue 90.0%"]
        widths = [bar.evaluate("bar => bar.style.width") for bar in tab.locator(".view").first.locator("i").all()]
        assert [float(width[:-1]) for width in widths] == pytest.approx([90, 5, 5])
        camera.shows("green", 0.2)
        shown(tab, "green")
        assert rows(tab, 0)[0] == ["Unknown"]
        assert (
            tab.locator(".view").first.locator(".answer p").inner_text()
            == "No label is certain enough: 40.0% is needed."
        )
        assert tab.locator(".status-text").first.inner_text() == "live"


def test_regions_and_masks_are_where_the_board_has_them(browser: Browser) -> None:
    with paging() as page, opened(browser, page) as viewer:
        Camera(page).shows("red")
        shown(viewer.page, "red")
        frame_, region = (
            viewer.page.locator(name).bounding_box() for name in (".picture >> nth=0", ".region >> nth=1")
        )
        assert frame_ is not None
        assert region is not None
        across = [(region["x"] - frame_["x"]) / frame_["width"], region["width"] / frame_["width"]]
        down = [(region["y"] - frame_["y"]) / frame_["height"], region["height"] / frame_["height"]]
        assert [*across, *down] == pytest.approx([0.5, 0.25, 0.5, 0.3], abs=0.01)
        assert viewer.page.get_attribute(".masks polygon", "points") == "0,0 0.3,0 0.3,0.1 0,0.1"


def test_regions_in_pixels_get_their_place_with_the_first_frame(browser: Browser) -> None:
    with paging() as page:
        page.hub.configure(
            [ShownSource("door", (ShownView(DOOR), ShownView(BOWL, parse_roi("320,240,160,144"))))], [MODEL]
        )
        with opened(browser, page) as viewer:
            Camera(page).shows("red", bowl="blue")
            region = viewer.page.locator(".region", has_text="bowl")
            region.wait_for()
            assert region.evaluate("({style}) => [style.left, style.top, style.width, style.height]") == [
                "50%",
                "50%",
                "25%",
                "30%",
            ]


def test_what_stands_still_is_marked_and_only_changes_of_state_are_read_out(browser: Browser) -> None:
    with paging() as page, opened(browser, page) as viewer:
        camera, tab = Camera(page), viewer.page
        camera.shows("red")
        shown(tab, "red")
        assert tab.locator(".motion:visible").count() == 0, "without a gate everything counts"
        assert tab.inner_text("#spoken") == ""
        page.hub.state(BOWL, "red")
        tab.wait_for_function("() => document.querySelector('#spoken').textContent === 'door, bowl: red'")
        assert tab.locator(".state:visible").all_inner_texts() == ["State: red"]
        camera.rests("green")
        shown(tab, "green")
        assert tab.locator(".motion:visible").all_inner_texts() == ["still", "still"]
        assert tab.locator(".status-text").first.inner_text() == "nothing moves"
        assert tab.locator(".region.is-still").count() == 2
        camera.shows("blue")
        shown(tab, "blue")
        assert tab.locator(".motion:visible").all_inner_texts() == ["moving", "moving"]
        assert tab.inner_text("#spoken") == "door, bowl: red"
        page.hub.state(BOWL, None)
        looks(tab)
        tab.wait_for_function("() => document.querySelector('#spoken').textContent === 'door, bowl: nothing'")


def test_a_camera_that_goes_away_is_said_to_be_and_comes_back(browser: Browser) -> None:
    with paging() as page, opened(browser, page) as viewer:
        camera, tab = Camera(page), viewer.page
        camera.shows("red")
        shown(tab, "red")
        page.hub.present("door", False)
        looks(tab)
        curtain = tab.locator(".curtain").first
        curtain.wait_for()
        since = tab.evaluate("async () => (await (await fetch('v1/board')).json()).sources[0].since")
        clock = tab.evaluate(
            "time => new Date(time).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', second: '2-digit'})",
            since,
        )
        assert curtain.inner_text() == f"Away since {clock}. The picture comes back with the camera."
        assert tab.inner_text("#spoken") == "door: away"
        page.hub.present("door", True)
        looks(tab)
        camera.shows("green")
        shown(tab, "green")
        curtain.wait_for(state="hidden")
        tab.wait_for_function("() => document.querySelector('#spoken').textContent === 'door: back'")


def test_nobody_watches_a_hidden_tab_a_picture_out_of_view_or_a_paused_one(browser: Browser) -> None:
    with paging() as page, opened(browser, page, PHONE) as viewer:
        camera, tab = Camera(page), viewer.page
        camera.shows("red")
        shown(tab, "red")
        assert camera.watchers() == 1
        for leave, back in (
            (lambda: tab.evaluate(HIDE, True), lambda: tab.evaluate(HIDE, False)),
            (lambda: tab.evaluate("scrollTo(0, 1e6)"), lambda: tab.evaluate("scrollTo(0, 0)")),
            (lambda: tab.click(".pause"), lambda: tab.click(".pause")),
        ):
            leave()
            eventually(lambda: camera.watchers() == 0)
            back()
            eventually(lambda: camera.watchers() == 1)


def test_a_viewer_too_many_reads_why_there_is_no_picture(browser: Browser) -> None:
    with paging(viewers=1) as page, opened(browser, page) as first:
        Camera(page).shows("red")
        shown(first.page, "red")
        with visit(browser, page.page.url) as second:
            second.page.wait_for_function("() => /limit/.test(document.querySelector('.curtain')?.textContent)")
            words = second.page.locator(".curtain").first.inner_text()
            assert words == "1 watch this camera already, which is the limit. The picture comes when somebody leaves."
            first.page.evaluate(HIDE, True)
            eventually(lambda: page.get("/v1/board").json()["viewers"]["now"] == 0)
            looks(second.page)
            shown(second.page, "red")


def test_a_region_is_drawn_with_the_mouse(browser: Browser) -> None:
    with paging() as page, opened(browser, page) as viewer:
        tab = viewer.page
        Camera(page).shows("red")
        shown(tab, "red")
        tab.locator(".draw").first.click()
        box = tab.locator(".draft-layer").first.bounding_box()
        assert box is not None

        def drag(*points: tuple[float, float]) -> None:
            for index, (x, y) in enumerate(points):
                tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
                if index == 0:
                    tab.mouse.down()
            tab.mouse.up()

        drag((0.05, 0.1), (0.45, 0.6))
        assert drawn(tab) == pytest.approx([0.05, 0.1, 0.4, 0.5], abs=0.005)
        drag((0.2, 0.3), (0.4, 0.5))  # moves it
        assert drawn(tab) == pytest.approx([0.25, 0.3, 0.4, 0.5], abs=0.005)
        drag((0.65, 0.8), (0.85, 0.7))  # pulls its lower right corner
        assert drawn(tab) == pytest.approx([0.25, 0.3, 0.6, 0.4], abs=0.005)
        assert tab.locator(".pixels").first.inner_text().endswith("of 640 \u00d7 480 pixels")


def test_a_region_is_drawn_with_the_keyboard_alone(browser: Browser) -> None:
    with paging() as page, opened(browser, page) as viewer:
        tab = viewer.page
        tab.locator(".draw").first.focus()
        tab.keyboard.press("Enter")
        assert drawn(tab) == [0.3, 0.3, 0.4, 0.4]
        for key in ("ArrowLeft", "ArrowLeft", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowUp"):
            tab.keyboard.press(key)
        assert drawn(tab) == [0.28, 0.31, 0.41, 0.39]
        for _ in range(70):
            tab.keyboard.press("ArrowRight")
        assert drawn(tab) == [0.59, 0.31, 0.41, 0.39], "it stays in the frame"
        for name, value in {"x": "0.125", "y": "0", "width": "0.5", "height": "1"}.items():
            tab.fill(f".drawing >> nth=0 >> [name={name}]", value)
        assert drawn(tab) == [0.125, 0, 0.5, 1]
        tab.fill(".drawing >> nth=0 >> [name=name]", 'the "bowl"')
        lines = tab.locator(".file-lines").first.inner_text()
        assert lines == '[[source.region]]\nname = "the \\"bowl\\""\nroi = "0.125,0,0.5,1"'
        tab.locator("[value=mask]").first.check()
        assert tab.locator(".file-lines").first.inner_text() == 'mask = ["0.125,0,0.5,1"]'
        option = tab.locator(".option-line").first.inner_text().removeprefix("--mask ")
        assert parse_mask(option).points == ((0.125, 0), (0.625, 0), (0.625, 1), (0.125, 1))


def drawn(tab: Tab) -> list[float]:
    """The region in the option, which is that of the fields and of the rectangle over the picture."""
    roi = parse_roi(tab.locator(".option-line").first.inner_text().removeprefix("--roi "))
    numbers = [roi.x, roi.y, roi.width, roi.height]
    fields = [
        tab.locator(f".drawing >> nth=0 >> [name={name}]").input_value() for name in ("x", "y", "width", "height")
    ]
    assert [float(field) for field in fields] == numbers
    style = tab.locator(".draft").first.evaluate("({style}) => [style.left, style.top, style.width, style.height]")
    assert [float(edge[:-1]) / 100 for edge in style] == pytest.approx(numbers, abs=0.001)
    return numbers


def test_lines_are_copied(browser: Browser) -> None:
    with paging() as page, opened(browser, page) as viewer:
        viewer.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        viewer.page.locator(".draw").first.click()
        viewer.page.locator("[data-of=option]").first.click()
        viewer.page.wait_for_function("() => document.querySelector('.copied').textContent === 'Copied.'")
        assert viewer.page.evaluate("navigator.clipboard.readText()") == "--roi 0.3,0.3,0.4,0.4"


def test_the_token_is_asked_for_once(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with paging(token_file=tmp_path / "token") as page:
        with visit(browser, page.page.url) as viewer:
            tab = viewer.page
            tab.wait_for_selector("dialog[open]")
            assert serious(tab) == []
            tab.fill("#token", TOKEN)
            tab.keyboard.press("Enter")
            tab.wait_for_selector(".source")
            Camera(page).shows("red")
            shown(tab, "red")
            assert TOKEN not in "".join(viewer.requests)
            tab.get_by_text("Metrics").click()
            tab.wait_for_url("blob:**")
            assert "graft_" in tab.inner_text("body")
        with visit(browser, page.page.url) as viewer:
            viewer.page.wait_for_selector("dialog[open]")
            viewer.page.keyboard.press("Escape")
            viewer.page.wait_for_selector("#problem:not([hidden])")
            assert viewer.page.locator(".source").count() == 0
            viewer.page.click("#enter-token")
            viewer.page.wait_for_selector("dialog[open]")


def test_a_board_that_ends_and_starts_again(browser: Browser) -> None:
    with paging() as page, visit(browser, page.page.url) as viewer:
        viewer.page.wait_for_selector(".source")
        page.page.close()
        looks(viewer.page)
        viewer.page.wait_for_selector("#problem:not([hidden])")
        assert viewer.page.inner_text("#problem-text") == "The server does not answer: is it still running?"
        with paging(port=page.address[1]):
            looks(viewer.page)
            viewer.page.wait_for_selector("#problem", state="hidden")


def test_empty_states_say_what_to_do(browser: Browser) -> None:
    with paging() as page:
        page.hub.configure([ShownSource("yard", (ShownView(YARD),))], [MODEL])
        with opened(browser, page) as viewer:
            tab = viewer.page
            assert "--keep-events DIR" in tab.inner_text("#no-events")
            assert "A region around what matters" in tab.inner_text(".hint")
            assert "--save-uncertain DIR" in tab.inner_text(".hint")
            assert "--capture DIR" in tab.inner_text(".hint")
            assert tab.locator(".correct-box").count() == 0
            assert tab.inner_text("h1") == "yard"


@pytest.mark.parametrize("reference", [True, False])
def test_drift_shows_both_histograms_with_their_figures(reference: bool, browser: Browser, tmp_path: Path) -> None:
    scores = card_entry([0.3] * 10 + [0.6] * 30 + [0.99999] * 60, unknown=2) if reference else None
    model = read_model(write_artifact(tmp_path / "m.tflite", card=make_card(scores=scores)))
    daily = DailyScores(tmp_path / "drift", {"colours": model}, ["door"], lambda: True, lambda _: None)
    for number in range(300):
        daily.seen(DOOR, seen(number, picture(number), "red", 0.6 if number % 3 else 0.3))
    with closing(daily), paging(Parts(drift=daily)) as page, opened(browser, page) as viewer:
        tab = viewer.page
        tab.wait_for_selector(".verdict")
        found = page.get("/v1/drift").json()["models"][0]
        verdict = tab.inner_text(".verdict")
        assert verdict.lower() == f"{found['verdict']}."
        assert verdict.startswith("The scores are much lower" if reference else "The model card has no scores")
        if not reference:
            assert tab.locator(".chart").count() == 0
            return
        heights = "name => [...document.querySelectorAll(`.chart-bars .${name}`)].map((bar) => bar.style.height)"
        then, now = ([float(height[:-1]) for height in tab.evaluate(heights, name)] for name in ("then", "now"))
        low, middle, best = bin_of(0.3), bin_of(0.6), bin_of(0.99999)
        assert [then[low], then[middle], then[best]] == pytest.approx([15, 45, 90], abs=0.1)
        assert [now[low], now[middle], now[best]] == pytest.approx([50, 100, 0], abs=0.1)
        assert sum(then) == pytest.approx(150, abs=0.1)
        tab.click(".figures summary")
        table = dict(row.split("\t", 1) for row in tab.locator(".figures tr").all_inner_texts())
        assert table["25% to 37.5%"] == "10\t100"
        assert table["unknown"] == "2\t100"
        assert f"{found['index']:.3f}" in tab.inner_text(".figures")
        assert serious(tab) == []


def event(number: int, label: str, **fields: Any) -> Event:
    """An event of the source ``door``, ``number`` minutes after midnight in UTC."""
    time = f"2026-01-{fields.pop('day', 31)}T{number // 60:02}:{number % 60:02}:00.000Z"
    score = fields.pop("score", 0.9)
    given = answer(label, score)
    values = {"photo": picture(number, SIZE, label), "view": "door-bowl", "region": "bowl", "kind": "enter", **fields}
    return Event(
        new_id(), number, time, "door", tuple(given), given.unknown, {"invoke": 1.0}, reason=given.reason, **values
    )


@contextlib.contextmanager
def keeping(folder: Path, events: list[Event]) -> Iterator[KeptEvents]:
    """The history of a board that keeps events."""
    with closing(KeptEvents(EventsSettings(folder), lambda _: None, Pace(seconds=0, events=1))) as kept:
        for one in events:
            kept.put(one)
        yield kept


def listed(tab: Tab, count: int) -> list[str]:
    """Waits until the time line has so many events; returns their first lines."""
    tab.wait_for_function("count => document.querySelectorAll('.event').length === count", arg=count)
    return [" ".join(text.split()) for text in tab.locator(".event-first").all_inner_texts()]


SOME = [
    event(1, "red", day=30),
    event(2, "green", score=0.5, kind="leave", duration=125.0),
    event(3, "blue", region=None, view="door"),
    event(4, "red", score=0.36),
    event(5, "blue", photo=None, clock_set=False),
]


def test_events_are_listed_by_day_and_filtered(browser: Browser, tmp_path: Path) -> None:
    with keeping(tmp_path, SOME) as kept, paging(Parts(events=kept)) as page, opened(browser, page, PHONE) as viewer:
        tab = viewer.page
        assert listed(tab, 5) == ["blue 90.0%", "unknown 36.0%", "blue 90.0%", "green 50.0%", "red 90.0%"]
        assert len(tab.locator(".day h3").all_inner_texts()) == 2
        texts = tab.locator(".event").all_inner_texts()
        assert "the board\u2019s clock was not set" in texts[0]
        assert "leave \u00b7 2 min" in texts[3]
        tab.locator(".event").nth(3).scroll_into_view_if_needed()
        tab.wait_for_function("() => [...document.querySelectorAll('.thumb img')].every(({naturalWidth: w}) => w > 0)")
        assert tab.locator(".thumb.none").count() == 1
        tab.click("#filter-box summary")
        for name, value, left in (
            ("label", "blue", ["blue 90.0%", "blue 90.0%"]),
            ("label", "unknown", ["unknown 36.0%"]),
            ("region", "bowl", ["blue 90.0%", "unknown 36.0%", "green 50.0%", "red 90.0%"]),
            ("kind", "leave", ["green 50.0%"]),
            ("min_score", "60", ["blue 90.0%", "blue 90.0%", "red 90.0%"]),
        ):
            field = tab.locator(f"#filters [name={name}]")
            if name == "min_score":
                field.evaluate(
                    f"field => {{ field.value = {value}; field.dispatchEvent(new Event('input', {{bubbles: true}})); }}"
                )
            else:
                field.select_option(value)
            assert listed(tab, len(left)) == left
            assert tab.inner_text("#filter-box summary") == "Filters (1)"
            tab.click("#filters [type=reset]")
            listed(tab, 5)
        local = tab.evaluate(LOCAL, "2026-01-31T00:03:00Z")
        tab.fill("#filters [name=since]", local)
        listed(tab, 3)
        tab.fill("#filters [name=until]", local)
        assert listed(tab, 1) == ["blue 90.0%"]
        tab.locator("#filters [name=kind]").select_option("leave")
        tab.get_by_text("No event matches these filters.").wait_for()
        assert viewer.flaws() == []
        assert serious(tab) == []


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESKTOP, False)])
def test_an_event_is_opened_looked_through_and_corrected(
    width: int, dark: bool, browser: Browser, tmp_path: Path
) -> None:
    store = UncertainStore(tmp_path / "uncertain", 10_000_000)
    with (
        keeping(tmp_path, SOME) as kept,
        paging(Parts(kept, store)) as page,
        opened(browser, page, width, dark=dark) as viewer,
    ):
        tab = viewer.page
        listed(tab, 5)
        tab.locator(".event").nth(1).focus()
        tab.keyboard.press("Enter")
        tab.wait_for_selector(".event-picture img")
        assert tab.locator("#event-bars li").first.inner_text() == "Unknown"
        assert viewer.flaws() == []
        assert serious(tab) == []
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("ArrowRight")
        tab.wait_for_function("() => /2 min 5 s/.test(document.querySelector('#event-facts').textContent)")
        assert SOME[1].id in tab.inner_text("#event-facts")
        tab.click("#event-newer")
        tab.wait_for_function("id => document.querySelector('#event-facts').textContent.includes(id)", arg=SOME[2].id)
        tab.wait_for_selector(".event-picture img")
        tab.locator("#event-correct .chip", has_text="green").click()
        tab.locator("#event-correct .said", has_text="Saved as green/").wait_for()
        tab.fill("#event-correct input", "a new one")
        tab.keyboard.press("Enter")
        tab.locator("#event-correct .said", has_text="Saved as a new one/").wait_for()
        (photo,) = (path for path in (tmp_path / "uncertain").rglob("*") if path.is_file())
        assert photo.parent.name == "a new one", "the second label replaces the first"
        with Image.open(photo) as image:
            assert image.convert("RGB").getpixel((320, 100)) == pytest.approx(COLOURS["blue"], abs=12)
        tab.fill("#event-correct input", "../up")
        tab.keyboard.press("Enter")
        tab.locator("#event-correct .said.failed").wait_for()
        tab.keyboard.press("Escape")
        tab.wait_for_function("id => document.activeElement.dataset.id === id", arg=SOME[2].id)
        assert "corrected, was blue" in tab.locator(".event").nth(2).inner_text()
        tab.reload()
        assert listed(tab, 5)[2] == "a new one 90.0%"
        viewer.problems[:] = [line for line in viewer.problems if "400" not in line and "422" not in line]


def test_new_events_appear_without_moving_what_is_read(browser: Browser, tmp_path: Path) -> None:
    events = [event(number, "red") for number in range(1, 121)]
    with keeping(tmp_path, events) as kept, paging(Parts(kept)) as page, opened(browser, page, PHONE) as viewer:
        tab = viewer.page
        listed(tab, 48)
        kept.put(event(121, "blue"))
        looks(tab)
        assert listed(tab, 49)[0] == "blue 90.0%"
        tab.click("#older")
        listed(tab, 97)
        tab.locator(".event").nth(60).scroll_into_view_if_needed()
        read = tab.locator(".event").nth(60)
        before, name = read.bounding_box(), read.get_attribute("data-id")
        kept.put(event(122, "green"))
        looks(tab)
        tab.wait_for_selector("#fresh:not([hidden])")
        assert tab.inner_text("#fresh") == "1 new event"
        after = tab.locator(f"[data-id='{name}']").bounding_box()
        assert before is not None
        assert after is not None
        assert abs(after["y"] - before["y"]) < 60, "no more than the button that announces them"
        tab.click("#fresh")
        assert tab.locator(".event-first").first.inner_text().startswith("green")
        assert tab.evaluate("document.activeElement.id") == "events"


def test_what_a_view_sees_now_is_corrected(browser: Browser, tmp_path: Path) -> None:
    store = UncertainStore(tmp_path, 10_000_000)
    with paging(Parts(corrections=store)) as page, opened(browser, page) as viewer:
        camera, tab = Camera(page), viewer.page
        assert tab.locator(".correct-box:visible").count() == 0, "there is no frame yet"
        camera.shows("red", bowl="blue")
        shown(tab, "red")
        tab.locator(".correct-box summary").nth(1).click()
        assert serious(tab) == []
        tab.locator(".view").nth(1).locator(".chip", has_text="green").click()
        tab.locator(".said", has_text="Saved as green/").wait_for()
        (photo,) = (tmp_path / "green").iterdir()
        with Image.open(photo) as image:
            assert image.size == (160, 144), "the region alone"
        tab.click(".pause")
        assert tab.locator(".correct-box:visible").count() == 0, "a newer frame than the one in view would be saved"


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESKTOP, False)])
def test_what_a_view_shows_is_captured_by_keyboard_and_finger(
    width: int, dark: bool, browser: Browser, tmp_path: Path
) -> None:
    store = CaptureStore(tmp_path, 10)
    (tmp_path / "purple").mkdir()
    with paging(Parts(capture=store)) as page, opened(browser, page, width, dark=dark) as viewer:
        camera, tab = Camera(page), viewer.page
        camera.shows("red", bowl="blue")
        shown(tab, "red")
        bowl = tab.locator(".view").nth(1)
        bowl.locator("summary").focus()
        tab.keyboard.press("Enter")
        bowl.locator(".chip").first.wait_for()
        assert bowl.locator(".chip").all_inner_texts() == ["red", "green", "blue", "purple"]
        assert viewer.flaws() == []
        assert serious(tab) == []
        bowl.locator(".chip", has_text="purple").focus()
        tab.keyboard.press("Enter")
        bowl.locator(".said", has_text="Captured as purple/").wait_for()
        assert tab.evaluate("document.activeElement.textContent") == "purple", "ready for the next picture"
        (photo,) = (tmp_path / "purple").iterdir()
        with Image.open(photo) as image:
            assert image.size == (160, 144), "the region alone"
        tab.keyboard.press("Enter")
        bowl.locator(".said", has_text="The picture is the same as the last one").wait_for()
        bowl.locator("input").fill("a new one")
        tab.keyboard.press("Enter")
        bowl.locator(".said", has_text="Captured as a new one/").wait_for()
        assert bowl.locator(".chip").all_inner_texts()[-1] == "a new one"
        bowl.locator("select").select_option("3")
        bowl.locator(".chip", has_text="green").click()
        for number, colour in enumerate(("green", "blue"), 1):
            eventually(lambda number=number: len([*tmp_path.glob("green/*")]) == number)  # type: ignore[misc]
            camera.shows(colour)
        bowl.locator(".said", has_text="Captured 3 pictures, the last as green/").wait_for()
        bowl.locator("input").fill("../up")
        bowl.locator("form button").click()
        bowl.locator(".said.failed", has_text="Not captured: the label has a slash").wait_for()
        small = [
            box
            for one in bowl.locator("button:visible, select:visible, summary:visible").all()
            if (box := one.bounding_box()) is None or box["height"] < 44
        ]
        assert small == [], "too small for a finger"
        tab.click(".pause")
        assert tab.locator(".correct-box:visible").count() == 0, "a newer frame than the one in view would be saved"
        viewer.problems[:] = [line for line in viewer.problems if "422" not in line]


@pytest.mark.parametrize(("width", "dark"), [(NARROW, False), (PHONE, True), (DESKTOP, False), (DESKTOP, True)])
def test_the_page_fits_and_everybody_can_use_it(width: int, dark: bool, browser: Browser) -> None:
    views = tuple(
        ShownView(
            View(f"door-{n}", "door", f"region {n} قطة", "hard", HARD_LABELS, 0.4), parse_roi(f"{n / 16},0.5,0.06,0.3")
        )
        for n in range(14)
    )
    long = "rtsp://camera.example/" + "a-long-path/" * 8
    sources = [ShownSource("door", (ShownView(DOOR), ShownView(BOWL), *views)), ShownSource(long, (ShownView(YARD),))]
    with paging() as page:
        page.hub.configure(sources, [MODEL, ShownModel("<b>hard", MODEL.card, "litert")])
        with opened(browser, page, width, dark=dark) as viewer:
            tab = viewer.page
            tab.wait_for_function("() => document.querySelectorAll('.view').length === 17")
            camera = Camera(page)
            camera.shows("red")
            for view in views:
                hard = Answer([Prediction(label, 0.3) for label in HARD_LABELS[:3]], None)
                page.hub.seen(view.view, replace(seen(1, picture(1, SIZE), "red"), answer=hard))
            shown(tab, "red")
            assert viewer.flaws() == []
            assert serious(tab) == []
            tab.locator(".draw").first.click()
            assert viewer.flaws() == []
            assert serious(tab) == []
            boxes = [
                button.bounding_box()
                for button in tab.query_selector_all("button:visible, select:visible, summary:visible")
            ]
            assert [box for box in boxes if box is None or box["height"] < 44] == [], "too small for a finger"


def test_less_motion(browser: Browser) -> None:
    with paging() as page, opened(browser, page) as viewer:
        Camera(page).shows("red")
        shown(viewer.page, "red")
        duration = "getComputedStyle(document.querySelector('.view i')).transitionDuration"
        assert viewer.page.evaluate(duration) == "0.2s"
        viewer.page.emulate_media(reduced_motion="reduce")
        assert viewer.page.evaluate(duration) == "0s"


def test_a_run_with_its_camera_page_events_and_corrections(browser: Browser, tmp_path: Path) -> None:
    """The whole way: a network camera, the loop, states, history, page, browser, and a photo under its right label."""
    model = write_artifact(tmp_path / "colours.tflite", size=64)
    options = (
        "--http",
        "127.0.0.1:0",
        "--confirm",
        2,
        "--roi",
        "0.25,0.25,0.5,0.5",
        "--keep-events",
        tmp_path / "events",
    )
    more = ("--save-uncertain", tmp_path / "uncertain", "--uncertain-below", 0, "--fps", 20)
    camera = WebCamera()
    with camera, running("--source", f"{camera.url}/stream", model, *options, *more) as job:
        while "page on " not in (line := job.note()):
            pass
        with visit(browser, line.partition("page on ")[2], PHONE) as viewer:
            tab = viewer.page
            for colour in ("red", "blue"):
                camera.colour = colour
                shown(tab, colour)
                tab.locator(".view .answer li:first-child bdi", has_text=colour).wait_for()
                tab.locator(".state", has_text=f"State: {colour}").wait_for()
            tab.locator(".event-first", has_text="blue").wait_for()
            assert listed(tab, 3)[1].startswith("red"), "entered red, left it, entered blue"
            tab.locator(".event").first.click()
            tab.wait_for_selector(".event-picture img")
            tab.locator("#event-correct .chip", has_text="green").click()
            tab.locator("#event-correct .said", has_text="Saved as green/").wait_for()
            (photo,) = (tmp_path / "uncertain" / "green").iterdir()
            with Image.open(photo) as image:
                assert image.size == (32, 24), "the region, which is a quarter of the frame"
            assert viewer.problems == []
        assert job.end() == 0
