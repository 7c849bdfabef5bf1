"""Opens the sinks of a run by their settings, and puts their rules before them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graft_device.actions.action_error import ActionError
from graft_device.actions.rules import Rule, Ruled, RuledStates
from graft_device.config.sinks import AppriseSettings, ExecSettings, GpioSettings, SinkSettings, WebhookSettings
from graft_device.outputs.queue_folder import queue_folder

if TYPE_CHECKING:
    from graft_device.outputs.sink import Sink
    from graft_device.sources.base import Note

_MB = 1_000_000


def open_sink(settings: SinkSettings, states: bool, note: Note) -> Sink:
    """Opens a webhook, a program, a pin or notifications; the modules of the others are not loaded.

    Args:
        settings: the sink.
        states: whether a source of the run reports states.
        note: called with a line for the user.

    Raises:
        ActionError: the sink cannot be used as it was given, or its package is missing.
        GraftError: its queue cannot be used.
    """
    if isinstance(settings, WebhookSettings):
        return _webhook(settings, note)
    if isinstance(settings, ExecSettings):
        from graft_device.actions.exec_program import ExecProgram

        return ExecProgram(_called("exec", settings), settings.command, settings.timeout, settings.pictures, note)
    if isinstance(settings, GpioSettings):
        return _gpio(settings, states)
    if isinstance(settings, AppriseSettings):
        return _apprise(settings, note)
    raise ActionError(f"{settings.name} is no action", "open it elsewhere")


def with_rules(sink: Sink, settings: SinkSettings, rules: Sequence[Rule], note: Note) -> Sink:
    """The sink behind its rules; a sink that no rule names gets everything.

    Args:
        sink: what ``settings`` opened.
        settings: the sink's settings.
        rules: those of the run; the same for all sinks, so that a rule decides once for each event.
        note: called with a line when a rule has to wait for the clock.
    """
    own = [rule for rule in rules if rule.names(settings.name)]
    if not own:
        return sink
    follows = isinstance(settings, GpioSettings) and settings.seconds is None
    return RuledStates(sink, own, note) if follows else Ruled(sink, own, note)


def _webhook(settings: WebhookSettings, note: Note) -> Sink:
    from graft_device.actions.delivery import deliver
    from graft_device.actions.posting import parse_post_url
    from graft_device.actions.signing import read_secret
    from graft_device.actions.webhook import Webhook

    try:
        to = parse_post_url(settings.url)
    except ActionError as error:
        raise ActionError(f"{_called('webhook', settings)}: {error.what}", error.remedy) from error
    sink = Webhook(_called("webhook", settings), to, settings.timeout, read_secret(settings.secret_file))
    folder = settings.queue or queue_folder(f"webhook-{settings.name}", f"webhook {settings.name} {to.url}")
    return deliver(sink, folder, round(settings.queue_mb * _MB), settings.pictures, note)


def _gpio(settings: GpioSettings, states: bool) -> Sink:
    from graft_device.actions.gpio import Level, Pulse

    name = _called("gpio", settings)
    if settings.seconds is not None:
        return Pulse(name, settings.pin, settings.active_low, settings.seconds)
    if not states:
        raise ActionError(
            f"{name} is on from enter to leave, but no source reports states",
            "give its seconds, or have the source report states (confirm, such as 3/5)",
        )
    return Level(name, settings.pin, settings.active_low)


def _apprise(settings: AppriseSettings, note: Note) -> Sink:
    from graft_device.actions.apprise_sink import Notification, Together, read_urls
    from graft_device.actions.delivery import deliver

    name = _called("apprise", settings)
    urls = read_urls(name, settings.url_file)
    numbers = [f" {number}" for number in range(1, len(urls) + 1)] if len(urls) > 1 else [""]
    services = [Notification(f"{name}{n}", url, where) for n, (url, where) in zip(numbers, urls)]
    room = round(settings.queue_mb * _MB / len(urls))
    with contextlib.ExitStack() as unless_opened:
        sinks: list[Sink] = []
        for (url, _), service in zip(urls, services):
            folder = queue_folder(f"apprise-{settings.name}", f"apprise {settings.name} {url}")
            if settings.queue is not None:
                folder = settings.queue / folder.name
            sinks.append(deliver(service, folder, room, settings.pictures, note))
            unless_opened.callback(sinks[-1].close)
        unless_opened.pop_all()
    return Together(name, sinks)


def _called(kind: str, settings: SinkSettings) -> str:
    """What notes call a sink; one of the command line has only its kind as a name."""
    return kind if settings.name == kind else f"{kind} {settings.name}"
