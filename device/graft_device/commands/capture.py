"""``graft-device capture``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Callable, Optional

import typer

from graft_device import console
from graft_device.commands.options import JsonOption, finite
from graft_device.errors import GraftError
from graft_device.text import printable
from graft_device.usage import UsageError

if TYPE_CHECKING:
    from graft_device.capture.capturing import Captured, Picture
    from graft_device.sources import Frame

_WHEN, _LOOK = "When", "Frames"
_MOST_LABELS = 9


def capture(
    label: Annotated[
        list[str],
        typer.Option(
            metavar="LABEL",
            show_default=False,
            help="The class, which names the folder; repeat it for several, and the keys 1 to 9 choose one.",
        ),
    ],
    source: Annotated[
        list[str],
        typer.Option(
            metavar="SOURCE",
            show_default=False,
            help="As for 'run': /dev/video0, picamera2, the URL of a stream or of a still picture, a video, a folder "
            "to watch, or photos.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", show_default=False, help="Folder in which each class gets a folder."
        ),
    ],
    limit: Annotated[Optional[int], typer.Option(min=1, help="End after this many pictures.")] = None,
    max_mb: Annotated[
        float,
        typer.Option(
            callback=finite,
            min=0.001,
            help="Largest size of all captured pictures in DIR in MB. Nothing is removed: the capture ends there.",
        ),
    ] = 500,
    as_json: JsonOption = False,
    burst: Annotated[
        int, typer.Option(min=1, max=1000, rich_help_panel=_WHEN, help="Take this many pictures in a row each time.")
    ] = 1,
    every: Annotated[
        Optional[float],
        typer.Option(
            metavar="SECONDS",
            callback=finite,
            min=0.001,
            max=86400,
            rich_help_panel=_WHEN,
            help="Take a picture every SECONDS; in a video, by its own clock.",
        ),
    ] = None,
    on_motion: Annotated[
        Optional[float],
        typer.Option(
            metavar="[SENSITIVITY]",
            callback=finite,
            min=0,
            max=1,
            rich_help_panel=_WHEN,
            help="Take a picture when something moves, at most one a second, or in --every. Sensitivity from 0 to 1; "
            "0.5 where none is given.",
        ),
    ] = None,
    once: Annotated[
        bool,
        typer.Option(
            "--once", rich_help_panel=_WHEN, help="Take what is there now, then end: a folder's photos, or one frame."
        ),
    ] = False,
    size: Annotated[
        str, typer.Option(metavar="WxH", rich_help_panel=_LOOK, help="Size in pixels to request from a camera.")
    ] = "640x480",
    roi: Annotated[
        Optional[str],
        typer.Option(
            metavar="X,Y,W,H",
            rich_help_panel=_LOOK,
            help="Keep this part of the frame: shares such as 0.5,0,0.5,1, or pixels.",
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
) -> None:
    """Take pictures for training with the board's own camera.

    At a terminal, Enter or any other key takes a picture, 1 to 9 choose among several labels, and q ends. Without one,
    --every, --on-motion or --once says when. Files are DIR/LABEL/TIME.captured.jpg, with time and source in their EXIF.
    """
    labels = _labels(label)
    terminal = _terminal()
    if terminal is None and every is None and on_motion is None and not once:
        raise UsageError("without a terminal there are no keys; give --every, --on-motion or --once")
    from graft_device.capture.capturing import Telling
    from graft_device.capture.session import CaptureRequest, run_capture
    from graft_device.config.areas import parse_mask, parse_roi
    from graft_device.config.texts import parse_size

    request = CaptureRequest(
        labels, tuple(source), output, _parsed("--size", parse_size, size), every, on_motion, once, burst, limit,
        max_mb, _parsed("--roi", parse_roi, roi), tuple(_parsed("--mask", parse_mask, text) for text in mask or ()),
        terminal,
    )  # fmt: skip
    numbers: Counter[str] = Counter()
    telling = Telling(lambda picture: _print(picture, numbers, as_json), _failure(as_json), _note)
    end = run_capture(request, telling, lambda: _explain(labels, terminal is not None))
    if not as_json:
        console.mention(_summary(end.done, output))
    if end.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if end.done.failed and end.signal is None:
        raise typer.Exit(1)


def _labels(given: list[str]) -> tuple[str, ...]:
    from graft_device.capture.labels import refusal

    for label in given:
        reason = refusal(label)
        if reason is not None:
            raise typer.BadParameter(f"'{printable(label)}': {reason}", param_hint="--label")
    labels = tuple(dict.fromkeys(given))
    if len(labels) > _MOST_LABELS:
        raise typer.BadParameter(f"there are keys for {_MOST_LABELS} labels only", param_hint="--label")
    return labels


def _terminal() -> Optional[int]:
    """The descriptor of the terminal at which a person sits; None for none."""
    from graft_device.capture.keys import is_asked

    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        return None
    return descriptor if is_asked(descriptor) else None


def _parsed(option: str, parse: Callable[[str], Any], text: Optional[str]) -> Any:
    try:
        return None if text is None else parse(text)
    except GraftError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _explain(labels: tuple[str, ...], asks: bool) -> None:
    if not asks:
        return
    if len(labels) == 1:
        console.mention(f"Enter or any other key takes a picture of {printable(labels[0])}, q ends")
        return
    choices = ", ".join(f"{number} {printable(label)}" for number, label in enumerate(labels, 1))
    console.mention(f"{choices}; Enter or any other key takes a picture of {printable(labels[0])}, q ends")


def _print(picture: "Picture", numbers: "Counter[str]", as_json: bool) -> None:
    numbers[picture.label] += 1
    frame, kept = picture.frame, picture.kept
    if as_json:
        values = {"time": frame.time, "label": picture.label, "source": frame.source, "file": str(kept.path)}
        typer.echo(json.dumps({**values, "bytes": kept.bytes}))
    else:
        typer.echo(f"{printable(picture.label)} {numbers[picture.label]}: {printable(kept.path)}")


def _failure(as_json: bool) -> "Callable[[Frame, str], None]":
    def tell(frame: "Frame", reason: str) -> None:
        if as_json:
            typer.echo(json.dumps({"time": frame.time, "source": frame.source, "error": reason}))
        else:
            console.mention(f"error: {printable(frame.source)}: {reason}")

    return tell


def _summary(done: "Captured", folder: Path) -> str:
    counts = [f"{count} of {printable(label)}" for label, count in sorted(done.pictures.items())]
    kept = f"{', '.join(counts) or 'no pictures'} in {printable(folder)}"
    same = f"; {done.same} identical to the last one {'was' if done.same == 1 else 'were'} not kept"
    return f"captured: {kept}{same if done.same else ''}"


def _note(text: str) -> None:
    console.mention(f"note: {printable(text)}")
