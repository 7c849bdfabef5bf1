"""Opens where events go: the sinks of the settings with their rules, and standard output."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.config.sinks import MqttSettings
from graft_device.outputs.fan_out import FanOut

if TYPE_CHECKING:
    from graft_device.board.voice import Voice
    from graft_device.config.settings import BoardSettings
    from graft_device.config.sinks import SinkSettings
    from graft_device.history.sink import KeptEvents
    from graft_device.outputs.sink import Sink
    from graft_device.sources.base import Note

_MB = 1_000_000


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


def open_sinks(settings: BoardSettings, voice: Voice, one_camera: bool, stack: contextlib.ExitStack) -> Outlets:
    """Opens the sinks of a run.

    Args:
        settings: of the run.
        voice: how the run speaks.
        one_camera: whether all events are of one view of one camera.
        stack: closes the sinks.

    Raises:
        GraftError: a sink cannot be opened.
    """
    sinks = stack.enter_context(contextlib.closing(FanOut(voice.note)))
    if settings.sinks:
        from graft_device.actions.opening import with_rules
        from graft_device.actions.rules import Rule

        rules = [Rule(rule) for rule in settings.rules]
        for given in settings.sinks:
            sinks.add(with_rules(_opened(given, settings, voice.note), given, rules, voice.note))
    history = None
    if settings.events is not None:
        from graft_device.history.sink import KeptEvents

        history = KeptEvents(settings.events, voice.note)
        sinks.add(history)
    sinks.add(voice.printed(one_camera, " and ".join(sinks.names)))
    return Outlets(sinks, history)


def _opened(given: SinkSettings, settings: BoardSettings, note: Note) -> Sink:
    if isinstance(given, MqttSettings):
        return _mqtt(given, settings.models[0].file.name, note)
    from graft_device.actions.opening import open_sink

    states = any(region.answers.states for source in settings.sources for region in source.regions)
    return open_sink(given, states, note)


def _mqtt(given: MqttSettings, model: str, note: Note) -> Sink:
    from graft_device.mqtt.broker import parse_broker
    from graft_device.mqtt.publisher import Mqtt
    from graft_device.outputs.event_queue import EventQueue

    broker = parse_broker(given.url)
    events = EventQueue(given.queue or broker.queue_folder, round(given.queue_mb * _MB), note)
    with contextlib.ExitStack() as unless_opened:
        unless_opened.callback(events.close)
        sink = Mqtt(broker, events, model, note)
        unless_opened.pop_all()
    return sink
