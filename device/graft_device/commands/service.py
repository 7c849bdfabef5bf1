"""``graft-device service``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from graft_device import console
from graft_device.commands.options import in_store
from graft_device.text import printable
from graft_device.usage import GroupedCommand

if TYPE_CHECKING:
    from graft_device.service.visible import ServiceNeeds

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_SIZE = re.compile(r"[1-9]\d*[KMG]?|[1-9]\d?%")


def service(
    model: Annotated[
        Optional[Path],
        typer.Argument(
            metavar="[MODEL]",
            help="A .tflite file, or a store for its current model; none if ARGS have --config.",
            callback=lambda path: path and in_store(path),
            readable=False,
            show_default=False,
        ),
    ] = None,
    args: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="-- ARGS...", help="'run' or 'serve' and its options, without the model."),
    ] = None,
    output: Annotated[
        Optional[Path],
        typer.Option("--output", "-o", help="Unit file to write; - prints it.", show_default="NAME.service"),
    ] = None,
    name: Annotated[
        Optional[str], typer.Option(help="Name of the service.", show_default="graft-COMMAND-MODEL")
    ] = None,
    user: Annotated[
        Optional[str],
        typer.Option(
            help="Existing user to run as.  [default: a user that systemd creates for the service]", show_default=False
        ),
    ] = None,
    memory_max: Annotated[str, typer.Option(help="Memory limit, such as 512M or 50%.")] = "512M",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing unit file.")] = False,
) -> None:
    """Write a systemd unit that keeps a model running.

    It prints the two commands that install the unit. The service starts at boot, restarts after a failure with growing
    waits, has a watchdog and a memory limit, and may access only what it needs. Relative folders in ARGS, and those
    that a board.toml has written into, are below /var/lib/NAME.
    """
    from graft_device.model import read_model
    from graft_device.service import service as service_module
    from graft_device.service.paths import normal, without_dots
    from graft_device.service.unit import unit
    from graft_device.service.visible import ServiceError, state_folder

    model, args = _split(model, args or [])
    model_path = model and normal(read_model(model).path.absolute())
    args = _with_whole_config(list(map(without_dots, args)))
    options = _parse(args, model_path)
    named = model_path or options["config"]
    service_name = name or service_module.service_name(args[0], named)
    _check(service_name, user, memory_max)
    command = (*service_module.program(), args[0], *([] if model_path is None else [str(model_path)]), *args[1:])
    needs = service_module.find_needs(args[0], options, service_name, user is None)
    _check_as_command(args[0], options, state_folder(service_name))
    summary = f"graft-device {args[0]} with {named.name}"
    version = service_module.systemd_version()
    text = unit(service_module.Service(service_name, summary, command, needs, user, memory_max, version))
    if str(output) == "-":
        typer.echo(text, nl=False)
        unit_file = Path(f"{service_name}.service")
    else:
        unit_file = output or Path(f"{service_name}.service")
        if unit_file.exists() and not overwrite:
            raise ServiceError(
                f"{unit_file} already exists", "replace it with --overwrite, or write another file with --output"
            )
        from graft_device.system.durable import write_atomically
        from graft_device.system.plain import check_plain_if_there

        check_plain_if_there(unit_file)
        write_atomically(unit_file, text.encode())
        console.say(f"wrote {printable(unit_file)}; these commands install and start it:")
    for line in service_module.install_lines(unit_file, service_name):
        typer.echo(line, err=str(output) == "-")
    _warn(service_name, args[0], options, needs, user is None)


def _split(model: Optional[Path], args: list[str]) -> tuple[Optional[Path], list[str]]:
    """Model and command; what came first is the command if there is no model."""
    from graft_device.service.service import COMMANDS

    if model is not None and str(model) in COMMANDS and not (args and args[0] in COMMANDS):
        return None, [str(model), *args]
    if not args:
        raise typer.BadParameter("write 'run' or 'serve' and its options after --", param_hint="ARGS")
    return model, args


def _with_whole_config(args: list[str]) -> list[str]:
    """The words with the absolute path of ``--config``: the service has another working directory."""
    from graft_device.service.paths import normal

    whole: list[str] = []
    for word in args:
        option, equals, value = word.partition("=")
        if whole and whole[-1] == "--config":
            word = str(normal(Path(word).absolute()))  # noqa: PLW2901
        elif option == "--config" and equals:
            word = f"--config={normal(Path(value).absolute())}"  # noqa: PLW2901
        whole.append(word)
    return whole


def _parse(args: list[str], model: Optional[Path]) -> "dict[str, Any]":
    """Parses the options of the command that the service will run, exactly as that command does."""
    from graft_device.service.service import COMMANDS

    if args[0] not in COMMANDS:
        raise typer.BadParameter(
            f"{args[0]!r} cannot run as a service; choose {' or '.join(COMMANDS)}", param_hint="ARGS"
        )
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(cls=GroupedCommand)(getattr(importlib.import_module(f"graft_device.commands.{args[0]}"), args[0]))
    parser: Any = typer.main.get_command(single)
    for option in parser.params:
        option.envvar = None  # the service will not have this shell's environment
    words = [*([] if model is None else [str(model)]), *args[1:]]
    parsed = parser.make_context(f"graft-device {args[0]}", words).params
    paths = {option.name for option in parser.params if "Path" in type(option.type).__name__}
    options: dict[str, Any] = {  # as Typer gives them to the command
        name: None if value is None or value == () else Path(value) if name in paths else value
        for name, value in parsed.items()
    }
    if args[0] == "run":
        from graft_device.commands.run import check

        check(options)
    return options


def _check_as_command(subcommand: str, options: "dict[str, Any]", folder: Path) -> None:
    """Runs the checks that the command itself runs after its options are parsed."""
    from graft_device.service import checks as service_checks
    from graft_device.service.service import run_settings

    if subcommand == "serve":
        service_checks.check_server(options)
    else:
        service_checks.check_run(run_settings(options), folder)


def _check(name: str, user: Optional[str], memory_max: str) -> None:
    if not _NAME.fullmatch(name):
        raise typer.BadParameter(
            f"{name!r} may contain only letters, digits, dots, dashes and underscores", param_hint="--name"
        )
    if user is not None and not _NAME.fullmatch(user):
        raise typer.BadParameter(f"{user!r} is not a user name", param_hint="--user")
    if not _SIZE.fullmatch(memory_max):
        raise typer.BadParameter(f"{memory_max!r} is not a size such as 512M", param_hint="--memory-max")


def _warn(name: str, subcommand: str, options: "dict[str, Any]", needs: "ServiceNeeds", own_user: bool) -> None:
    from graft_device.service.board_needs import places
    from graft_device.service.checks import run_warnings, server_warnings
    from graft_device.service.service import missing_paths, run_settings
    from graft_device.system.machine import read_hardware

    sources: list[str] = []
    waited: set[str] = set()
    if subcommand == "serve":
        lines = server_warnings(name, options, needs)
    else:
        settings = run_settings(options)
        sources = places(settings)
        cameras = [one for one in settings.sources if not one.required]
        waited = {place for one in cameras for place in one.places if place.startswith("/dev/")}
        lines = run_warnings(name, settings, options["config"], own_user)
    for line in lines:
        console.say(f"warning: {printable(line)}")
    for path in missing_paths(needs, sources):
        then = "waits for it" if str(path) in waited else "fails and tries again until it does"
        console.say(f"note: {printable(path)} does not exist; the service {then}")
    if read_hardware().memory_limits is False:
        console.say(
            "note: this kernel does not enforce memory limits; on a Raspberry Pi, add cgroup_enable=memory to the line "
            "in /boot/firmware/cmdline.txt and restart"
        )
