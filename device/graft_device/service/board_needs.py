"""Derives what a run needs to access from its settings, which options or a ``board.toml`` give."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from graft_device.config.settings import BoardSettings
from graft_device.config.sinks import AppriseSettings, ExecSettings, GpioSettings, MqttSettings, WebhookSettings
from graft_device.mqtt.broker import parse_broker
from graft_device.service.paths import is_hidden, normal
from graft_device.service.visible import ServiceNeeds, outside, readable

PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a service finds programs; systemd.exec(5), "Environment Variables in Spawned Processes"."""

OPTIONS = MappingProxyType({
    "place": "--source", "ca": "--mqtt …?ca", "queue": "--queue", "token": "--token-file", "program": "--exec",
    "events": "--keep-events", "uncertain": "--save-uncertain", "secret": "--webhook", "urls": "--apprise",
    "capture": "--capture",
})  # fmt: skip
"""What errors call a path that an option of ``run`` gives."""

KEYS = MappingProxyType({
    "place": "place", "ca": "url …?ca", "queue": "queue", "token": "token-file", "program": "command",
    "events": "[events] folder", "uncertain": "[uncertain] folder", "secret": "secret-file", "urls": "url-file",
    "model": "file", "config": "--config", "capture": "[capture] folder",
})  # fmt: skip
"""What errors call a path that a file gives."""

_LOOPBACK = re.compile(r"localhost|.+\.localhost|127(\.\d{1,3}){3}|::1")
_DEVICES = "/dev/"
_PICAMERA2 = "picamera2"


def board_needs(
    settings: BoardSettings, config: Path | None, words: Mapping[str, str], name: str, own_user: bool
) -> ServiceNeeds:
    """What a run may access.

    Args:
        settings: of the run.
        config: the file that they are from; None if they are from options, whose model is part of the command.
        words: ``KEYS`` or ``OPTIONS``.
        name: the service's name.
        own_user: whether systemd creates a user for the service, who can write only into the service's folder.

    Raises:
        ServiceError: the service could not use one of the paths.
        MqttError: the URL of a broker is not valid.
    """
    reads = [*_reads(settings)]
    reread: tuple[Path, ...] = ()
    if config is not None:
        reread = (config, *(model.file for model in settings.models))
        reads = [("config", config), *(("model", model.file) for model in settings.models), *reads]
        reads = [(key, normal(path)) for key, path in reads]  # a file may write ../photos
    writes = [outside(f"{words[key]} {path}", path, name, own_user) for key, path in _writes(settings)]
    return ServiceNeeds(
        camera=_cameras(settings),
        network=network_of(settings),
        reads=tuple(dict.fromkeys(readable(_named(words[key], path), path) for key, path in reads)),
        writes=tuple(filter(None, writes)),
        reload=True,
        gpio=any(isinstance(sink, GpioSettings) for sink in settings.sinks),
        reread=reread,
    )


def places(settings: BoardSettings) -> list[str]:
    """The places of all sources."""
    return [place for source in settings.sources for place in source.places]


def camera_of(place: str) -> str | None:
    """The kind of camera that a place is: ``picamera2``, ``v4l2``, or None for no camera."""
    if place.partition(":")[0] == _PICAMERA2:
        return _PICAMERA2
    path = Path(place)
    return "v4l2" if path.is_absolute() and os.path.realpath(path).startswith(_DEVICES) else None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    return _LOOPBACK.fullmatch(host) is not None


def program_of(sink: ExecSettings) -> str | None:
    """The path of the program that a service would start; None if there is none."""
    return shutil.which(sink.command[0], path=PROGRAMS)


def _named(word: str, path: Path) -> str:
    return f"{word}={path}" if "…" in word else f"{word} {path}"


def _reads(settings: BoardSettings) -> Iterator[tuple[str, Path]]:
    for place in places(settings):
        # A link outside of /dev to a camera is a path to bind, too.
        if "://" not in place and not place.startswith(_DEVICES) and camera_of(place) != _PICAMERA2:
            yield "place", Path(place)
    for sink in settings.sinks:
        if isinstance(sink, MqttSettings) and (ca := parse_broker(sink.url).ca) is not None:
            yield "ca", Path(ca)
        elif isinstance(sink, WebhookSettings) and sink.secret_file is not None:
            yield "secret", sink.secret_file
        elif isinstance(sink, AppriseSettings) and sink.url_file is not None:
            yield "urls", sink.url_file
        elif isinstance(sink, ExecSettings) and is_hidden(Path(program_of(sink) or sink.command[0])):
            yield "program", Path(program_of(sink) or sink.command[0])
    if settings.http is not None and settings.http.token_file is not None:
        yield "token", settings.http.token_file


def _writes(settings: BoardSettings) -> Iterator[tuple[str, Path]]:
    for sink in settings.sinks:
        if isinstance(sink, (MqttSettings, WebhookSettings, AppriseSettings)) and sink.queue is not None:
            yield "queue", sink.queue
    if settings.uncertain is not None:
        yield "uncertain", settings.uncertain.folder
    if settings.events is not None:
        yield "events", settings.events.folder
    if settings.capture is not None:
        yield "capture", settings.capture.folder


def _cameras(settings: BoardSettings) -> str | None:
    """The kind of camera with the most devices; those of a webcam are among those of Picamera2."""
    kinds = {camera_of(place) for place in places(settings)}
    return next((kind for kind in (_PICAMERA2, "v4l2") if kind in kinds), None)


def network_of(settings: BoardSettings) -> str | None:
    """The network that a run needs: ``all``, ``loopback``, or None for none."""
    hosts = set(_hosts(settings))
    if not hosts:
        return None
    return "loopback" if all(map(is_loopback, hosts)) else "all"


def _hosts(settings: BoardSettings) -> Iterator[str]:
    """The hosts that the run talks to or listens on; an empty one for those that only their service knows."""
    for place in places(settings):
        if "://" in place:
            yield _host(place)
    for sink in settings.sinks:
        if isinstance(sink, MqttSettings):
            yield parse_broker(sink.url).host
        elif isinstance(sink, WebhookSettings):
            yield _host(sink.url)
        elif isinstance(sink, AppriseSettings):
            yield ""
    if settings.http is not None:
        yield settings.http.host


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
