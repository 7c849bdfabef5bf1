"""``graft-device run``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import inspect
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from graft_device import console
from graft_device.commands.counting import Counting
from graft_device.commands.options import JsonOption, RuntimeChoice, RuntimeOption, ThreadsOption, finite, in_store
from graft_device.text import printable
from graft_device.usage import UsageError

if TYPE_CHECKING:
    from graft_device.outputs.printed import Layout
    from graft_device.outputs.sink import Sink
    from graft_device.sources import Frame

_LOOK, _STATES, _OUT, _KEEP, _PAGE = "Frames", "States", "Where events go", "Kept files", "Page"


def run(
    model: Annotated[
        Optional[Path],
        typer.Argument(
            metavar="[MODEL]",
            help="A .tflite file that 'graft train' wrote, or a store for its current model.",
            callback=lambda path: path and in_store(path),
            readable=False,
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        Optional[list[str]],
        typer.Option(
            metavar="SOURCE",
            show_default=False,
            help="Photos (repeat the option), or one of: a folder to watch, a video, /dev/video0, picamera2, the "
            "URL of a stream (rtsp, http, tcp, udp) or of a still picture (http), which is fetched again and again. "
            "With --every or --fps, one photo is a picture file that another program rewrites.",
        ),
    ] = None,
    config: Annotated[
        Optional[Path],
        typer.Option(
            metavar="FILE",
            readable=False,
            help="Read everything from a board.toml instead: several sources, regions, rules. See 'config init'.",
        ),
    ] = None,
    threshold: Annotated[
        Optional[float],
        typer.Option(
            callback=finite,
            min=0,
            max=1,
            help="Score below which a frame is unknown; 0 for never.  [default: the model's threshold]",
        ),
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Number of labels in an event.")] = 3,
    once: Annotated[
        bool,
        typer.Option("--once", help="Classify what is there now, then end: a folder's photos, one frame of a camera."),
    ] = False,
    limit: Annotated[Optional[int], typer.Option(min=1, help="End after so many frames.")] = None,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = RuntimeChoice.AUTO,
    as_json: JsonOption = False,
    existing: Annotated[
        bool,
        typer.Option(
            "--existing", rich_help_panel=_LOOK, help="Also classify the photos that are already in the folder."
        ),
    ] = False,
    size: Annotated[
        str, typer.Option(metavar="WxH", rich_help_panel=_LOOK, help="Size in pixels to request from a camera.")
    ] = "640x480",
    fps: Annotated[
        Optional[float],
        typer.Option(
            callback=finite,
            min=0.001,
            max=1000,
            rich_help_panel=_LOOK,
            help="Classify at most so many frames per second.",
        ),
    ] = None,
    every: Annotated[
        Optional[float],
        typer.Option(
            callback=finite,
            min=0.001,
            max=86400,
            rich_help_panel=_LOOK,
            help="Seconds between two classified frames; of a still picture at a URL: 1.",
        ),
    ] = None,
    require_source: Annotated[
        bool,
        typer.Option(
            "--require-source", rich_help_panel=_LOOK, help="End with an error if a camera is not there at the start."
        ),
    ] = False,
    roi: Annotated[
        Optional[str],
        typer.Option(
            metavar="X,Y,W,H",
            rich_help_panel=_LOOK,
            help="Classify this part of the frame: shares such as 0.5,0,0.5,1, or pixels.",
        ),
    ] = None,
    mask: Annotated[
        Optional[list[str]],
        typer.Option(
            metavar="X,Y,W,H",
            rich_help_panel=_LOOK,
            show_default=False,
            help="Blank out a part of the frame, or a polygon X,Y,X,Y,X,Y; repeatable.",
        ),
    ] = None,
    on_motion: Annotated[
        Optional[float],
        typer.Option(
            metavar="[SENSITIVITY]",
            callback=finite,
            min=0,
            max=1,
            rich_help_panel=_LOOK,
            help="Classify only while something moves. Sensitivity from 0 to 1; 0.5 where none is given.",
        ),
    ] = None,
    at_least_every: Annotated[
        Optional[float],
        typer.Option(
            metavar="SECONDS",
            callback=finite,
            min=0.001,
            max=86400,
            rich_help_panel=_LOOK,
            help="With --on-motion: classify a frame after so many seconds even if nothing moves.",
        ),
    ] = None,
    smooth: Annotated[
        float,
        typer.Option(
            callback=finite,
            min=0,
            max=10_000,
            rich_help_panel=_STATES,
            help="Average over frames; after so many, a frame counts half.",
        ),
    ] = 0,
    changes: Annotated[
        bool, typer.Option("--changes", rich_help_panel=_STATES, help="Report only changes of the label.")
    ] = False,
    confirm: Annotated[
        Optional[str],
        typer.Option(
            metavar="N[/M]",
            rich_help_panel=_STATES,
            help="Report when a label is entered and left; N of the last M answers must agree.",
        ),
    ] = None,
    hold: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            callback=finite,
            min=0,
            max=86400,
            rich_help_panel=_STATES,
            help="Seconds that a label stays entered at least.",
        ),
    ] = 0,
    clear_after: Annotated[
        Optional[float],
        typer.Option(
            metavar="SECONDS",
            callback=finite,
            min=0,
            max=86400,
            rich_help_panel=_STATES,
            help="Leave a label that was not the answer for so many seconds.",
        ),
    ] = None,
    mqtt: Annotated[
        Optional[str],
        typer.Option(
            metavar="URL",
            rich_help_panel=_OUT,
            help="Publish to mqtt://USER@HOST/TOPIC, or mqtts:// for TLS. Give the password in $GRAFT_MQTT_PASSWORD.",
        ),
    ] = None,
    binary_sensor: Annotated[
        Optional[list[str]],
        typer.Option(
            metavar="LABEL",
            rich_help_panel=_OUT,
            show_default=False,
            help="With --mqtt: a binary sensor for this label in Home Assistant; repeatable, * for all.",
        ),
    ] = None,
    webhook: Annotated[
        Optional[str],
        typer.Option(
            metavar="URL",
            rich_help_panel=_OUT,
            help="Post events as JSON; signed if $GRAFT_WEBHOOK_SECRET is set.",
        ),
    ] = None,
    execute: Annotated[
        Optional[str],
        typer.Option(
            "--exec",
            metavar="COMMAND",
            rich_help_panel=_OUT,
            help="Start a program for each event, without a shell; JSON is on its standard input.",
        ),
    ] = None,
    gpio: Annotated[
        Optional[int],
        typer.Option(metavar="PIN", min=0, max=53, rich_help_panel=_OUT, help="Switch a pin on from enter to leave."),
    ] = None,
    apprise: Annotated[
        bool,
        typer.Option(
            "--apprise", rich_help_panel=_OUT, help="Notify the services whose Apprise URLs are in $GRAFT_APPRISE_URLS."
        ),
    ] = False,
    pictures: Annotated[
        bool,
        typer.Option(
            "--pictures", rich_help_panel=_OUT, help="Send pictures with events to MQTT, webhook and Apprise."
        ),
    ] = False,
    queue: Annotated[
        Optional[Path],
        typer.Option(
            metavar="DIR",
            rich_help_panel=_OUT,
            help="Folder for events that are not delivered yet.",
            show_default=False,
        ),
    ] = None,
    queue_mb: Annotated[
        float,
        typer.Option(
            callback=finite,
            min=0.001,
            rich_help_panel=_OUT,
            help="Largest size of a queue in MB; the oldest events are dropped.",
        ),
    ] = 16,
    keep_events: Annotated[
        Optional[Path],
        typer.Option(metavar="DIR", rich_help_panel=_KEEP, help="Keep events and their pictures."),
    ] = None,
    days: Annotated[
        float,
        typer.Option(
            callback=finite, min=0.01, max=36_500, rich_help_panel=_KEEP, help="Days after which an event is removed."
        ),
    ] = 30,
    save_uncertain: Annotated[
        Optional[Path],
        typer.Option(metavar="DIR", rich_help_panel=_KEEP, help="Keep the photos that the model is uncertain about."),
    ] = None,
    uncertain_below: Annotated[
        float,
        typer.Option(
            callback=finite, min=0, max=1, rich_help_panel=_KEEP, help="Score below which the model is uncertain."
        ),
    ] = 0.8,
    capture: Annotated[
        Optional[Path],
        typer.Option(
            metavar="DIR", rich_help_panel=_KEEP, help="Keep pictures for training that are captured on the page."
        ),
    ] = None,
    max_mb: Annotated[
        float,
        typer.Option(
            callback=finite,
            min=0.001,
            rich_help_panel=_KEEP,
            help="Largest size of each of these folders in MB; the oldest go first, but nothing that was captured.",
        ),
    ] = 500,
    http: Annotated[
        Optional[str],
        typer.Option(
            metavar="HOST:PORT", rich_help_panel=_PAGE, help="Serve a page with live pictures, events and metrics."
        ),
    ] = None,
    token_file: Annotated[
        Optional[Path],
        typer.Option(
            metavar="FILE",
            rich_help_panel=_PAGE,
            readable=False,
            help="File with the token that the page asks for.  [default: $GRAFT_TOKEN]",
            show_default=False,
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", rich_help_panel=_PAGE, help="Let everybody in the network use the page without a token."
        ),
    ] = False,
    viewers: Annotated[
        int,
        typer.Option(min=0, max=100, rich_help_panel=_PAGE, help="How many may watch a camera at a time."),
    ] = 4,
) -> None:
    """Classify frames as they come, and print or publish the results.

    Of a camera, only the newest frame is classified. A camera that is lost, or not there yet, is waited for.
    SIGTERM ends the run with status 0, Ctrl-C with 130. SIGHUP opens the model file, or reads the --config file, again.
    """
    options = {**locals()}
    check(options)
    from graft_device.board.running import run_board
    from graft_device.board.voice import Voice

    voice = Voice(
        note=_note,
        say=lambda text: console.mention(printable(text)),
        printed=lambda live, elsewhere: _printed(as_json, live, elsewhere),
        failure=_print_failure_json if as_json else _print_failure,
        counting=Counting,
    )
    ended = run_board(options, voice)
    if ended.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if ended.failed and ended.signal is None:
        raise typer.Exit(1)


def check(options: dict[str, Any]) -> None:
    """Checks the options of ``run``, by their names, as far as their parser does not; raises a usage error."""
    from graft_device.board.options import check_usage

    defaults = {name: parameter.default for name, parameter in inspect.signature(run).parameters.items()}
    check_usage(options, defaults, _refused)


def _refused(text: str, option: str) -> Exception:
    error: Exception = typer.BadParameter(text, param_hint=option) if option else UsageError(text)
    return error


def _printed(as_json: bool, live: bool, elsewhere: str) -> "Sink":
    from graft_device.outputs.printed import Printed, json_line, live_line, named_line

    layout: Layout = json_line if as_json else (live_line if live else named_line)
    return Printed(typer.echo, layout, _note, elsewhere=elsewhere)


def _print_failure_json(frame: "Frame", reason: str) -> None:
    typer.echo(json.dumps({"time": frame.time, "source": frame.source, "error": reason}))


def _print_failure(frame: "Frame", reason: str) -> None:
    console.mention(f"error: {printable(frame.source)}: {reason}")


def _note(text: str) -> None:
    console.mention(f"note: {printable(text)}")
