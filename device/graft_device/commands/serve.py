"""``graft-device serve``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

from pathlib import Path
from typing import Annotated, Optional

import typer

from graft_device import console
from graft_device.commands.options import ModelArgument, RuntimeChoice, RuntimeOption, ThreadsOption, finite
from graft_device.text import printable


def serve(
    model: ModelArgument,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    token: Annotated[
        Optional[str],
        typer.Option(envvar="GRAFT_TOKEN", show_envvar=True, show_default=False, help="Token that clients must send."),
    ] = None,
    token_file: Annotated[
        Optional[Path],
        typer.Option(
            metavar="FILE",
            show_default=False,
            readable=False,
            help="File that contains the token, so that 'ps' does not show it.",
        ),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let everybody in the network use the server without a token.")
    ] = False,
    max_mb: Annotated[float, typer.Option(callback=finite, min=0.001, max=1000, help="Largest photo file.")] = 16,
    max_megapixels: Annotated[
        float,
        typer.Option(
            callback=finite, min=0.001, max=89, help="Largest image to decode; a JPEG may be four times as large."
        ),
    ] = 16,
    timeout: Annotated[
        float,
        typer.Option(
            callback=finite, min=0.1, max=3600, help="Seconds for a photo to arrive, and again for its answer."
        ),
    ] = 30,
    queue: Annotated[int, typer.Option(min=0, max=1000, help="Photos that may wait; the server refuses more.")] = 4,
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Labels in an answer.")] = 3,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = RuntimeChoice.AUTO,
    allow_origin: Annotated[
        Optional[list[str]],
        typer.Option(metavar="ORIGIN", help="Another site whose pages may use the API, as https://name; repeatable."),
    ] = None,
    allow_host: Annotated[
        Optional[list[str]],
        typer.Option(metavar="NAME", help="Another host name of this server, as behind a proxy; repeatable."),
    ] = None,
) -> None:
    """Serve a model over HTTP: an API, a web page and metrics.

    The page classifies photos that are dropped on it and the browser's camera frames; the metrics are for Prometheus.
    SIGTERM and Ctrl-C end the server after the running requests; SIGHUP reopens the model file. No photo is stored.
    """
    from graft_device.serve.packages import SERVE, check_packages

    check_packages(SERVE)
    from graft_device.serve.server import run
    from graft_device.serve.settings import ServeError, ServeSettings, read_token

    if token_file is not None:
        if token is not None:
            raise ServeError("there are two tokens", "give either --token-file or --token ($GRAFT_TOKEN)")
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
