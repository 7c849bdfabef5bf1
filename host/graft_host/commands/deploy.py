"""``graft deploy``."""

from __future__ import annotations

import json
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graft_host.commands.options import JsonOption, ModelArgument

if TYPE_CHECKING:
    from graft_host.deploy.fleets.fleet import Fleet, Output
    from graft_host.deploy.fleets.settings import FleetSettings


class Runtime(str, Enum):
    """The values of ``--runtime``."""

    AUTO = "auto"
    LITERT = "litert"
    TFLITE_RUNTIME = "tflite-runtime"


class Extra(str, Enum):
    """The values of ``--extra``."""

    APPRISE = "apprise"
    CAMERA = "camera"
    CONFIG = "config"
    GPIO = "gpio"
    HEIF = "heif"
    MQTT = "mqtt"
    SERVE = "serve"


BoardArgument = Annotated[
    str | None,
    typer.Argument(metavar="[BOARD]", help="[user@]host as in ssh, or ssh://user@host:port."),
]
InventoryOption = Annotated[
    Path | None, typer.Option("--inventory", help="Ansible inventory: deploy to all of its boards, in batches.")
]
LimitOption = Annotated[
    str | None, typer.Option(metavar="PATTERN", help="With --inventory: only these boards or groups.")
]
SerialOption = Annotated[
    str | None,
    typer.Option(metavar="SIZES", help="With --inventory: sizes of the batches.  [default: 1,25%,100%]"),
]
MaxFailOption = Annotated[
    int | None,
    typer.Option(
        "--max-fail-percentage",
        min=0,
        max=100,
        help="With --inventory: stop after a batch in which a larger percentage fails.  [default: 0]",
    ),
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", help="With --inventory: show Ansible's output, not one line for each board.")
]
SshConfigOption = Annotated[
    Path | None, typer.Option("-F", "--ssh-config", help="ssh configuration file to use instead of yours.")
]
SshOption = Annotated[
    list[str] | None, typer.Option("-o", "--ssh-option", metavar="NAME=VALUE", help="Option for ssh; repeatable.")
]


def deploy(
    model: ModelArgument,
    board: BoardArgument = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the board, print what would be done, and stop.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Download wheels here and send them, for a board without a network.")
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(
            help="Folder on the board.  [default: $GRAFT_STORE, /var/lib/graftkit or ~/.local/share/graftkit]"
        ),
    ] = None,
    service: Annotated[
        str | None, typer.Option(help="systemd unit to restart.  [default: the one that runs the store's model]")
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="Models to keep; the current and the previous one are always kept.  [default: 3]"),
    ] = None,
    runtime: Annotated[Runtime | None, typer.Option(help="Interpreter to install.  [default: auto]")] = None,
    extra: Annotated[
        list[Extra] | None, typer.Option(help="Extra of graftkit to install; repeatable.  [default: mqtt, serve]")
    ] = None,
    settle: Annotated[
        int | None,
        typer.Option(min=0, max=600, help="Seconds that the restarted service must keep running.  [default: 5]"),
    ] = None,
    allow_downgrade: Annotated[
        bool, typer.Option("--allow-downgrade", help="Allow a signed model that is older than one installed before.")
    ] = False,
    allowed_signers: Annotated[
        Path | None,
        typer.Option(
            "--allowed-signers",
            metavar="FILE",
            help="List of allowed signers to put on the board, which then refuses models of others.",
        ),
    ] = None,
    ssh_config: SshConfigOption = None,
    ssh_option: SshOption = None,
    cache: Annotated[
        Path | None, typer.Option(help="Where wheels are kept.  [default: $GRAFT_CACHE or ~/.cache/graftkit]")
    ] = None,
    inventory: InventoryOption = None,
    limit: LimitOption = None,
    serial: SerialOption = None,
    max_fail_percentage: MaxFailOption = None,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Install a model, and graftkit to run it, on a board over ssh.

    At the end the service of the model must be healthy.

    If a step fails, the board goes back to what it ran before. Exit status: 3 to 9 as for 'graft-device install',
    10 the board can't be reached, 11 graftkit can't run there, 12 the service was not healthy and the old model is
    back, 1 any other error; with --inventory: 13 not every board has the model.
    """
    from graft_device import console
    from graft_host.deploy.deploy import deploy as run
    from graft_host.deploy.fleets.fleet import Boards, Fleet
    from graft_host.deploy.fleets.settings import FleetSettings
    from graft_host.deploy.options import DeployOptions
    from graft_host.deploy.outcome import outcome_lines
    from graft_host.deploy.ssh import SshOptions
    from graft_host.deploy.target import parse_target
    from graft_host.support.cache import default_cache

    settings = FleetSettings(
        store=store,
        keep=keep,
        service=service,
        extras=None if extra is None else tuple(sorted({name.value for name in extra})),
        runtime=None if runtime is None else runtime.value,
        allow_downgrade=allow_downgrade or None,
        settle=settle,
        allowed_signers=allowed_signers,
    )
    ssh = SshOptions(ssh_config, tuple(ssh_option or ()))
    if inventory is not None:
        _check_fleet(board, offline)
        fleet = Fleet(
            boards=Boards(inventory=inventory, limit=limit, ssh=ssh),
            serial=_sizes(serial),
            max_fail_percentage=max_fail_percentage,
            dry_run=dry_run,
        )
        _deploy_fleet(model, fleet, settings, fleet_output(verbose, as_json))
        return
    if board is None or limit or serial or max_fail_percentage is not None or verbose:
        raise typer.BadParameter("name a board, or give --inventory FILE", param_hint="BOARD")
    wheels = (cache or default_cache()) / "wheels" if offline else None
    options = DeployOptions(ssh=ssh, offline=wheels, dry_run=dry_run, **settings.given())
    outcome = run(model, parse_target(board), options, console.say)
    if as_json:
        typer.echo(json.dumps(outcome.to_json()))
        return
    for line in outcome_lines(outcome):
        typer.echo(line)


def _check_fleet(board: str | None, offline: bool) -> None:
    if board is not None:
        raise typer.BadParameter(f"give either a board ({board}) or --inventory", param_hint="BOARD")
    if offline:
        raise typer.BadParameter(
            "works for a single board only: set graftkit_wheels to a folder of wheels in the inventory",
            param_hint="--offline",
        )


def _sizes(serial: str | None) -> tuple[str, ...]:
    sizes = tuple(part.strip() for part in serial.split(",")) if serial else ()
    if not all(re.fullmatch(r"[1-9]\d*%?", size) for size in sizes):
        raise typer.BadParameter(f"{serial!r} is not a list of batch sizes such as 1,25%,100%", param_hint="--serial")
    return sizes


def _deploy_fleet(model: Path, fleet: Fleet, settings: FleetSettings, output: Output) -> None:
    from graft_host.deploy.fleets.fleet import deploy_fleet

    summary = deploy_fleet(model, fleet, settings, output)
    if output.quiet:
        typer.echo(json.dumps(summary.content))
    elif not output.verbose:
        for line in summary.lines():
            typer.echo(line)
    summary.check()


def fleet_output(verbose: bool, as_json: bool) -> Output:
    """Where the output of Ansible goes: with ``--json``, only the summary goes to standard output."""
    from graft_device import console
    from graft_host.deploy.fleets.fleet import Output

    tell = console.say if as_json else typer.echo
    return Output(tell=tell, note=console.say, verbose=verbose, quiet=as_json)
