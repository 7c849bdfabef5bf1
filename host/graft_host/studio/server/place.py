"""Where the studio listens: on the loopback, or for a network, whose connections are encrypted."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import os_reason
from graft_device.serve.settings import Listener, ServeError, Wording, listen

LOOPBACK = "127.0.0.1"
_WORDING = Wording(
    open_up="give --cert and --key, so that the connection is encrypted: 'openssl req -x509 -newkey rsa:2048 -nodes "
    "-days 365 -subj /CN=studio -keyout key.pem -out cert.pem' makes both"
)
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  recognised, not bound


@dataclass(frozen=True)
class Encryption:
    """A certificate with its key.

    Attributes:
        certificate: a PEM file with the certificate, and those between it and its authority.
        key: a PEM file with the private key, without a password.
    """

    certificate: Path
    key: Path

    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, as browsers show it; raises ServeError if the files cannot be used."""
        for path in (self.certificate, self.key):
            try:
                path.open("rb").close()
            except OSError as error:
                raise ServeError(f"cannot read {path}: {os_reason(error)}") from error
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate, self.key, password="")
            first = self.certificate.read_text("ascii").partition("-----END CERTIFICATE-----")
            encoded = ssl.PEM_cert_to_DER_cert(f"{first[0][first[0].index('-----BEGIN CERTIFICATE') :]}{first[1]}\n")
        except (ssl.SSLError, ValueError) as error:
            raise ServeError(
                f"{self.certificate} and {self.key} are not a certificate and its key, both as PEM without a password",
                _WORDING.open_up.partition(": ")[2],
            ) from error
        digest = hashlib.sha256(encoded).hexdigest().upper()
        return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to listen, as the command line gives it.

    Attributes:
        port: the port; 0 for a free one, None for the one that the project had last time, or else a free one.
        host: the address.
        encryption: what encrypts the connections; None for none, which the loopback alone may have.
    """

    port: int | None = None
    host: str = LOOPBACK
    encryption: Encryption | None = None


@dataclass(frozen=True)
class _Access:
    """A place as ``listen`` takes it."""

    host: str
    port: int
    insecure: bool
    token: str | None = None
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def open_listener(place: Place, last: int | None) -> Listener:
    """Listens at a place.

    Args:
        place: where to listen.
        last: the port that the project had last time; None if that is not known.

    Raises:
        ServeError: it cannot listen there, or the network could read what is sent.
    """
    if place.port is None and last is not None:
        with contextlib.suppress(ServeError):
            return _listen(place, last)
    return _listen(place, place.port or 0)


def address_of(listener: Listener, place: Place) -> str:
    """The address of a listener for people, with ``http`` or ``https``, and without a slash at its end."""
    family, port = listener.socket.family, listener.socket.getsockname()[1]
    name = listener.socket.getsockname()[0]
    if name in _EVERYWHERE:
        name = _outward(family) or socket.gethostname()
    scheme = "http" if place.encryption is None else "https"
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}"


def _listen(place: Place, port: int) -> Listener:
    return listen(_Access(place.host, port, insecure=place.encryption is not None), _WORDING)


def _outward(family: socket.AddressFamily) -> str | None:
    """This machine's address in its network; nothing is sent."""
    documentation = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"  # RFC 3849 and RFC 5737
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((documentation, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None
