"""Checks a file's settings against what is on this machine, such as models, places and secrets."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.config.sinks import (
    AppriseSettings,
    ExecSettings,
    GpioSettings,
    MqttSettings,
    RuleSettings,
    WebhookSettings,
)
from graft_device.errors import GraftError, os_reason
from graft_device.model import read_model
from graft_device.ranking import UNKNOWN
from graft_device.sources import SourceOptions, open_source
from graft_device.system.plain import open_plain

if TYPE_CHECKING:
    from graft_device.config.lines import KeyPath
    from graft_device.config.settings import AnswerSettings, BoardSettings, HttpSettings


@dataclass(frozen=True)
class Finding:
    """Something that a person should know before the run begins.

    Attributes:
        path: where in the file it is.
        what: what is wrong.
        remedy: what to do about it.
        grave: whether the run would be refused.
    """

    path: KeyPath
    what: str
    remedy: str = ""
    grave: bool = False


def examine(settings: BoardSettings) -> list[Finding]:
    """Opens what the settings name, except cameras and connections, and reports what is not as it should be."""
    labels: set[str] = set()
    found = [
        *_models(settings, labels),
        *_sources(settings),
        *_sinks(settings),
        *_rules(settings, labels),
        *_page(settings),
    ]
    if settings.events is not None and labels:
        found += _unknown_labels(settings.events.pictures, labels, ("events", "pictures"))
    return found


def _models(settings: BoardSettings, labels: set[str]) -> Iterator[Finding]:
    """Reports models that cannot be read, and collects the labels of the others; none if one is missing."""
    known: set[str] = set()
    for number, model in enumerate(settings.models):
        path: KeyPath = ("model", number, "file")
        if not os.path.exists(model.file):  # noqa: PTH110  Path's own raises where a name is too long
            known.clear()
            yield Finding(path, f"model '{model.name}': {model.file} does not exist")
            return
        try:
            known |= set(read_model(model.file).labels)
        except GraftError as error:
            yield Finding(path, f"model '{model.name}': {error.what}", error.remedy, grave=True)
            return
    labels |= known


def _sources(settings: BoardSettings) -> Iterator[Finding]:
    kept = None if settings.uncertain is None else settings.uncertain.folder
    captured = None if settings.capture is None else settings.capture.folder
    for number, source in enumerate(settings.sources):
        path: KeyPath = ("source", number)
        label = f"source '{source.name}'" if source.name else f"source {number + 1}"
        missing = [place for place in source.places if _is_path(place) and not os.path.exists(place)]  # noqa: PTH110
        for place in missing:
            yield Finding((*path, "place"), f"{label}: {place} does not exist")
        if missing:
            continue
        try:
            options = SourceOptions(
                source.size, source.interval, source.existing, source.once, kept, source.required, captured
            )
            open_source(source.places, options, lambda _: None)
        except GraftError as error:
            yield Finding((*path, "place"), f"{label}: {error.what}", error.remedy, grave=True)


def _is_path(place: str) -> bool:
    return "://" not in place and place.partition(":")[0] != "picamera2"


def _sinks(settings: BoardSettings) -> Iterator[Finding]:
    for number, sink in enumerate(settings.sinks):
        path: KeyPath = ("sink", number)
        label = f"sink '{sink.name}'"
        if isinstance(sink, MqttSettings):
            yield from _broker(sink, path, label)
        elif isinstance(sink, WebhookSettings) and sink.secret_file is not None:
            yield from _secret(sink.secret_file, (*path, "secret-file"), label)
        elif isinstance(sink, AppriseSettings) and sink.url_file is not None:
            yield from _secret(sink.url_file, (*path, "url-file"), label)
        elif isinstance(sink, ExecSettings) and shutil.which(sink.command[0]) is None:
            yield Finding((*path, "command"), f"{label}: there is no program {sink.command[0]}")
        elif isinstance(sink, GpioSettings) and sink.seconds is None and not _reporting(settings, "enter"):
            yield Finding(
                (*path, "pin"), f"{label}: it is switched from enter to leave, but no region reports states",
                "add seconds, or confirm for the sources",
            )  # fmt: skip


def _broker(sink: MqttSettings, path: KeyPath, label: str) -> Iterator[Finding]:
    from graft_device.mqtt.broker import parse_broker

    try:
        broker = parse_broker(sink.url)
    except GraftError as error:
        yield Finding((*path, "url"), f"{label}: {error.what}", error.remedy, grave=True)
        return
    if broker.ca is not None:
        yield from _secret(Path(broker.ca), (*path, "url"), label)


def _secret(file: Path, path: KeyPath, label: str) -> Iterator[Finding]:
    """Reports a file that cannot be read."""
    try:
        open_plain(file).close()
    except FileNotFoundError:
        yield Finding(path, f"{label}: {file} does not exist")
    except PermissionError:
        yield Finding(path, f"{label}: this user may not read {file}")
    except OSError as error:
        yield Finding(path, f"{label}: cannot read {file}: {os_reason(error)}", grave=True)


def _rules(settings: BoardSettings, labels: set[str]) -> Iterator[Finding]:
    for number, rule in enumerate(settings.rules):
        path: KeyPath = ("rule", number)
        if labels:
            yield from _unknown_labels(rule.labels, labels, (*path, "labels"), f"rule {number + 1}: ")
        yield from _kinds(rule, settings, path, f"rule {number + 1}: ")


def _kinds(rule: RuleSettings, settings: BoardSettings, path: KeyPath, label: str) -> Iterator[Finding]:
    for place, kind in enumerate(rule.kinds):
        if not _reporting(settings, kind):
            needed = {"enter": "confirm, hold or clear-after", "leave": "confirm, hold or clear-after"}
            remedy = needed.get(kind, "changes = true" if kind == "change" else "a source without states or changes")
            yield Finding((*path, "kinds", place), f"{label}no region reports events of kind {kind}", f"add {remedy}")


def _reporting(settings: BoardSettings, kind: str) -> bool:
    """Whether a region reports events of a kind."""
    return any(kind in _reported(region.answers) for source in settings.sources for region in source.regions)


def _reported(answers: AnswerSettings) -> tuple[str, ...]:
    return ("enter", "leave") if answers.states else ("change",) if answers.changes else ("answer",)


def _unknown_labels(
    wanted: tuple[str, ...], labels: set[str], path: KeyPath, label: str = "events: "
) -> Iterator[Finding]:
    for number, name in enumerate(wanted):
        if name not in {*labels, UNKNOWN}:
            close = get_close_matches(name, labels, 1)
            remedy = f"did you mean {close[0]!r}?" if close else ""
            yield Finding((*path, number), f"{label}no model has the label {name!r}", remedy)


def _page(settings: BoardSettings) -> Iterator[Finding]:
    http = settings.http
    if http is None:
        if settings.capture is not None:
            yield Finding(("capture",), "capture: its button is on the page, and there is none", "add [http]")
        return
    readable = http.token_file is not None
    if http.token_file is not None:
        unreadable = list(_secret(http.token_file, ("http", "token-file"), "http"))
        readable = not unreadable
        yield from unreadable
    elif not http.insecure and not is_loopback(http.host):
        yield Finding(
            ("http", "listen"),
            f"http: {http.host} can be reached from the network, so the page needs $GRAFT_TOKEN",
            "set it, or add token-file",
        )
    yield from _access(http, http.token_file if readable else None)


def _access(http: HttpSettings, token_file: Path | None) -> Iterator[Finding]:
    from graft_device.serve.settings import ServeSettings, check, read_token

    def token() -> ServeSettings:
        return ServeSettings(Path(), token=None if token_file is None else read_token(token_file))

    checks: dict[str, Callable[[], ServeSettings]] = {
        "token-file": token,
        "origins": lambda: ServeSettings(Path(), origins=http.origins),
        "hosts": lambda: ServeSettings(Path(), hosts=http.hosts),
    }
    for name, settings in checks.items():
        try:
            check(settings())
        except GraftError as error:
            yield Finding(("http", name), f"http: {error.what}", error.remedy, grave=True)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on a host."""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")
