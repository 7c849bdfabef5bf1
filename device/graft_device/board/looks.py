"""Makes what the loop watches: each view with its region, its gate, and where uncertain frames are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from graft_device.run.feeds import Feed
from graft_device.run.looking import Look, LookPlan
from graft_device.run.sight import Masks
from graft_device.run.watching import Watched
from graft_device.sources.video import Video

if TYPE_CHECKING:
    from graft_device.board.naming import NamedView
    from graft_device.classifier import Classifier
    from graft_device.config.settings import BoardSettings, SourceSettings
    from graft_device.outputs.uncertain_frames import UncertainFrames
    from graft_device.outputs.uncertain_store import UncertainStore
    from graft_device.run.looking import Gate
    from graft_device.run.observers import Observer
    from graft_device.sources.base import Note, Source


def make_watched(
    settings: BoardSettings,
    sources: Sequence[Source],
    views: Sequence[NamedView],
    models: Mapping[str, Classifier],
    observers: Sequence[Observer],
    store: UncertainStore | None,
    note: Note,
) -> tuple[Watched, ...]:
    """Makes what the loop of a run watches.

    Args:
        settings: of the run.
        sources: those of the settings, in the same order.
        views: all views of the run, in the order of the settings.
        models: by their names.
        observers: called with each frame.
        store: where uncertain frames are kept; None for nowhere.
        note: called with a line when a frame cannot be kept.

    Returns:
        Each source with its looks.
    """
    watched = []
    for place, (given, source) in enumerate(zip(settings.sources, sources)):
        own = [named for named in views if named.source == place]
        plans = [_plan(named, given, source, _uncertain(store, settings, source, note)) for named in own]
        looks = tuple(Look(plan, models[plan.view.model], observers) for plan in plans)
        feed = Feed(source, given.interval, 1 if given.once and source.live else None)
        names = tuple(plan.view.model for plan in plans)
        watched.append(Watched(feed, own[0].view.source, looks, names, Masks(given.masks)))
    return tuple(watched)


def _plan(named: NamedView, given: SourceSettings, source: Source, uncertain: UncertainFrames | None) -> LookPlan:
    return LookPlan(
        view=named.view,
        roi=named.region.roi,
        answers=named.region.answers,
        naming=named.naming,
        gate=_gate(given),
        uncertain=uncertain,
        lasting=source.live or isinstance(source, Video),
    )


def _gate(source: SourceSettings) -> Gate | None:
    if source.on_motion is None:
        return None
    from graft_device.run.motion import MotionGate

    return MotionGate(source.on_motion, source.at_least_every)


def _uncertain(
    store: UncertainStore | None, settings: BoardSettings, source: Source, note: Note
) -> UncertainFrames | None:
    if store is None or settings.uncertain is None:
        return None
    from graft_device.outputs.uncertain_frames import UncertainFrames

    return UncertainFrames(store, settings.uncertain.below, source.live or isinstance(source, Video), note)
