"""A person before the studio: does what a hand does, and counts it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


@dataclass
class Step:
    """A step of the work.

    Attributes:
        name: what it is for.
        clicks: of the mouse; a press that is held counts as one.
        keys: that are pressed, without letters.
        letters: that are typed.
        held: seconds for which a mouse button was held down.
        seconds: from the first moment to the last.
        waited: seconds of these in which the person only looked.
    """

    name: str
    clicks: int = 0
    keys: int = 0
    letters: int = 0
    held: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The step as plain values."""
        return {name: round(value, 1) if isinstance(value, float) else value for name, value in asdict(self).items()}


@dataclass
class Person:
    """Uses a page with mouse and keyboard, and only through these methods.

    Attributes:
        page: what the person sees.
        steps: what was done.
    """

    page: Page
    steps: list[Step] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What is done in the block is for this."""
        self.steps.append(Step(name))
        start = time.perf_counter()
        yield
        self.steps[-1].seconds = time.perf_counter() - start

    def click(self, target: Locator) -> None:
        """Clicks."""
        target.click()
        self.steps[-1].clicks += 1

    def hold(self, target: Locator, until: Callable[[], bool]) -> None:
        """Presses the mouse button on something, and lets it go once something is seen."""
        target.hover()
        self.page.mouse.down()
        start = time.perf_counter()
        try:
            while not until():
                self.page.wait_for_timeout(50)
        finally:
            self.page.mouse.up()
        self.steps[-1].clicks += 1
        self.steps[-1].held += time.perf_counter() - start

    def type(self, text: str) -> None:
        """Types letters."""
        self.page.keyboard.type(text)
        self.steps[-1].letters += len(text)

    def press(self, key: str) -> None:
        """Presses a key."""
        self.page.keyboard.press(key)
        self.steps[-1].keys += 1

    def see(self, target: Locator, seconds: float) -> None:
        """Waits until something is seen.

        Args:
            target: on the page.
            seconds: after which the person gives up.
        """
        start = time.perf_counter()
        target.wait_for(timeout=seconds * 1000)
        self.steps[-1].waited += time.perf_counter() - start
