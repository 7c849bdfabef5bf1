"""``graft``: the command line on the workstation. Each command is a module of ``commands``."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Annotated

import typer

from graft_device import __version__, console
from graft_device.cli import EXAMPLES as DEVICE_COMMANDS
from graft_device.errors import GraftError
from graft_device.usage import HELP_NAMES, GroupedCommand
from graft_host.commands.check import check
from graft_host.commands.collect import collect
from graft_host.commands.compare import compare
from graft_host.commands.demo import demo
from graft_host.commands.deploy import deploy
from graft_host.commands.diagnose import diagnose
from graft_host.commands.evaluate import evaluate
from graft_host.commands.export import export
from graft_host.commands.fleet import app as fleet
from graft_host.commands.inspect import inspect
from graft_host.commands.report import report
from graft_host.commands.search import search
from graft_host.commands.sign import sign
from graft_host.commands.sort import sort
from graft_host.commands.studio import studio
from graft_host.commands.train import train
from graft_host.commands.weights import weights


class _Group(console.EdgeGroup):
    """The commands of ``graft``."""

    program = "graft"
    elsewhere = dict.fromkeys(DEVICE_COMMANDS, "graft-device")


app = typer.Typer(
    cls=_Group,
    context_settings=HELP_NAMES,
    help="Train on your own photos and ship one quantized .tflite to a board.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


_PACKAGES = ("ai_edge_litert", "flatbuffers", "h5py", "imagehash", "matplotlib", "scipy", "threadpoolctl", "tqdm")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"graft {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Declares the options that all commands share, and checks that the workstation's packages are installed."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise GraftError(
            f"the workstation's packages are not installed (no {', '.join(missing)})",
            'install graftkit with its host extra: pip install ".[host]"',
        )


_COMMANDS: dict[Callable[..., None], str] = {
    check: "graft check photos/ --tap mixed7",
    train: "graft train photos/ -o pets.tflite --tap mixed7",
    evaluate: "graft evaluate models/pets.tflite photos/",
    report: "graft report models/pets.tflite photos/ -o pets.html",
    search: "graft search photos/ --max-ms 50 -o pets.tflite",
    compare: "graft compare photos/ --tap mixed7",
    diagnose: "graft diagnose models/pets.tflite photos/",
    inspect: "graft inspect models/pets.tflite",
    export: "graft export models/pets.tflite --format keras -o pets.keras",
    sort: "graft sort inbox/ photos/",
    studio: "graft studio pets/",
    sign: "graft sign models/pets.tflite --key ~/.ssh/id_ed25519",
    deploy: "graft deploy models/pets.tflite pi@kitchen",
    collect: "graft collect pi@kitchen pi@hall -o inbox/",
    weights: "graft weights imagenet",
    demo: "graft demo --folder /tmp/graft-demo",
}
"""Each command with its example."""

for _command, _example in _COMMANDS.items():
    app.command(cls=GroupedCommand, epilog=f"Example:  {_example}")(_command)
app.add_typer(fleet, name="fleet")


def main() -> None:
    """The entry point of ``graft``."""
    console.run(app)


if __name__ == "__main__":
    main()
