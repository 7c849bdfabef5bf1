"""``graft fleet``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from graft_device import console
from graft_device.usage import HELP_NAMES, GroupedCommand
from graft_host.commands.deploy import SshConfigOption, SshOption, fleet_output
from graft_host.commands.options import JsonOption


class _Group(console.EdgeGroup):
    """The commands of ``graft fleet``."""

    program = "graft fleet"


app = typer.Typer(
    cls=_Group, context_settings=HELP_NAMES, help="Report how the boards of a fleet are.", no_args_is_help=True
)


@app.command(cls=GroupedCommand, epilog="Example:  graft fleet status --inventory fleet.yml")
def status(
    inventory: Annotated[Path, typer.Option("--inventory", help="Ansible inventory of the boards.")],
    limit: Annotated[str | None, typer.Option(metavar="PATTERN", help="Only these boards or groups.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Folder on the boards.  [default: as in the inventory, or as for 'graft deploy']")
    ] = None,
    ssh_config: SshConfigOption = None,
    ssh_option: SshOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show Ansible's output, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Report what boards run and whether they are healthy.

    Changes nothing on them.

    A board is healthy if it is reachable, its graftkit starts, it has a model, and every service of it is active with
    the current model and answers. Exit status: 1 if a board is not healthy.
    """
    from graft_host.deploy.fleets.fleet import Boards, look_at_fleet
    from graft_host.deploy.ssh import SshOptions

    boards = Boards(inventory=inventory, limit=limit, ssh=SshOptions(ssh_config, tuple(ssh_option or ())))
    result = look_at_fleet(boards, store, fleet_output(verbose, as_json))
    if as_json:
        typer.echo(json.dumps({"boards": result.boards}))
    else:
        for line in result.lines():
            typer.echo(line)
    result.check()
