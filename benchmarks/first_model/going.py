"""Makes the first model in the studio, from an empty folder, in a headless browser with a camera that shows a film."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.first_model.film import Film
from benchmarks.first_model.person import Person, Step
from tests.support.browser import chromium
from tests.support.remote.kit import WHEELS
from tests.support.remote.park import STORE
from tests.support.studio import studio

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.support.remote.board import Board
    from tests.support.remote.park import Park

THINGS = ("nut", "screw")
_NEW = 1000  # of the seeds: what the camera shows when the model is tried, which it was not trained on
_PATIENCE_S = 900
_LOOKS, _LOOK_MS, _ROUNDS = 12, 2000, 10


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was made, and what it took.

    Attributes:
        steps: in their order.
        photos: the number of photos by class.
        accuracy: of the finished file, as the page shows it.
        seen: what the model calls each thing before the camera most of the time, by the thing.
        model: the file.
        deployed: whether the board runs this file; None if there was no board.
    """

    steps: tuple[Step, ...]
    photos: dict[str, int]
    accuracy: str
    seen: dict[str, str]
    model: Path
    deployed: bool | None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        steps = [step.to_json() for step in self.steps]
        return {**vars(self), "steps": steps, "model": self.model.name}


def make_first_model(folder: Path, each: int, park: Park | None = None) -> Made:
    """Makes the first model.

    Args:
        folder: an empty folder.
        each: the number of photos of each class.
        park: where a board is started that is to run the model; None for none.
    """
    film = Film(folder / "camera.y4m")
    for number, thing in enumerate(THINGS):
        film.prepare(thing, number)
        film.prepare(thing, number + _NEW)
    film.show(THINGS[0], 0)
    board = None if park is None else park.start("kitchen", kit=True)
    environment = _environment(folder, park)
    root = folder / "parts"
    with studio(root, environment=environment) as running, chromium(*film.flags) as browser:
        with running.opened(browser) as seen:
            person = Person(seen.page)
            _record(person, film, each)
            accuracy = _train(person)
            said = _try(person, film)
            if board is not None:
                _deploy(person, board)
            problems = seen.errors()
        assert not problems, problems  # noqa: S101  the studio has failed
    (model,) = (root / "models").glob("*.tflite")
    photos = {path.name: len(list(path.iterdir())) for path in sorted((root / "photos").iterdir())}
    deployed = None if board is None else _runs(board, model)
    return Made(steps=tuple(person.steps), photos=photos, accuracy=accuracy, seen=said, model=model, deployed=deployed)


def _environment(folder: Path, park: Park | None) -> dict[str, str]:
    """A cache of its own, so that nothing is known from an earlier run but the wheels for boards."""
    cache = folder / "cache"
    cache.mkdir()
    if park is None:
        return {"GRAFT_CACHE": str(cache)}
    for part in WHEELS.iterdir():
        (cache / part.name).symlink_to(part)
    return {"GRAFT_CACHE": str(cache), "GRAFT_SSH_CONFIG": str(park.config)}


def _record(person: Person, film: Film, each: int) -> None:
    page = person.page
    for number, thing in enumerate(THINGS):
        film.show(thing, number)
        with person.step(f"record {each} photos of a {thing}"):
            person.click(page.get_by_role("button", name="Add a class", exact=True))
            person.type(thing)
            person.press("Enter")
            hold = page.get_by_role("button", name=f"Hold to record {thing}")
            person.see(hold, _PATIENCE_S)
            person.hold(hold, functools.partial(_has_photos, page, thing, each))


def _has_photos(page: Page, label: str, count: int) -> bool:
    """Whether a class has so many photos on the page; a frame that comes again is no further one."""
    words = _card(page, label).locator(".photos-count").inner_text().split()
    return bool(words) and words[0].isdecimal() and int(words[0]) >= count


def _card(page: Page, label: str) -> Locator:
    return page.get_by_role("region", name=label, exact=True)


def _train(person: Person) -> str:
    page = person.page
    with person.step("train"):
        person.click(page.locator("#content").get_by_role("link", name="Train", exact=True))
        person.click(page.get_by_role("button", name="Train", exact=True))
        person.see(page.get_by_role("link", name="Try it"), _PATIENCE_S)
    return page.locator(".train-accuracy").first.inner_text()


def _try(person: Person, film: Film) -> dict[str, str]:
    page = person.page
    first = page.locator(".answer li").first.locator("bdi")
    film.show(THINGS[0], _NEW)
    with person.step("try, until the first answer"):
        person.click(page.get_by_role("link", name="Try it"))
        person.click(page.get_by_role("button", name="Camera"))
        person.see(first, _PATIENCE_S)
    said: dict[str, str] = {}
    for number, thing in enumerate(THINGS):
        film.show(thing, number + _NEW)
        for _ in range(_ROUNDS):  # on a busy machine, the answers to the thing before may take their time to end
            name = _mostly(page, first)
            if name not in said.values():
                break
        said[thing] = name
    return said


def _mostly(page: Page, answer: Locator) -> str:
    """What the page calls the thing before the camera most often while a person looks for a few seconds."""
    page.wait_for_timeout(_LOOK_MS)  # until the frames of the thing before are through
    names: Counter[str] = Counter()
    for _ in range(_LOOKS):
        page.wait_for_timeout(_LOOK_MS // 4)
        names[answer.inner_text()] += 1
    return names.most_common(1)[0][0]


def _deploy(person: Person, board: Board) -> None:
    page = person.page
    with person.step("deploy"):
        person.click(page.get_by_role("link", name="Boards", exact=True))
        person.click(page.get_by_label("Address"))
        person.type(f"pi@{board.name}")
        person.press("Enter")
        card = page.get_by_role("region", name=board.name, exact=True)
        person.see(card.get_by_text("Answered at"), _PATIENCE_S)
        person.click(card.get_by_text("More choices"))  # the board of this benchmark has no internet
        person.click(card.get_by_text("The board has no internet"))
        person.click(card.get_by_role("button", name="Show what would be done"))
        deploy = card.get_by_role("button", name="Deploy", exact=True)
        person.see(deploy, _PATIENCE_S)
        person.click(deploy)
        person.see(card.get_by_text("passed, with"), _PATIENCE_S)


def _runs(board: Board, model: Path) -> bool:
    """Whether the board has this very file as its current model."""
    return board.at(f"{STORE}/current/model.tflite").read_bytes() == model.read_bytes()
