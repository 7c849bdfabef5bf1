"""Opens the broker that settings name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from graft_device.mqtt.broker import parse_broker
from graft_device.mqtt.publisher import Mqtt
from graft_device.outputs.event_queue import EventQueue

if TYPE_CHECKING:
    from graft_device.config.sinks import MqttSettings
    from graft_device.mqtt.figures import Figures
    from graft_device.outputs.views import View
    from graft_device.sources.base import Note

_MB = 1_000_000


def open_mqtt(
    settings: MqttSettings, views: Sequence[View], model: str, figures: Callable[[], Figures] | None, note: Note
) -> Mqtt:
    """Opens the queue of a broker and starts to connect.

    Args:
        settings: the broker, its queue, and what Home Assistant gets.
        views: of the run.
        model: the name of the model, or of all, for Home Assistant.
        figures: returns the run's figures; None if there are none.
        note: called with a line when the broker is lost, refuses or is back.

    Raises:
        GraftError: the URL or the certificates cannot be used, paho-mqtt is missing, or the queue cannot be opened.
    """
    broker = parse_broker(settings.url)
    queue = EventQueue(settings.queue or broker.queue_folder, round(settings.queue_mb * _MB), note)
    with contextlib.ExitStack() as unless_opened:
        unless_opened.callback(queue.close)
        sink = Mqtt(
            broker, queue, model, note,
            views=views, labels=settings.binary_sensors, pictures=settings.pictures, figures=figures,
        )  # fmt: skip
        unless_opened.pop_all()
    return sink
