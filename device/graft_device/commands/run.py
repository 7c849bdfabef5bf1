"""``graft-device run``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import contextlib
import json
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from graft_device import console
from graft_device.commands.counting import Counting
from graft_device.commands.options import (
    JsonOption,
    ModelArgument,
    RuntimeChoice,
    RuntimeOption,
    ThreadsOption,
    finite,
    note_checksum,
)
from graft_device.text import printable

if TYPE_CHECKING:
    from graft_device.mqtt.broker import Broker
    from graft_device.outputs.fan_out import FanOut
    from graft_device.outputs.printed import Layout
    from graft_device.outputs.sink import Sink
    from graft_device.outputs.uncertain_frames import UncertainFrames
    from graft_device.sources import Frame, Source

_MB = 1_000_000


def run(
    model: ModelArgument,
    source: Annotated[
        list[str],
        typer.Option(
            metavar="SOURCE",
            help="Photos (repeat the option), or one of: a folder to watch, a video, /dev/video0, picamera2, the "
            "URL of a stream (rtsp, http, tcp, udp) or of a still picture (http), which is fetched again and again.",
        ),
    ],
    existing: Annotated[
        bool, typer.Option("--existing", help="Also classify the photos that are already in the folder.")
    ] = False,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size in pixels to request from a camera.")] = "640x480",
    fps: Annotated[
        Optional[float],
        typer.Option(callback=finite, min=0.001, max=1000, help="Classify at most so many frames per second."),
    ] = None,
    every: Annotated[
        Optional[float],
        typer.Option(
            callback=finite,
            min=0.001,
            max=86400,
            help="Seconds between two classified frames; of a still picture at a URL: 1.",
        ),
    ] = None,
    smooth: Annotated[
        float,
        typer.Option(
            callback=finite, min=0, max=10_000, help="Average over frames; after so many, a frame counts half."
        ),
    ] = 0,
    changes: Annotated[bool, typer.Option("--changes", help="Report only changes of the label.")] = False,
    threshold: Annotated[
        Optional[float],
        typer.Option(
            callback=finite,
            min=0,
            max=1,
            help="Score below which a frame is unknown; 0 for never.  [default: the model's threshold]",
        ),
    ] = None,
    once: Annotated[
        bool,
        typer.Option("--once", help="Classify what is there now, then end: a folder's photos, one frame of a camera."),
    ] = False,
    limit: Annotated[Optional[int], typer.Option(min=1, help="End after so many frames.")] = None,
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Number of labels in an event.")] = 3,
    mqtt: Annotated[
        Optional[str],
        typer.Option(
            metavar="URL",
            help="Publish to mqtt://USER@HOST/TOPIC, or mqtts:// for TLS. Give the password in $GRAFT_MQTT_PASSWORD.",
        ),
    ] = None,
    queue: Annotated[
        Optional[Path],
        typer.Option(metavar="DIR", help="Folder for events that the broker does not have yet.", show_default=False),
    ] = None,
    queue_mb: Annotated[
        float,
        typer.Option(
            callback=finite, min=0.001, help="Largest size of the queue in MB; the oldest events are dropped."
        ),
    ] = 16,
    save_uncertain: Annotated[
        Optional[Path], typer.Option(metavar="DIR", help="Keep the photos that the model is uncertain about.")
    ] = None,
    max_mb: Annotated[
        float,
        typer.Option(callback=finite, min=0.001, help="Largest size of that folder in MB; the oldest go first."),
    ] = 500,
    uncertain_below: Annotated[
        float, typer.Option(callback=finite, min=0, max=1, help="Score below which the model is uncertain.")
    ] = 0.8,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = RuntimeChoice.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Classify frames as they come, and print or publish the results.

    Of a camera, only the newest frame is classified. If the camera is lost, the run waits for it.
    SIGTERM ends the run with status 0, Ctrl-C with 130. SIGHUP opens the model file again.
    """
    interval = parse_interval(fps, every)
    width_height = parse_size(size)
    from graft_device.run.reopening import Reopening
    from graft_device.system.stopping import Signals, Stop

    stop = Stop()
    with contextlib.ExitStack() as stack:  # signals first: the rest takes a while
        signals = stack.enter_context(Signals(stop))
        newer = stack.enter_context(Reopening(model, runtime.value, threads, stop, _note))
        from graft_device.mqtt.broker import parse_broker
        from graft_device.outputs.fan_out import FanOut
        from graft_device.run.opened import open_copy
        from graft_device.run.plan import Plan
        from graft_device.run.watching import Outputs, watch
        from graft_device.sources import SourceOptions, open_source

        broker = None if mqtt is None else parse_broker(mqtt)
        opened = open_source(source, SourceOptions(width_height, interval, existing, once, save_uncertain), _note)
        classifier = open_copy(model, runtime.value, threads)
        note_checksum(classifier.model, model)
        plan = Plan(
            top_k=top_k,
            unknown_below=classifier.model.card.unknown_below if threshold is None else threshold,
            own_threshold=threshold is None,
            smooth=smooth,
            changes=changes,
            interval=interval,
            limit=1 if once and opened.live else limit,
        )
        uncertain = None
        if save_uncertain is not None:
            uncertain = _uncertain(save_uncertain, max_mb, uncertain_below, opened)
        sinks = stack.enter_context(contextlib.closing(FanOut(_note)))
        if broker is not None:
            sinks.add(_mqtt(broker, queue, queue_mb, model.name))
        sinks.add(_printed(as_json, opened, sinks))
        counting = Counting(opened.live)
        stack.callback(counting.end)
        outputs = Outputs(sinks, _print_failure_json if as_json else _print_failure, uncertain, counting.one)
        seen = watch(opened, classifier, plan, outputs, stop, _note, newer)
        signals.calm()
    if signals.received == signal.SIGINT:
        raise KeyboardInterrupt
    if seen.failed and signals.received is None:
        raise typer.Exit(1)


def parse_interval(fps: Optional[float], every: Optional[float]) -> float:
    """Seconds between two frames by ``--fps`` or ``--every``; raises typer.BadParameter if both are given."""
    if fps is not None and every is not None:
        raise typer.BadParameter("give --fps or --every, not both", param_hint="--every")
    return every or (1 / fps if fps else 0.0)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height by ``--size``; raises typer.BadParameter if the text is not a size."""
    sides = re.fullmatch(r"([1-9]\d{1,4})x([1-9]\d{1,4})", text)
    if sides is None:
        raise typer.BadParameter(f"{text!r} is not a size; write it as 640x480", param_hint="--size")
    return int(sides[1]), int(sides[2])


def _mqtt(broker: "Broker", queue: Optional[Path], queue_mb: float, model: str) -> "Sink":
    from graft_device.mqtt.publisher import Mqtt
    from graft_device.outputs.event_queue import EventQueue

    events = EventQueue(queue or broker.queue_folder, round(queue_mb * _MB), _note)
    with contextlib.ExitStack() as unless_opened:
        unless_opened.callback(events.close)
        sink = Mqtt(broker, events, model, _note)
        unless_opened.pop_all()
    return sink


def _printed(as_json: bool, opened: "Source", others: "FanOut") -> "Sink":
    from graft_device.outputs.printed import Printed, json_line, live_line, named_line

    layout: Layout = json_line if as_json else (live_line if opened.live else named_line)
    return Printed(typer.echo, layout, _note, elsewhere=" and ".join(others.names))


def _uncertain(folder: Path, max_mb: float, below: float, opened: "Source") -> "UncertainFrames":
    from graft_device.outputs.uncertain_frames import UncertainFrames
    from graft_device.outputs.uncertain_store import UncertainStore
    from graft_device.sources.video import Video

    store = UncertainStore(folder, round(max_mb * _MB))
    return UncertainFrames(store, below, opened.live or isinstance(opened, Video), _note)


def _print_failure_json(frame: "Frame", reason: str) -> None:
    typer.echo(json.dumps({"time": frame.time, "source": frame.source, "error": reason}))


def _print_failure(frame: "Frame", reason: str) -> None:
    console.mention(f"error: {printable(frame.source)}: {reason}")


def _note(text: str) -> None:
    console.mention(f"note: {printable(text)}")
