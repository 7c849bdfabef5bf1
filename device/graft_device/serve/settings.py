"""What the server is told to do, checked before anything is opened."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

from graft_device.errors import GraftError, os_reason

MIN_TOKEN = 16
"""Letters of a token at the least; a shorter one could be guessed."""

_TOKEN_FILE_BYTES = 4096
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
_NAME = re.compile(r"[a-z0-9._-]+")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+|\*")


class ServeError(GraftError):
    """The server cannot be started as it was asked to."""


@dataclass(frozen=True)
class Settings:
    """The options of ``graft-device serve``.

    Attributes:
        model: the ``.tflite``.
        host: address or name to listen on.
        port: 0 for a free one.
        token: what clients must show as ``Authorization: Bearer``; None for an open server.
        insecure: whether the server may be open to the network without a token.
        max_bytes: of a request's body.
        max_pixels: of a photo; of a JPEG, which is decoded at a fraction of its size, four times as many.
        timeout: seconds for the body to arrive, and again for the answer.
        queue: photos that may wait behind the one that is being classified.
        top_k: labels in an answer, unless the client asks for another number.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        threads: for one inference; all usable cores when None.
        origins: whose pages may ask too (CORS); ``*`` for any.
        hosts: names by which the server may be asked for besides those of this machine and the local network.
    """

    model: Path
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = field(default=None, repr=False)
    insecure: bool = False
    max_bytes: int = 16_000_000
    max_pixels: int = 16_000_000
    timeout: float = 30.0
    queue: int = 4
    top_k: int = 3
    runtime: str = "auto"
    threads: int | None = None
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listener:
    """A socket that is bound, the address that a browser opens, and whether only this machine can reach it."""

    socket: socket.socket
    url: str
    loopback: bool


def check(settings: Settings) -> None:
    """Refuses what the socket and the model cannot tell.

    Raises:
        ServeError: the token, an origin or a host is of no use.
    """
    if settings.token is not None:
        if len(settings.token) < MIN_TOKEN:
            raise ServeError(f"the token is too short: give {MIN_TOKEN} letters or more, as from: openssl rand -hex 16")
        if not _TOKEN.fullmatch(settings.token):
            raise ServeError("the token may hold letters, digits and ._~+/=- only, as from: openssl rand -hex 16")
    for origin in settings.origins:
        if not _ORIGIN.fullmatch(origin):
            raise ServeError(f"{origin!r} is not an origin: give https://name or http://name:port, without a path")
    for host in settings.hosts:
        if not _NAME.fullmatch(host):
            raise ServeError(f"{host!r} is no host: give a name such as board.example.org, in small letters, no port")


def read_token(path: Path) -> str:
    """The token that a file holds, white space around it left out.

    Raises:
        ServeError: the file cannot be read, or holds something else.
    """
    try:
        with path.open("rb") as file:
            return file.read(_TOKEN_FILE_BYTES).decode("ascii").strip()
    except OSError as error:
        raise ServeError(f"cannot read token file {path}: {os_reason(error)}") from error
    except UnicodeDecodeError as error:
        raise ServeError(f"{path} holds no token: make one with: openssl rand -hex 16 > {path}") from error


def listen(settings: Settings) -> Listener:
    """Binds the address.

    Raises:
        ServeError: it is in use, not this machine's, or open to the network without a token.
    """
    family, address = _resolve(settings.host, settings.port)
    loopback = ipaddress.ip_address(address[0].partition("%")[0]).is_loopback
    if not loopback and settings.token is None and not settings.insecure:
        raise ServeError(
            f"{settings.host} can be reached from the network: give --token (or $GRAFT_TOKEN or --token-file; 'openssl "
            "rand -hex 16' makes one), or --insecure to let everybody in"
        )
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(256)
    except OSError as error:
        bound.close()
        raise ServeError(_bind_reason(error, settings)) from error
    name = f"[{address[0]}]" if family == socket.AF_INET6 else address[0]
    return Listener(bound, f"http://{name}:{bound.getsockname()[1]}", loopback)


def _resolve(host: str, port: int) -> tuple[int, tuple[str, int]]:
    """The address family and address of a name; IPv4 first, since that is what people type."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ServeError(f"--host {host}: no such address on this machine; give an IP address or localhost") from error
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


def _bind_reason(error: OSError, settings: Settings) -> str:
    import errno

    where = f"port {settings.port} on {settings.host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use: end the other program, or choose another --port (0 takes a free one)"
    if error.errno == errno.EACCES:
        return f"{where} is for root only: choose a --port of 1024 or more"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {settings.host} is not an address of this machine"
    return f"cannot listen on {where}: {(error.strerror or str(error)).lower()}"
