"""The topics of a run: one group for each view, and the availability of each source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.outputs.slugs import slugs

if TYPE_CHECKING:
    from graft_device.outputs.views import View


@dataclass(frozen=True)
class Place:
    """Where one view publishes, and what a person calls it.

    Attributes:
        view: the view.
        key: distinguishes it from the others; empty if it is the only one.
        topic: what its topics begin with, without a slash at the end.
        name: its name for people; empty if it is the only one.
        statuses: the topics that all say ``online`` while the view gets frames.
    """

    view: View
    key: str
    topic: str
    name: str
    statuses: tuple[str, ...]

    @property
    def state(self) -> str:
        """The topic of the newest event, retained."""
        return f"{self.topic}/state"

    @property
    def picture(self) -> str:
        """The topic of the last picture, retained."""
        return f"{self.topic}/picture"


@dataclass(frozen=True)
class Topics:
    """All topics of a run.

    A run with one view has ``base/state``, one with several ``base/VIEW/state``. ``base/status`` says whether the run
    is connected and its only source gives frames. Where there are several sources, ``base/SOURCE/status`` says so for
    each, and ``base/status`` only whether the run is connected.

    Attributes:
        base: the topic that all begin with.
        places: of the views, in their order.
        sources: the topic of the availability of each source; empty if there is only one.
    """

    base: str
    places: tuple[Place, ...]
    sources: dict[str, str]

    @property
    def event(self) -> str:
        """The topic of all events."""
        return f"{self.base}/event"

    @property
    def status(self) -> str:
        """The topic of the run's availability, retained."""
        return f"{self.base}/status"

    @property
    def diagnostics(self) -> str:
        """The topic of the run's figures, retained."""
        return f"{self.base}/diagnostics"

    def place_of(self, view: str) -> Place | None:
        """The place of the view with this id; None for a view that the run does not have."""
        if len(self.places) == 1:
            return self.places[0]
        return next((place for place in self.places if place.view.id == view), None)


def topics_of(base: str, views: Sequence[View]) -> Topics:
    """The topics of a run.

    Args:
        base: the topic that all begin with.
        views: at least one; their ids differ.
    """
    of_run = f"{base}/status"
    if len(views) == 1:
        return Topics(base, (Place(views[0], "", base, "", (of_run,)),), {})
    named = slugs({view.source for view in views})
    sources = {name: f"{base}/{slug}/status" for name, slug in named.items()} if len(named) > 1 else {}
    places = tuple(
        Place(view, view.id, f"{base}/{view.id}", name, tuple(filter(None, (of_run, sources.get(view.source)))))
        for view, name in zip(views, _names(views))
    )
    return Topics(base, places, sources)


def _names(views: Sequence[View]) -> list[str]:
    """The names of several views: source, region and model, as far as they distinguish them."""
    many = len({view.source for view in views}) > 1
    short = [" ".join(filter(None, (view.source if many else "", view.region or ""))) for view in views]
    count = Counter(short)
    longer = [name if name and count[name] == 1 else f"{name} {view.model}".strip() for name, view in zip(short, views)]
    count = Counter(longer)
    return [name if name and count[name] == 1 else view.id for name, view in zip(longer, views)]
