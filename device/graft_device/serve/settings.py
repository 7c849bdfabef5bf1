"""The server's settings, checked before anything is opened."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from graft_device.errors import GraftError, os_reason
from graft_device.system.plain import open_plain

MIN_TOKEN = 16
"""The smallest number of characters in a token; a shorter one could be guessed."""

_TOKEN_FILE_BYTES = 4096
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
_NAME = re.compile(r"[a-z0-9._-]+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._\-\[\]:]+")


class ServeError(GraftError):
    """The server cannot be started with these options."""


class Access(Protocol):
    """Where a server listens, and who may use it; see ``ServeSettings``."""

    @property
    def host(self) -> str:
        """The address or host name to listen on."""

    @property
    def port(self) -> int:
        """The port to listen on; 0 for a free one."""

    @property
    def token(self) -> str | None:
        """The token that clients must send; None to require none."""

    @property
    def insecure(self) -> bool:
        """Whether the network may use the server without a token."""

    @property
    def origins(self) -> tuple[str, ...]:
        """The other sites whose pages may use the API."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names to accept in addition to those of this machine and the local network."""


@dataclass(frozen=True)
class Wording:
    """How a command calls the options that errors name.

    Attributes:
        host: the option with the address.
        port: the option with the port, as in "choose another --port".
        open_up: how to let the network in.
    """

    host: str = "--host"
    port: str = "--port"
    open_up: str = (
        "give --token (or $GRAFT_TOKEN or --token-file; 'openssl rand -hex 16' makes a token), or --insecure to let "
        "everybody in"
    )


SERVE = Wording()


@dataclass(frozen=True)
class ServeSettings:
    """The options of ``graft-device serve``.

    Attributes:
        model: the ``.tflite`` file.
        host: the address or host name to listen on.
        port: the port to listen on; 0 for a free one.
        token: the token that clients must send as ``Authorization: Bearer``; None to require none.
        insecure: whether the network may use the server without a token.
        max_bytes: the largest body of a request, in bytes.
        max_pixels: the largest number of pixels of a photo. A JPEG, which is decoded at a fraction of its size, may
            have four times as many.
        timeout: how long the body may take to arrive, and again how long the answer may take, in seconds.
        queue: the number of photos that may wait behind the one that is being classified.
        top_k: the number of labels in an answer, unless the client sets another.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        threads: the number of threads for one inference; all usable cores when None.
        origins: the other sites whose pages may use the API (CORS); ``*`` for any site.
        hosts: host names to accept in addition to those of this machine and the local network.
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
    """A listening socket.

    Attributes:
        socket: the bound socket.
        url: the address to open in a browser.
        loopback: whether only this machine can reach the socket.
    """

    socket: socket.socket
    url: str
    loopback: bool


def check(settings: Access) -> None:
    """Checks the settings that neither the socket nor the model checks.

    Raises:
        ServeError: the token, an origin or a host is not valid.
    """
    if settings.token is not None:
        if len(settings.token) < MIN_TOKEN:
            raise ServeError(
                f"the token is too short, with fewer than {MIN_TOKEN} characters",
                "make one with: openssl rand -hex 16",
            )
        if not _TOKEN.fullmatch(settings.token):
            raise ServeError(
                "the token may contain only letters, digits and ._~+/=-", "make one with: openssl rand -hex 16"
            )
    for origin in settings.origins:
        if origin != "*" and not is_origin(origin):
            raise ServeError(f"{origin!r} is not an origin", "give https://name or http://name:port, without a path")
    for host in settings.hosts:
        if not _NAME.fullmatch(host):
            raise ServeError(
                f"{host!r} is not a host name", "give one such as board.example.org, in lower case and without a port"
            )


def is_origin(text: str) -> bool:
    """Whether a text is the origin of a page, such as ``https://name:8443`` or ``app://name``; ``null`` is none."""
    return _ORIGIN.fullmatch(text) is not None


def read_token(path: Path) -> str:
    """Reads a token from a file; white space around it is ignored.

    Raises:
        ServeError: the file cannot be read, or contains something else.
    """
    remedy = f"make one with: openssl rand -hex 16 > {path}"
    try:
        with open_plain(path) as file:
            token = file.read(_TOKEN_FILE_BYTES).decode("ascii").strip()
    except OSError as error:
        raise ServeError(f"cannot read token file {path}: {os_reason(error)}") from error
    except UnicodeDecodeError as error:
        raise ServeError(f"{path} does not contain a token", remedy) from error
    if not token:
        raise ServeError(f"{path} is empty, so it does not contain a token", remedy)
    return token


def exposure(listener: Listener, token: str | None) -> list[str]:
    """What a person should know of a server that the network can reach: lines for the terminal."""
    if listener.loopback:
        return []
    lines = ["note: the connection is not encrypted; use it in a network that you trust, or behind a proxy with TLS"]
    if token is None:
        lines.insert(0, "warning: --insecure: everybody in the network can use this server without a token")
    return lines


def listen(settings: Access, wording: Wording = SERVE) -> Listener:
    """Binds the address and listens on it.

    Args:
        settings: the address.
        wording: how errors call the options.

    Raises:
        ServeError: the address is in use, is not this machine's, or is open to the network without a token.
    """
    family, address = _resolve(settings, wording)
    loopback = ipaddress.ip_address(address[0].partition("%")[0]).is_loopback
    if not loopback and settings.token is None and not settings.insecure:
        raise ServeError(f"{settings.host} can be reached from the network", wording.open_up)
    # asyncio sets TCP_NODELAY only where a socket says that it is TCP; without it, each answer waits 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(256)
    except OSError as error:
        bound.close()
        raise _bind_error(error, settings, wording) from error
    name = f"[{address[0]}]" if family == socket.AF_INET6 else address[0]
    return Listener(bound, f"http://{name}:{bound.getsockname()[1]}", loopback)


def _resolve(settings: Access, wording: Wording) -> tuple[int, tuple[str, int]]:
    """The address family and address for a host name; IPv4 is preferred, since that is what people type."""
    try:
        addresses = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ServeError(
            f"{wording.host} {settings.host}: no such address on this machine", "give an IP address or localhost"
        ) from error
    addresses.sort(key=lambda entry: entry[0] != socket.AF_INET)
    family, _, _, _, address = addresses[0]
    return family, (str(address[0]), int(address[1]))


def _bind_error(error: OSError, settings: Access, wording: Wording) -> ServeError:
    import errno

    port = f"port {settings.port} on {settings.host}"
    if error.errno == errno.EADDRINUSE:
        remedy = f"end the other program, or choose another {wording.port} (0 takes a free one)"
        return ServeError(f"{port} is in use", remedy)
    if error.errno == errno.EACCES:
        return ServeError(f"only root may use {port}", f"choose a {wording.port} of 1024 or more")
    if error.errno == errno.EADDRNOTAVAIL:
        what = f"{wording.host} {settings.host} is not an address of this machine"
        return ServeError(what, "give one of its addresses")
    return ServeError(f"cannot listen on {port}: {os_reason(error)}")
