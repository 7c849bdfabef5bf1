"""The loop of a run with one source and one view, without a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft_device.config.settings import AnswerSettings
from graft_device.outputs.views import View
from graft_device.run.event_maker import Naming
from graft_device.run.feeds import Feed
from graft_device.run.looking import Look, LookPlan
from graft_device.run.sight import Masks
from graft_device.run.watching import Outputs, Seen, Watched, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft_device.classifier import Classifier
    from graft_device.sources.base import Source
    from graft_device.system.stopping import Stop


def watched(
    source: Source, classifier: Classifier, answers: AnswerSettings, interval: float = 0.0, **plan: Any
) -> Watched:
    """A source that one view looks at; ``plan`` are fields of LookPlan, and ``observers``."""
    observers = plan.pop("observers", ())
    view = View("view", source.name, None, "model", (), 0.0)
    look = Look(LookPlan(view, plan.pop("roi", None), answers, Naming(), **plan), classifier, observers)
    return Watched(Feed(source, interval), source.name, (look,), ("model",), Masks(()))


def watch_one(
    source: Source,
    classifier: Classifier,
    outputs: Outputs,
    stop: Stop,
    note: Callable[[str], None],
    *,
    smooth: float = 0.0,
    interval: float = 0.0,
    limit: int | None = None,
) -> Seen:
    """Runs the loop to its end."""
    one = watched(source, classifier, AnswerSettings(smooth=smooth), interval)
    return watch([one], outputs, stop, note, limit=limit)
