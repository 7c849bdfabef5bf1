"""Opens where events go: the sinks of the settings with their rules, what is kept, and standard output."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from graft_device.config.sinks import MqttSettings
from graft_device.outputs.fan_out import FanOut

if TYPE_CHECKING:
    from graft_device.board.voice import Voice
    from graft_device.board.watchers import Watchers
    from graft_device.config.settings import BoardSettings
    from graft_device.history.sink import KeptEvents
    from graft_device.outputs.sink import Sink
    from graft_device.outputs.views import View
    from graft_device.sources.base import Note


@dataclass(frozen=True)
class Outlets:
    """Where events go.

    Attributes:
        sinks: all of them.
        history: keeps events for the page; None where they are not kept.
    """

    sinks: FanOut
    history: KeptEvents | None


def check_sinks(settings: BoardSettings) -> None:
    """Checks what can be checked before anything is opened; raises GraftError."""
    for given in settings.sinks:
        if isinstance(given, MqttSettings):
            from graft_device.mqtt.broker import parse_broker

            parse_broker(given.url)


def open_sinks(
    settings: BoardSettings,
    views: Sequence[View],
    watchers: Watchers,
    voice: Voice,
    stack: contextlib.ExitStack,
) -> Outlets:
    """Opens the sinks of a run, except standard output.

    Args:
        settings: of the run.
        views: all of its views.
        watchers: have the figures for brokers.
        voice: how the run speaks.
        stack: closes the sinks.

    Raises:
        GraftError: a sink cannot be opened.
    """
    sinks = stack.enter_context(contextlib.closing(FanOut(voice.note)))
    for sink in _opened(settings, views, watchers, voice.note):
        sinks.add(sink)
    history = None
    if settings.events is not None:
        from graft_device.history.sink import KeptEvents

        history = KeptEvents(settings.events, voice.note)
        sinks.add(history)
    return Outlets(sinks, history)


def _opened(settings: BoardSettings, views: Sequence[View], watchers: Watchers, note: Note) -> Iterator[Sink]:
    if not settings.sinks:
        return
    from graft_device.actions.opening import open_sink, with_rules
    from graft_device.actions.rules import Rule

    rules = [Rule(rule) for rule in settings.rules]
    states = any(region.answers.states for source in settings.sources for region in source.regions)
    figures = iter(watchers.rates)
    watchers.announcing.begin(views)
    models = ", ".join(dict.fromkeys(model.file.name for model in settings.models))
    for given in settings.sinks:
        if isinstance(given, MqttSettings):
            from graft_device.mqtt.opening import open_mqtt

            broker = open_mqtt(given, views, models, next(figures), note)
            watchers.announcing.tell(partial(broker.show, model=models))
            sink: Sink = broker
        else:
            sink = open_sink(given, states, note)
        yield with_rules(sink, given, rules, note)
