"""``graft studio``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

_LAST_PORT = 65535


def studio(
    folder: Annotated[
        Path, typer.Argument(help="The folder of the project, with photos, models, inbox and studio.toml.")
    ] = Path(),
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=_LAST_PORT,
            show_default="that of last time, or a free one",
            help="Port of the page; 0 takes a free one.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 lets phones in, with --cert."),
    ] = "127.0.0.1",
    cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate (PEM) that encrypts the connections, with --key.")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Private key (PEM) of the certificate.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address of the page.")] = False,
) -> None:
    """Do the whole job in the browser: photos, training, boards.

    The page is open until you press Ctrl-C. It makes the same files as the commands, and shows the command that would
    do the same.
    """
    from graft_device import __version__, console
    from graft_device.errors import GraftError

    if importlib.util.find_spec("nicegui") is None:
        raise GraftError(
            "the studio's packages are not installed (no nicegui)",
            f'install them with: python3 -m pip install "./graftkit-{__version__}-py3-none-any.whl[studio]"',
        )
    from graft_host.commands.terminal.opening import open_in_browser
    from graft_host.studio.album.album import Album
    from graft_host.studio.board_list.boards import BoardList
    from graft_host.studio.jobs.queue import Jobs
    from graft_host.studio.project.folder import open_project
    from graft_host.studio.remedies.ignored import Ignored
    from graft_host.studio.server.place import Encryption, Place
    from graft_host.studio.server.run import serve
    from graft_host.studio.studio import Studio
    from graft_host.studio.trials.trials import Trials
    from graft_host.support.cache import default_cache

    if (cert is None) != (key is None):
        raise typer.BadParameter("they belong together", param_hint="'--cert' and '--key'")
    encryption = None if cert is None or key is None else Encryption(cert, key)
    place = Place(port=port, host=host, encryption=encryption)
    project = open_project(folder)
    with (
        Jobs(project, None, note=console.mention) as jobs,
        Album(project, None) as album,
        Trials(project, None) as trials,
    ):
        parts = Studio(
            project=project, album=album, jobs=jobs, boards=BoardList(project), ignored=Ignored(project),
            trials=trials, cache=None,
        )  # fmt: skip
        serve(parts, place, default_cache(), console.mention, None if no_browser else open_in_browser)
