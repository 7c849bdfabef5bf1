from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from graft_device.board.options import OptionError, check_usage, settings_of
from graft_device.commands.run import run
from graft_device.config.areas import Roi
from graft_device.config.settings import Confirm
from graft_device.config.sinks import MqttSettings, WebhookSettings

DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(run).parameters.items()}


def options(**given: Any) -> dict[str, Any]:
    return {**DEFAULTS, "model": Path("m.tflite"), "source": ["/dev/video0"], **given}


def test_every_option_of_a_camera_is_a_setting() -> None:
    settings = settings_of(
        options(every=0.5, roi="0.5,0,0.5,1", mask=["0,0,9,9"], confirm="3/5", hold=2.0, clear_after=9.0,
                on_motion=0.4, at_least_every=60.0, require_source=True, threshold=0.7)
    )  # fmt: skip
    (source,) = settings.sources
    assert (source.places, source.interval, source.required) == (("/dev/video0",), 0.5, True)
    assert (source.on_motion, source.at_least_every, len(source.masks)) == (0.4, 60.0, 1)
    (region,) = source.regions
    assert region.roi == Roi(0.5, 0, 0.5, 1, shares=True)
    answers = region.answers
    assert (answers.confirm, answers.hold, answers.clear_after, answers.threshold) == (Confirm(3, 5), 2, 9, 0.7)
    assert answers.states


def test_two_sinks_do_not_share_a_queue(tmp_path: Path) -> None:
    settings = settings_of(options(mqtt="mqtt://h/t", webhook="http://h/", queue=tmp_path))
    mqtt, webhook = settings.sinks
    assert isinstance(mqtt, MqttSettings)
    assert isinstance(webhook, WebhookSettings)
    assert (mqtt.queue, webhook.queue) == (tmp_path, tmp_path / "webhook")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"confirm": "0"}, "'0' is not a number of answers that agree"),
        ({"confirm": "5/3"}, "can never be reached"),
        ({"confirm": "-1"}, "not a number of answers"),
        ({"roi": "1,2"}, "not a region"),
        ({"mask": ["x"]}, "not a mask"),
        ({"http": "8000"}, "'8000' is not an address to listen on"),
        ({"http": "localhost:99999"}, "no port that exists"),
        ({"execute": "'"}, "a quote that is not closed"),
        ({"execute": " "}, "the command is empty"),
        ({"at_least_every": 5.0}, "--at-least-every needs --on-motion"),
        ({"binary_sensor": ["cat"]}, "--binary-sensor needs --mqtt"),
        ({"changes": True, "confirm": "2"}, "--changes cannot be combined"),
        ({"source": None}, "missing option '--source'"),
        ({"capture": Path("new")}, "--capture needs --http"),
        ({"model": None}, "missing argument 'MODEL'"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(given: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words.replace("(", "\\(")):
        settings_of(options(**given))


@pytest.mark.parametrize(
    ("given", "name"),
    [({"source": ["x"]}, "--source"), ({"model": Path("m")}, "MODEL"), ({"execute": "x"}, "--exec"),
     ({"top_k": 5}, "--top-k")],
)  # fmt: skip
def test_what_the_file_has_is_not_given_beside_it(given: dict[str, Any], name: str) -> None:
    class UsageError(Exception):
        pass

    with pytest.raises(UsageError, match=f"{name} cannot be combined with --config"):
        check_usage({**DEFAULTS, "config": Path("b.toml"), **given}, DEFAULTS, lambda text, _: UsageError(text))
    check_usage({**DEFAULTS, "config": Path("b.toml"), "limit": 3, "as_json": True}, DEFAULTS, lambda *_: UsageError())
