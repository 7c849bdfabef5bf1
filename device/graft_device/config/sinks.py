"""The settings of sinks, and of the rules that choose their events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional, Union

from graft_device.config.key import Key

KINDS = ("answer", "change", "enter", "leave")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

TIME_OF_DAY = r"([01]\d|2[0-3]):[0-5]\d"
_TIME_FORM = "a time of day such as 22:00"

LARGEST_MB = 1_000_000_000
"""The largest limit of a folder: a petabyte."""


@dataclass(frozen=True)
class MqttSettings:
    """An MQTT broker that events are published to.

    Attributes:
        name: what rules and notes call the sink.
        url: ``mqtt[s]://USER@HOST/TOPIC``; see ``parse_broker``.
        queue: the folder of events that the broker does not have yet; None for the usual one.
        queue_mb: the largest size of the queue.
        binary_sensors: the labels that get a binary sensor in Home Assistant; ``*`` for all.
        pictures: whether the last picture is published.
    """

    name: Annotated[str, Key("What rules call the sink.", example='"home"')]
    url: Annotated[
        str,
        Key(
            "mqtt://USER@HOST/TOPIC, or mqtts:// for TLS.",
            example='"mqtt://graft@broker.local/door"',
            pattern="mqtts?://.+",
            form="an mqtt:// or mqtts:// URL",
        ),
    ]
    queue: Annotated[
        Optional[Path], Key("Folder for events that the broker does not have yet.", example='"queue"', written=True)
    ] = None
    queue_mb: Annotated[
        float, Key("Largest size of the queue in MB; the oldest go first.", low=0.001, high=LARGEST_MB)
    ] = 16.0
    binary_sensors: Annotated[
        tuple[str, ...], Key("Labels that get a binary sensor in Home Assistant.", example='["cat"]')
    ] = ()
    pictures: Annotated[bool, Key("Publish the last picture.")] = False


@dataclass(frozen=True)
class WebhookSettings:
    """A URL that events are posted to.

    Attributes:
        name: what rules and notes call the sink.
        url: http or https.
        secret_file: a file with the secret of the signature; None for ``$GRAFT_WEBHOOK_SECRET``, if it is set.
        pictures: whether the picture is sent with the event.
        timeout: the seconds that an answer may take.
        queue: the folder of events that are not delivered; None for the usual one.
        queue_mb: the largest size of the queue.
    """

    name: Annotated[str, Key("What rules call the sink.", example='"phone"')]
    url: Annotated[
        str,
        Key(
            "Where events are posted as JSON.",
            example='"https://example.org/hook"',
            pattern=r"https?://[^\s/]+.*",
            form="an http:// or https:// URL",
        ),
    ]
    secret_file: Annotated[Optional[Path], Key("File with the secret that signs each request.", example='"secret"')] = (
        None
    )
    pictures: Annotated[bool, Key("Send the picture, too.")] = False
    timeout: Annotated[float, Key("Seconds that the answer may take.", low=0.1, high=600)] = 10.0
    queue: Annotated[
        Optional[Path], Key("Folder for events that are not delivered yet.", example='"queue"', written=True)
    ] = None
    queue_mb: Annotated[
        float, Key("Largest size of the queue in MB; the oldest go first.", low=0.001, high=LARGEST_MB)
    ] = 16.0


@dataclass(frozen=True)
class ExecSettings:
    """A program that is started for each event.

    Attributes:
        name: what rules and notes call the sink.
        command: the program and its arguments; no shell reads them.
        timeout: the seconds after which the program is ended.
        pictures: whether the program gets the picture as a file.
    """

    name: Annotated[str, Key("What rules call the sink.", example='"feeder"')]
    command: Annotated[tuple[str, ...], Key("The program and its arguments.", example='["/usr/local/bin/feed", "cat"]')]
    timeout: Annotated[float, Key("Seconds after which the program is ended.", low=0.1, high=3600)] = 30.0
    pictures: Annotated[bool, Key("Give it the picture as a file, named in $GRAFT_PICTURE.")] = False


@dataclass(frozen=True)
class GpioSettings:
    """A pin that is switched.

    Attributes:
        name: what rules and notes call the sink.
        pin: its number by Broadcom, such as 17.
        seconds: how long it stays on; None for from ``enter`` to ``leave``.
        active_low: whether the pin is low when it is on.
    """

    name: Annotated[str, Key("What rules call the sink.", example='"lamp"')]
    pin: Annotated[int, Key("Number of the pin (Broadcom).", low=0, high=53, example="17")]
    seconds: Annotated[
        Optional[float],
        Key("Seconds that it stays on; from enter to leave where it is missing.", example="5", low=0.01, high=86_400),
    ] = None
    active_low: Annotated[bool, Key("The pin is low when it is on.")] = False


@dataclass(frozen=True)
class AppriseSettings:
    """A notification service, by the library Apprise.

    Attributes:
        name: what rules and notes call the sink.
        url_file: a file with Apprise's URLs, one a line; None for ``$GRAFT_APPRISE_URLS``.
        pictures: whether the picture is attached.
        queue: the folder of events that are not delivered; None for the usual one.
        queue_mb: the largest size of the queue.
    """

    name: Annotated[str, Key("What rules call the sink.", example='"mail"')]
    url_file: Annotated[
        Optional[Path], Key("File with Apprise's URLs; $GRAFT_APPRISE_URLS where it is missing.", example='"urls"')
    ] = None
    pictures: Annotated[bool, Key("Attach the picture.")] = False
    queue: Annotated[
        Optional[Path], Key("Folder for events that are not delivered yet.", example='"queue"', written=True)
    ] = None
    queue_mb: Annotated[
        float, Key("Largest size of the queue in MB; the oldest go first.", low=0.001, high=LARGEST_MB)
    ] = 16.0


SinkSettings = Union[MqttSettings, WebhookSettings, ExecSettings, GpioSettings, AppriseSettings]
"""One sink. In the file, ``kind`` names the class: mqtt, webhook, exec, gpio or apprise."""


@dataclass(frozen=True)
class RuleSettings:
    """Which events the sinks of a rule get: those for which everything given here is true.

    Attributes:
        sinks: the names of the sinks.
        labels: the labels; ``unknown`` is one. Empty for all, as with the other lists.
        sources: the names of the sources.
        regions: the names of the regions.
        models: the names of the models.
        kinds: of ``KINDS``.
        min_score: the smallest score of the label.
        after: the local time of day, ``HH:MM``, from which on the rule holds; None for the whole day.
        until: the local time of day at which it ends. Before ``after``, it is that of the next day.
        weekdays: of ``WEEKDAYS``; for a night, the day on which it begins.
        at_most_every: the seconds after an event in which no other one passes; 0 for no limit.
    """

    sinks: Annotated[tuple[str, ...], Key("Names of the sinks that get these events.", example='["phone"]')]
    labels: Annotated[tuple[str, ...], Key("Labels; all where it is missing.", example='["cat"]')] = ()
    sources: Annotated[tuple[str, ...], Key("Names of sources; all where it is missing.", example='["door"]')] = ()
    regions: Annotated[tuple[str, ...], Key("Names of regions; all where it is missing.", example='["bowl"]')] = ()
    models: Annotated[tuple[str, ...], Key("Names of models; all where it is missing.", example='["pets"]')] = ()
    kinds: Annotated[tuple[str, ...], Key("Kinds of events.", choices=KINDS, example='["enter"]')] = ()
    min_score: Annotated[float, Key("Smallest score of the label.", example="0.8", low=0, high=1)] = 0.0
    after: Annotated[
        Optional[str],
        Key("Local time of day from which on the rule holds.", example='"22:00"', pattern=TIME_OF_DAY, form=_TIME_FORM),
    ] = None
    until: Annotated[
        Optional[str],
        Key("Local time of day at which it ends.", example='"06:00"', pattern=TIME_OF_DAY, form=_TIME_FORM),
    ] = None
    weekdays: Annotated[
        tuple[str, ...], Key("Days on which the rule holds.", example='["sat", "sun"]', choices=WEEKDAYS)
    ] = ()
    at_most_every: Annotated[
        float, Key("Seconds after an event in which no other one passes.", example="60", low=0, high=31_536_000)
    ] = 0.0
