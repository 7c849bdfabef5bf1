"""``graft-device serve``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import importlib.util
from pathlib import Path
from typing import Annotated, Optional

import typer

from graft_device import __version__, console
from graft_device.commands.options import ModelArgument, RuntimeChoice, RuntimeOption, ThreadsOption, finite
from graft_device.text import printable

_PACKAGES = ("starlette", "uvicorn", "python_multipart")


def serve(
    model: ModelArgument,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    token: Annotated[
        Optional[str],
        typer.Option(envvar="GRAFT_TOKEN", show_envvar=True, show_default=False, help="What clients must show."),
    ] = None,
    token_file: Annotated[
        Optional[Path],
        typer.Option(
            metavar="FILE",
            show_default=False,
            readable=False,
            help="File that holds the token, so that 'ps' shows none.",
        ),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let everybody in the network in, without a token.")
    ] = False,
    max_mb: Annotated[float, typer.Option(callback=finite, min=0.001, max=1000, help="Largest photo file.")] = 16,
    max_megapixels: Annotated[
        float,
        typer.Option(
            callback=finite, min=0.001, max=89, help="Largest picture to decode; of a JPEG, four times as much."
        ),
    ] = 16,
    timeout: Annotated[
        float,
        typer.Option(callback=finite, min=0.1, max=3600, help="Seconds for a photo to arrive, and for its answer."),
    ] = 30,
    queue: Annotated[int, typer.Option(min=0, max=1000, help="Photos that may wait; more are told to come back.")] = 4,
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Labels in an answer.")] = 3,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = RuntimeChoice.AUTO,
    allow_origin: Annotated[
        Optional[list[str]],
        typer.Option(metavar="ORIGIN", help="Another site whose pages may ask, as https://name; repeatable."),
    ] = None,
    allow_host: Annotated[
        Optional[list[str]],
        typer.Option(metavar="NAME", help="Another name that this server has, as behind a proxy; repeatable."),
    ] = None,
) -> None:
    """Answer over HTTP: an API, a page with camera and photo drop, and figures for Prometheus.

    SIGTERM and Ctrl-C end it after the requests that run; SIGHUP opens the model file anew. No photo is stored.
    """
    _check_packages()
    from graft_device.serve.server import run
    from graft_device.serve.settings import ServeError, ServeSettings, read_token

    if token_file is not None:
        if token is not None:
            raise ServeError("two tokens: give --token-file, or --token ($GRAFT_TOKEN), not both")
        token = read_token(token_file)

    settings = ServeSettings(
        model=model,
        host=host,
        port=port,
        token=token,
        insecure=insecure,
        max_bytes=round(max_mb * 1e6),
        max_pixels=round(max_megapixels * 1e6),
        timeout=timeout,
        queue=queue,
        top_k=top_k,
        runtime=runtime.value,
        threads=threads,
        origins=tuple(allow_origin or ()),
        hosts=tuple(allow_host or ()),
    )
    run(settings, lambda text: console.mention(printable(text)))


def _check_packages() -> None:
    from graft_device.errors import RuntimeMissingError

    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeMissingError(
            f"the server's packages are not installed (no {', '.join(missing)}); install them with: "
            f'python3 -m pip install "./graftkit-{__version__}-py3-none-any.whl[serve]"'
        )
