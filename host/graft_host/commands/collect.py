"""``graft collect``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graft_host.commands.deploy import LimitOption, SshConfigOption, fleet_output
from graft_host.commands.options import JsonOption

if TYPE_CHECKING:
    from graft_host.collecting.options import Board
    from graft_host.collecting.result import Collected

BoardsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[BOARD]...", help="[user@]host as in ssh, or ssh://user@host:port."),
]


def collect(
    boards: BoardsArgument = None,
    inbox: Annotated[
        Path, typer.Option("-o", "--output", metavar="INBOX", help="Folder that the photos come into.")
    ] = Path("inbox"),
    folder: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="Folder on the boards, absolute or below the login's home; repeatable.  [default: those of "
            "graftkit's services and running programs]",
        ),
    ] = None,
    move: Annotated[
        bool, typer.Option("--move", help="Remove each photo from its board once it is in the inbox.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would come, and stop.")] = False,
    max_mb: Annotated[float, typer.Option(min=0.001, help="Most to bring in one run, in MB.")] = 4000.0,
    inventory: Annotated[
        Path | None, typer.Option("--inventory", help="Ansible inventory: collect from all of its boards.")
    ] = None,
    limit: LimitOption = None,
    ssh_config: SshConfigOption = None,
    ssh_option: Annotated[
        list[str] | None, typer.Option("--ssh-option", metavar="NAME=VALUE", help="Option for ssh; repeatable.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the photos that boards captured or kept into a folder.

    Those are photos captured for a class, those that a person corrected, and those that a model was uncertain about.
    Each comes once, also after it was sorted, and nothing is removed from a board without --move. An interrupted run
    is continued by the next one.

    Exit status: 10 the board can't be reached; 1 any other error, or some of several boards failed.
    """
    from graft_host.collecting.collect import collect as run
    from graft_host.collecting.options import CollectOptions
    from graft_host.commands.terminal.console import TerminalReporter

    options = CollectOptions(inbox=inbox, folders=tuple(folder or ()), move=move, dry_run=dry_run, max_mb=max_mb)
    found = _boards(boards or [], inventory, limit, ssh_config, tuple(ssh_option or ()))
    result = run(found, options, TerminalReporter())
    if as_json:
        typer.echo(json.dumps(result.to_json()))
    else:
        from graft_host.commands.terminal.collected_text import collected_lines

        for line in collected_lines(result):
            typer.echo(line)
    _check(result, inventory is not None)


def _boards(
    names: list[str], inventory: Path | None, limit: str | None, config: Path | None, options: tuple[str, ...]
) -> list[Board]:
    from graft_host.collecting.inventory import boards_of
    from graft_host.collecting.options import board_at
    from graft_host.deploy.fleets.fleet import Boards
    from graft_host.deploy.ssh import SshOptions
    from graft_host.deploy.target import parse_target

    ssh = SshOptions(config, options)
    if inventory is not None:
        if names:
            raise typer.BadParameter(f"give either boards ({' '.join(names)}) or --inventory", param_hint="BOARD")
        return boards_of(Boards(inventory=inventory, limit=limit, ssh=ssh), fleet_output(verbose=False, as_json=True))
    if not names or limit:
        raise typer.BadParameter("name a board, or give --inventory FILE", param_hint="BOARD")
    return [board_at(parse_target(name), ssh) for name in names]


def _check(result: Collected, fleet: bool) -> None:
    """Raises an error if a board failed: that of a single board, or how many of several did."""
    from graft_host.deploy.errors import DeployError

    failed = [board for board in result.boards if board.failed]
    if not failed:
        return
    if len(result.boards) == 1 and not fleet:
        [board] = failed
        status = board.error_status if board.error else 1
        raise DeployError(board.error or "; ".join(board.problems), board=board.board, exit_status=status)
    names = ", ".join(board.board for board in failed)
    raise DeployError(f"{len(failed)} of {len(result.boards)} boards failed ({names})", "see above for the reasons")
