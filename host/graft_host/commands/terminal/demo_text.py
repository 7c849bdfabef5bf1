"""What ``graft demo`` prints."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.ranking import unknown_text
from graft_device.text import printable
from graft_host.backbones.named_weights import IMAGENET
from graft_host.backbones.registry import DEFAULT, family
from graft_host.backbones.weights.find import VARIABLE
from graft_host.commands.terminal.console import argument, train_text
from graft_host.commands.terminal.style import PLAIN, Style
from graft_host.demo.network import LITE
from graft_host.demo.photos import UNKNOWN_OBJECT

if TYPE_CHECKING:
    from graft_device.classifier import Answer
    from graft_host.demo.demo import DemoResult


def demo_text(result: DemoResult, style: Style = PLAIN) -> str:
    """What ``graft demo`` prints at its end."""
    answers = "\n".join(f"  {printable(photo.path)}: {_answer_text(photo.answer)}" for photo in result.new)
    trained = train_text(result.training, style).partition("\n\nNext:")[0]
    folders, unknown = result.folders, result.unknown
    return "\n".join(
        [
            trained,
            f"report     {printable(folders.report)}",
            "",
            "What a board answers for photos that the training did not use:",
            answers,
            f"and for a {UNKNOWN_OBJECT}, which is none of the parts:",
            f"  {printable(unknown.path)}: {_answer_text(unknown.answer)}",
            "",
            "Next:",
            f"  {_program('graft-device')} classify {argument(folders.model)} {argument(folders.new)}/*.jpg",
            "      classify the new photos again, or your own",
            f"  {_program('graft')} demo --open{_options(result)}",
            "      show the report in a browser",
            f"  {_program('graft')} train {argument(folders.photos)} -o mine.tflite{_network(result)}{_tap(result)}",
            "      train; replace the photos by your own, in a folder per class",
            f"  {_program('graft')} deploy {argument(folders.model)} pi@raspberrypi",
            "      put the model on a board, which needs no TensorFlow",
        ]
    )


def _answer_text(answer: Answer) -> str:
    best = answer[0]
    return unknown_text(best) if answer.unknown else f"{printable(best.label)} {best.score:.1%}"


def _options(result: DemoResult) -> str:
    """The options of the same demo where they are not the defaults."""
    root, choice = result.folders.root, result.choice
    folder = "" if root == Path("graft-demo") else f" --folder {argument(root)}"
    usual = choice.backbone == LITE and choice.weights == IMAGENET
    return folder if usual else folder + _network(result)


def _network(result: DemoResult) -> str:
    """The options of ``graft train`` for the network of the demo where they are not the defaults."""
    choice, usual = result.choice, os.environ.get(VARIABLE) or IMAGENET
    backbone = "" if choice.backbone == DEFAULT else f" --backbone {choice.backbone}"
    weights = "" if choice.weights == usual else f" --weights {shlex.quote(choice.weights)}"
    return backbone + weights


def _tap(result: DemoResult) -> str:
    """The option for the tap, if the demo took the usual one: without it, ``graft train`` would choose a readout."""
    choice = result.choice
    return "" if choice.tap else f" --tap {family(choice.backbone).default_tap}"


def _program(name: str) -> str:
    """A program of graftkit as a shell finds it: its name if it is on the path, else its file beside this program."""
    here = Path(sys.argv[0])
    beside = here.with_name(name)
    if here.parent == Path() or not beside.is_file():
        return name
    found = shutil.which(name)
    if found is not None and beside.samefile(found):
        return name
    return argument(beside)
