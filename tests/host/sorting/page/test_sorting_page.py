"""The page of ``graft sort`` in a real browser, on real folders."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.axe import serious
from tests.support.browser import DESKTOP, PHONE, Visit, chromium, visit
from tests.support.ports import free_port
from tests.support.running import PATIENCE_S, eventually
from tests.support.sorting_page import SortingPage, entered, fill, sorting

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """20 pictures in three groups, and two classes of two photos."""
    fill(tmp_path / "inbox" / "like-cats", *range(1, 7))
    fill(tmp_path / "inbox" / "like-dogs", *range(7, 13))
    fill(tmp_path / "inbox" / "rest", *range(13, 21))
    fill(tmp_path / "photos" / "cats", 50, 51)
    fill(tmp_path / "photos" / "dogs", 52, 53)
    return tmp_path


@contextlib.contextmanager
def opened(
    browser: Browser, page: SortingPage, width: int = DESKTOP, *, dark: bool = False, address: str = ""
) -> Iterator[Visit]:
    """The page in a browser; at the end, checks that it contacted only its server and logged no error."""
    address = address or page.address()
    with visit(browser, address, width, dark=dark) as viewer:
        viewer.page.locator(".tile, #empty code").first.wait_for()
        yield viewer
        assert [url for url in viewer.requests if not url.startswith((address.partition("#")[0], "blob:"))] == []
        assert [problem for problem in viewer.problems if "409 (Conflict)" not in problem] == []


def counted(tab: Page, left: int, moved: int) -> None:
    """Waits until the page shows how many pictures are left, and how many were sorted."""
    tab.wait_for_function(
        "(text) => document.getElementById('counts').textContent === text", arg=f"{left} left · {moved} sorted"
    )


def place(tab: Page, name: str) -> str:
    """The text of a class, unknown or the bin: its key, name and number."""
    return tab.locator(".place", has=tab.locator("bdi", has_text=name)).inner_text().replace("\n", " ")


def tile(tab: Page, number: int) -> str:
    """The selector of a picture by the number that it is named after."""
    found = tab.locator(f".tile[title$='/{number}.png']")
    return f"#{found.get_attribute('id')}"


def test_twenty_pictures_are_sorted_by_keys_alone_and_taken_back_after_a_reload(browser: Browser, root: Path) -> None:
    with sorting(root) as page, opened(browser, page) as viewer:
        tab = viewer.page
        counted(tab, 20, 0)
        keys = tab.keyboard
        keys.press("u")  # the first picture has the frame
        keys.press("Delete")
        counted(tab, 18, 2)
        keys.press("a")  # the rest of the first group
        counted(tab, 14, 6)
        assert page.files("photos/cats") == ["3.png", "4.png", "5.png", "50.png", "51.png", "6.png"]
        keys.press("ArrowRight")
        keys.press("Space")
        keys.press("Shift+ArrowRight")
        keys.press("1")  # two of the dogs are cats
        counted(tab, 12, 8)
        keys.press("Home")
        keys.press("a")
        counted(tab, 8, 12)
        keys.press("Control+a")
        keys.press("2")
        counted(tab, 0, 20)
        assert tab.locator("#empty code").inner_text() == f"graft train {root / 'photos'} -o model.tflite"
        assert [place(tab, name) for name in ("cats", "dogs", "unknown", "bin")] == [
            "1 cats 8", "2 dogs 14", "U unknown 1", "Del bin 1",
        ]  # fmt: skip
        assert page.files("inbox/.bin", "photos/unknown") == ["1.png", "2.png"]
        tab.reload()
        counted(tab, 0, 20)
        keys.press("Control+z")
        counted(tab, 8, 12)
        assert tab.locator("#said").inner_text() == "Taken back: 8 pictures to dogs. Ctrl-Y does it again."
        keys.press("Control+z")
        counted(tab, 12, 8)
        keys.press("Control+y")
        counted(tab, 8, 12)
        assert page.files("inbox/rest") == [f"{number}.png" for number in range(13, 21)]


def test_keys_pressed_at_once_act_on_one_picture_after_another(browser: Browser, root: Path) -> None:
    with sorting(root) as page, opened(browser, page) as viewer:
        viewer.page.evaluate(
            "() => { for (const key of ['1', '2', '1', '2'])"
            " document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true})); }"
        )
        counted(viewer.page, 16, 4)
        assert page.files("photos/cats") == ["1.png", "3.png", "50.png", "51.png"]
        assert page.files("photos/dogs") == ["2.png", "4.png", "52.png", "53.png"]


def test_pictures_are_selected_with_the_mouse_and_dragged_onto_a_class(browser: Browser, root: Path) -> None:
    with sorting(root) as page, opened(browser, page) as viewer:
        tab = viewer.page
        selected = tab.locator('.tile[aria-selected="true"]')
        tab.click(tile(tab, 1))
        tab.click(tile(tab, 4), modifiers=["Shift"])
        assert selected.count() == 4
        tab.click(tile(tab, 2), modifiers=["Control"])
        assert [one.get_attribute("title") for one in selected.all()] == [
            f"like-cats/{number}.png" for number in (1, 3, 4)
        ]
        tab.drag_and_drop(tile(tab, 3), ".place[data-place='class dogs']")
        counted(tab, 17, 3)
        assert page.files("photos/dogs") == ["1.png", "3.png", "4.png", "52.png", "53.png"]
        tab.drag_and_drop(tile(tab, 2), ".place[data-place='bin ']")  # which is not selected
        counted(tab, 16, 4)
        assert page.files("inbox/.bin") == ["2.png"]
        first, last = (tab.locator(tile(tab, number)).bounding_box() for number in (5, 6))
        assert first is not None
        assert last is not None
        tab.mouse.move(first["x"] - 8, first["y"] - 3)
        tab.mouse.down()
        tab.mouse.move(last["x"] + 30, last["y"] + 40, steps=4)
        tab.mouse.up()
        assert selected.count() == 2
        tab.locator(".place", has_text="unknown").click()
        counted(tab, 14, 6)
        assert page.files("photos/unknown") == ["5.png", "6.png"]
        tab.locator(".group", has_text="rest").get_by_role("button", name="Select all").click()
        assert selected.count() == 8


def test_a_new_class_gets_the_next_key_and_a_name_that_cannot_be_is_refused_with_the_reason(
    browser: Browser, root: Path
) -> None:
    with sorting(root) as page, opened(browser, page) as viewer:
        tab = viewer.page
        tab.keyboard.press("c")
        tab.fill("#chooser-name", "train")
        tab.keyboard.press("Enter")
        reason = tab.locator("#chooser-problem")
        reason.wait_for()
        assert "would name a part of the split" in reason.inner_text()
        tab.fill("#chooser-name", "birds")
        tab.keyboard.press("Enter")
        counted(tab, 19, 1)
        assert place(tab, "birds") == "3 birds 1"
        tab.keyboard.press("3")
        counted(tab, 18, 2)
        tab.keyboard.press("c")
        tab.fill("#chooser-name", "og")  # a part of a name is enough
        tab.keyboard.press("Enter")
        counted(tab, 17, 3)
        assert page.files("photos/birds") == ["1.png", "2.png"]
        assert page.files("photos/dogs") == ["3.png", "52.png", "53.png"]


def test_a_picture_that_is_there_already_is_shown_beside_its_twin(browser: Browser, root: Path) -> None:
    fill(root / "inbox" / "twins", 50, 53)
    with sorting(root) as page, opened(browser, page) as viewer:
        tab = viewer.page
        group = tab.locator(".group", has_text="already there").first
        group.scroll_into_view_if_needed()
        eventually(lambda: group.locator(".thumb img").count() == 4)
        assert group.locator(".likely + span").all_inner_texts() == ["cats/50.png", "dogs/53.png"]
        tab.click(tile(tab, 50))
        tab.keyboard.press("Enter")
        eventually(lambda: tab.locator("#viewer-pictures img").count() == 2)
        assert tab.locator("#viewer-pictures img").last.get_attribute("alt") == (
            "The photo that is there already, cats/50.png"
        )
        tab.keyboard.press("Escape")
        tab.keyboard.press("a")
        counted(tab, 20, 2)
        assert page.files("inbox/.bin") == ["50.png", "53.png"]
        assert page.files("photos/cats") == ["50.png", "51.png"]


def test_a_large_picture_is_sorted_and_the_next_one_follows(browser: Browser, root: Path) -> None:
    with sorting(root) as page, opened(browser, page) as viewer:
        tab = viewer.page
        tab.locator(tile(tab, 1)).dblclick()
        name = tab.locator("#viewer-name")
        assert name.inner_text() == "1.png"
        assert tab.locator("#viewer-bars li").first.inner_text() == "Unknown"
        tab.keyboard.press("2")
        counted(tab, 19, 1)
        tab.wait_for_function("() => document.getElementById('viewer-name').textContent === '2.png'")
        tab.keyboard.press("ArrowRight")
        assert name.inner_text() == "3.png"
        tab.keyboard.press("Escape")
        tab.wait_for_function("() => document.activeElement.title === 'like-cats/3.png'")
        assert page.files("photos/dogs") == ["1.png", "52.png", "53.png"]


def test_a_second_window_sees_what_the_first_did_and_cannot_undo_what_it_does_not_show(
    browser: Browser, root: Path
) -> None:
    with sorting(root) as page, opened(browser, page) as viewer:
        one, two = viewer.page, viewer.page.context.new_page()
        two.goto(one.url)  # without a code: the windows of a browser share the token
        counted(two, 20, 0)
        two.evaluate("() => Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
        one.bring_to_front()
        one.keyboard.press("1")
        counted(one, 19, 1)
        two.keyboard.press("2")  # the same picture, which this window still shows
        problem = two.locator("#problem-text", has_text="moved in another window")
        problem.wait_for()
        counted(two, 19, 1)
        assert page.files("photos/dogs") == ["52.png", "53.png"]
        one.keyboard.press("1")
        counted(one, 18, 2)
        two.keyboard.press("Control+z")
        two.locator("#problem-text", has_text="another window has changed something").wait_for()
        counted(two, 18, 2)
        two.evaluate("() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); }")
        two.keyboard.press("Control+z")
        counted(two, 19, 1)
        counted(one, 19, 1)


def test_a_killed_server_is_named_and_started_again_it_goes_on_where_it_was(browser: Browser, root: Path) -> None:
    port = free_port()
    with contextlib.ExitStack() as stack:
        page = stack.enter_context(sorting(root, port=port))
        viewer = stack.enter_context(visit(browser, page.address()))
        tab = viewer.page
        counted(tab, 20, 0)
        tab.keyboard.press("a")
        counted(tab, 14, 6)
        page.process.send_signal(signal.SIGKILL)
        page.process.wait(PATIENCE_S)
        tab.keyboard.press("1")
        tab.locator("#problem-text", has_text="does not answer").wait_for()
        again = stack.enter_context(sorting(root, port=port))
        address = again.address()
        tab.locator("#problem-text", has_text="printed last").wait_for()
        tab.goto("about:blank")
        tab.goto(address)
        counted(tab, 14, 6)
        tab.keyboard.press("Control+z")
        counted(tab, 20, 0)
        assert again.files("photos/cats") == ["50.png", "51.png"]


def test_a_picture_that_is_gone_is_named_and_the_others_are_moved(browser: Browser, root: Path) -> None:
    with sorting(root) as page:
        address = page.address()
        (root / "inbox" / "like-cats" / "2.png").unlink()
        with visit(browser, address) as viewer:
            tab = viewer.page
            tab.locator(f"{tile(tab, 2)} .missing").wait_for()
            tab.click(tile(tab, 1))
            tab.click(tile(tab, 3), modifiers=["Shift"])
            tab.keyboard.press("1")
            tab.locator("#problem-text", has_text="2.png: it is no longer there").wait_for()
            assert page.files("photos/cats") == ["1.png", "3.png", "50.png", "51.png"]


def test_thumbnails_are_loaded_only_where_they_are_looked_at(browser: Browser, root: Path) -> None:
    fill(root / "inbox" / "zoo", *range(100, 400), size=24)
    with sorting(root) as page, opened(browser, page) as viewer:
        tab = viewer.page

        def asked() -> set[str]:
            return {url for url in viewer.requests if url.endswith("/thumbnail")}

        tab.locator(f"{tile(tab, 1)} img").wait_for()
        tab.wait_for_load_state("networkidle")
        assert len(asked()) < 120
        tab.keyboard.press("End")
        tab.locator(f"{tile(tab, 399)} img").wait_for()
        assert len(asked()) < 320


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_groups_far_away_are_not_laid_out_and_take_their_place_all_the_same(
    browser: Browser, root: Path, width: int
) -> None:
    fill(root / "inbox" / "zoo", *range(100, 200), size=24)
    fill(root / "inbox" / "zoo-2", *range(200, 240), size=24)
    with sorting(root) as page, opened(browser, page, width) as viewer:
        tab = viewer.page
        heights = "() => [...document.querySelectorAll('.group')].map((one) => one.getBoundingClientRect().height)"
        is_laid_out = "(tile) => tile.checkVisibility({contentVisibilityAuto: true})"
        assert not tab.locator(tile(tab, 239)).evaluate(is_laid_out)
        before = tab.evaluate(heights)
        switch = "(to) => document.querySelectorAll('.group').forEach((one) => one.style.contentVisibility = to)"
        tab.evaluate(switch, "visible")
        row = 260
        assert all(abs(one - real) < row for one, real in zip(before, tab.evaluate(heights), strict=True))
        tab.evaluate(switch, "")
        tab.keyboard.press("End")
        eventually(lambda: tab.locator(tile(tab, 239)).evaluate(is_laid_out))


@pytest.mark.parametrize(("width", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_everybody_can_use_it(browser: Browser, root: Path, width: int, dark: bool) -> None:
    fill(root / "inbox" / "said-cats", 60)
    fill(root / "inbox" / "twins", 50)
    with sorting(root) as page, opened(browser, page, width, dark=dark) as viewer:
        tab = viewer.page
        tab.locator(f"{tile(tab, 1)} img").wait_for()
        tab.keyboard.press("Space")
        assert serious(tab) == []
        assert [found for found in viewer.contrasts() if found[0] < 4.5 and "Undo" not in found[1]] == []
        assert viewer.flaws() == []
        label = tab.locator(tile(tab, 1)).get_attribute("aria-label")
        assert label == "1.png, like cats 93%, model: unknown, hall"
        tab.keyboard.press("Enter")
        tab.locator("#viewer-pictures img").first.wait_for()
        assert serious(tab) == []
        assert viewer.flaws() == []
        tab.keyboard.press("Escape")
        tab.keyboard.press("c")
        assert serious(tab) == []


def test_letters_and_digits_can_be_switched_off_and_stay_off_the_next_time(browser: Browser, root: Path) -> None:
    with sorting(root) as page, visit(browser, page.address()) as viewer:
        tab = viewer.page
        counted(tab, 20, 0)
        tab.get_by_role("button", name="Keys").click()
        switch = tab.get_by_role("checkbox", name="Letter and digit keys")
        assert switch.is_checked()
        assert serious(tab) == []
        switch.uncheck()
        tab.get_by_role("button", name="Close").last.click()
        tab.locator(tile(tab, 1)).focus()
        for key in "12uUacg?":
            tab.keyboard.press(key)
        assert not tab.locator("dialog[open]").count()
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("Enter")
        tab.keyboard.press("2")  # nor where a picture is shown large
        assert tab.locator("#viewer-name").inner_text() == "2.png"
        tab.keyboard.press("Escape")
        tab.wait_for_function("() => document.activeElement.title === 'like-cats/2.png'")
        assert serious(tab) == []
        assert [place(tab, name) for name in ("cats", "unknown", "bin")] == ["cats 2", "unknown 0", "Del bin 0"]
        assert tab.locator(".accept:visible").all_inner_texts() == ["All into cats", "All into dogs"]
        tab.keyboard.press("Delete")
        counted(tab, 19, 1)  # the keys before have sent nothing
        tab.keyboard.press("Space")
        tab.locator(".place", has_text="dogs").click()
        counted(tab, 18, 2)
        assert page.files("inbox/.bin", "photos/dogs") == ["2.png", "3.png", "52.png", "53.png"]
        tab.goto("about:blank")
        page.end()
        with sorting(root) as again:  # on another port, so with another storage
            tab.goto(again.address())
            counted(tab, 18, 2)
            tab.keyboard.press("1")
            tab.keyboard.press("Delete")
            counted(tab, 17, 3)
            tab.get_by_role("button", name="Keys").click()
            assert not switch.is_checked()
            switch.check()
            tab.get_by_role("button", name="Close").last.click()
            tab.locator(tile(tab, 4)).focus()
            tab.keyboard.press("1")
            counted(tab, 16, 4)
            assert place(tab, "cats") == "1 cats 3"
            assert viewer.problems == []


def test_taps_select_on_a_touch_screen(browser: Browser, root: Path) -> None:
    with sorting(root) as page:
        context = browser.new_context(viewport={"width": PHONE, "height": 740}, has_touch=True, is_mobile=True)
        with contextlib.closing(context):
            tab = context.new_page()
            tab.set_default_timeout(PATIENCE_S * 1000)
            tab.goto(page.address())
            counted(tab, 20, 0)
            tab.tap(tile(tab, 1))
            tab.tap(tile(tab, 2))
            tab.locator(".place", has_text="dogs").tap()
            counted(tab, 18, 2)
            assert page.files("photos/dogs") == ["1.png", "2.png", "52.png", "53.png"]


def test_another_browser_needs_an_address_of_its_own(browser: Browser, root: Path) -> None:
    with sorting(root) as page:
        address = page.address()
        entered(address)
        with visit(browser, address) as viewer:
            viewer.page.locator("#problem-text", has_text="used already").wait_for()
            assert not viewer.page.locator(".tile").count()
        with opened(browser, page) as viewer:
            counted(viewer.page, 20, 0)
            assert "#" not in viewer.page.url, "the code must not stay in the history"


def test_what_is_left_is_grouped_again_by_what_was_sorted(browser: Browser, root: Path) -> None:
    graft = [
        sys.executable, "-m", "graft_host.cli", "sort", str(root / "inbox"), str(root / "photos"), "--no-browser",
        "--weights", "random", "--cache", str(root / "cache"),
    ]  # fmt: skip
    with sorting(root, *graft) as page, opened(browser, page) as viewer:
        tab = viewer.page
        for key in "1122112":
            tab.keyboard.press(key)
        counted(tab, 13, 7)
        assert not tab.locator(".group", has_text="like ").count()
        tab.keyboard.press("g")
        tab.locator("#said", has_text="Grouped again").wait_for()
        assert tab.locator(".group h2", has_text="like ").count()
        counted(tab, 13, 7)
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("2")
        counted(tab, 12, 8)
        assert page.end() == 0
