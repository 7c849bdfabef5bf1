"""The settings of a run from the options of its command line."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from graft_device.config.areas import parse_mask, parse_roi
from graft_device.config.settings import (
    AnswerSettings,
    BoardSettings,
    CaptureSettings,
    EventsSettings,
    HttpSettings,
    ModelSettings,
    RegionSettings,
    SourceSettings,
    UncertainSettings,
)
from graft_device.config.sinks import (
    AppriseSettings,
    ExecSettings,
    GpioSettings,
    MqttSettings,
    SinkSettings,
    WebhookSettings,
)
from graft_device.config.texts import parse_address, parse_confirm, parse_size
from graft_device.errors import GraftError

BESIDE_CONFIG = frozenset({"config", "limit", "as_json"})
"""The options that may be given beside ``--config``, which has the others as keys."""

_FLAGS = {"model": "MODEL", "execute": "--exec"}
_MODEL = "model"


class OptionError(GraftError):
    """The value of an option cannot be used. ``option`` is its name."""

    exit_status = 2

    def __init__(self, what: str, remedy: str = "", option: str = "") -> None:
        super().__init__(what, remedy)
        self.option = option


def check_usage(
    options: Mapping[str, Any], defaults: Mapping[str, Any], refuse: Callable[[str, str], Exception]
) -> None:
    """Checks what the command line's parser does not.

    Args:
        options: the values, by the names of the command function's parameters.
        defaults: their defaults.
        refuse: makes the usage error, from its text and the option's name, which may be empty.

    Raises:
        Exception: what ``refuse`` made.
    """
    try:
        if options["config"] is None:
            settings_of(options)
        else:
            _check_beside_config(options, defaults)
    except OptionError as error:
        raise refuse(str(error), error.option) from error


def _check_beside_config(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    given = [name for name, value in options.items() if value != defaults[name] and name not in BESIDE_CONFIG]
    if given:
        name = _FLAGS.get(given[0], "--" + given[0].replace("_", "-"))
        raise OptionError(f"{name} cannot be combined with --config", "write it into the file", "--config")


def settings_of(options: Mapping[str, Any]) -> BoardSettings:
    """The settings of a run with one source.

    Args:
        options: the values, by the names of the command function's parameters.

    Raises:
        OptionError: an option is missing, or its value cannot be used.
    """
    if options["model"] is None:
        raise OptionError("missing argument 'MODEL'", "give a model, or --config FILE")
    if not options["source"]:
        raise OptionError("missing option '--source'", "give a source, or --config FILE")
    return BoardSettings(
        models=(ModelSettings(_MODEL, options["model"], _text(options["runtime"]), options["threads"]),),
        sources=(_source(options),),
        sinks=tuple(_sinks(options)),
        http=_http(options),
        events=_events(options),
        uncertain=_uncertain(options),
        capture=_capture(options),
    )


def parse_interval(fps: float | None, every: float | None) -> float:
    """Seconds between two frames by ``--fps`` or ``--every``; raises OptionError if both are given."""
    if fps is not None and every is not None:
        raise OptionError("give --fps or --every, not both", option="--every")
    return every or (1 / fps if fps else 0.0)


def _source(options: Mapping[str, Any]) -> SourceSettings:
    answers = AnswerSettings(
        top_k=options["top_k"],
        threshold=options["threshold"],
        smooth=options["smooth"],
        changes=options["changes"],
        confirm=_parsed("--confirm", parse_confirm, options["confirm"]),
        hold=options["hold"],
        clear_after=options["clear_after"],
    )
    if options["changes"] and answers.states:
        raise OptionError("--changes cannot be combined with --confirm, --hold or --clear-after", option="--changes")
    if options["at_least_every"] is not None and options["on_motion"] is None:
        raise OptionError("--at-least-every needs --on-motion", option="--at-least-every")
    return SourceSettings(
        places=tuple(options["source"]),
        size=_parsed("--size", parse_size, options["size"]),
        interval=parse_interval(options["fps"], options["every"]),
        existing=options["existing"],
        once=options["once"],
        required=options["require_source"],
        on_motion=options["on_motion"],
        at_least_every=options["at_least_every"],
        masks=tuple(_parsed("--mask", parse_mask, text) for text in options["mask"] or ()),
        regions=(RegionSettings(None, _parsed("--roi", parse_roi, options["roi"]), (_MODEL,), answers),),
    )


def _parsed(option: str, parse: Callable[[str], Any], text: str | None) -> Any:
    """The value of an option that is one text; None where it is not given."""
    try:
        return None if text is None else parse(text)
    except GraftError as error:
        raise OptionError(error.what, error.remedy, option) from error


def _sinks(options: Mapping[str, Any]) -> list[SinkSettings]:
    queue, queue_mb, pictures = options["queue"], options["queue_mb"], options["pictures"]
    sinks: list[SinkSettings] = []
    if options["mqtt"] is not None:
        binary = tuple(options["binary_sensor"] or ())
        sinks.append(MqttSettings("mqtt", options["mqtt"], queue, queue_mb, binary, pictures))
    elif options["binary_sensor"]:
        raise OptionError("--binary-sensor needs --mqtt", option="--binary-sensor")
    if options["webhook"] is not None:
        own = _beside(queue, "webhook", sinks)
        sinks.append(WebhookSettings("webhook", options["webhook"], None, pictures, queue=own, queue_mb=queue_mb))
    if options["apprise"]:
        own = _beside(queue, "apprise", sinks)
        sinks.append(AppriseSettings("apprise", None, pictures, own, queue_mb))
    if options["execute"] is not None:
        sinks.append(ExecSettings("exec", _words(options["execute"])))
    if options["gpio"] is not None:
        sinks.append(GpioSettings("gpio", options["gpio"]))
    return sinks


def _beside(queue: Path | None, name: str, others: list[SinkSettings]) -> Path | None:
    """The folder of another queue: the given one, or one in it if that is in use already."""
    return queue if queue is None or not others else queue / name


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise OptionError(f"{command!r} has a quote that is not closed", option="--exec") from error
    if not words:
        raise OptionError("the command is empty", "give a program and its arguments", "--exec")
    return words


def _http(options: Mapping[str, Any]) -> HttpSettings | None:
    if options["http"] is None:
        if options["token_file"] is not None or options["insecure"]:
            name = "--insecure" if options["token_file"] is None else "--token-file"
            raise OptionError(f"{name} needs --http", option=name)
        return None
    address = _parsed("--http", parse_address, options["http"])
    return HttpSettings(address.host, address.port, options["token_file"], options["insecure"], options["viewers"])


def _events(options: Mapping[str, Any]) -> EventsSettings | None:
    if options["keep_events"] is None:
        return None
    return EventsSettings(options["keep_events"], options["max_mb"], options["days"])


def _uncertain(options: Mapping[str, Any]) -> UncertainSettings | None:
    if options["save_uncertain"] is None:
        return None
    return UncertainSettings(options["save_uncertain"], options["max_mb"], options["uncertain_below"])


def _capture(options: Mapping[str, Any]) -> CaptureSettings | None:
    if options["capture"] is None:
        return None
    if options["http"] is None:
        raise OptionError("--capture needs --http", "its button is on that page", "--capture")
    return CaptureSettings(options["capture"], options["max_mb"])


def _text(choice: Any) -> str:
    return str(getattr(choice, "value", choice))
