"""Where the studio listens: alone on the loopback, or encrypted in a network."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import subprocess
import urllib.request
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from graft_device.serve.settings import ServeError
from graft_host.studio.server.listening import StudioProtocol
from graft_host.studio.server.place import Encryption, Place, address_of, open_listener
from tests.support.running import PATIENCE_S
from tests.support.studio import studio

EVERYWHERE = "0.0.0.0"  # noqa: S104


def _certificate(folder: Path) -> Encryption:
    made = Encryption(folder / "cert.pem", folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=studio"]
    subprocess.run(
        [*command, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", made.key, "-out", made.certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


def test_a_network_is_not_let_in_without_encryption() -> None:
    with pytest.raises(ServeError, match="can be reached from the network") as refused:
        open_listener(Place(host=EVERYWHERE), None)
    assert "--cert and --key" in refused.value.remedy


def test_the_port_of_last_time_is_taken_unless_another_program_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with open_listener(Place(), taken).socket as elsewhere:
            assert elsewhere.getsockname()[1] != taken
        with pytest.raises(ServeError, match="is in use"):
            open_listener(Place(port=taken), None)
    listener = open_listener(Place(), taken)
    with listener.socket:
        assert address_of(listener, Place()) == f"http://127.0.0.1:{taken}"


@pytest.mark.service
def test_phones_reach_it_encrypted_and_see_the_fingerprint_that_it_prints(tmp_path: Path) -> None:
    made = _certificate(tmp_path)
    options = ("--host", EVERYWHERE, "--cert", str(made.certificate), "--key", str(made.key))
    with studio(tmp_path / "pets", *options, environment={"GRAFT_CACHE": str(tmp_path / "cache")}) as running:
        address = running.address()
        port = int(re.search(r"https://[^/]+:(\d+)/enter", address)[1])  # type: ignore[index]
        context = ssl.create_default_context(cafile=str(made.certificate))
        shown = subprocess.run(
            ["openssl", "x509", "-in", made.certificate, "-noout", "-fingerprint", "-sha256"],
            check=True, capture_output=True, text=True,
        ).stdout.partition("=")[2].strip()  # fmt: skip
        assert running.said[0].endswith(f"of the certificate: {shown}")
        request = urllib.request.Request(
            f"https://127.0.0.1:{port}/session", json.dumps({"code": address.partition("#")[2]}).encode(),
            {"Content-Type": "application/json", "Host": "studio.lan"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=PATIENCE_S, context=context) as answer:  # noqa: S310
            cookie = answer.headers["Set-Cookie"]
        assert re.fullmatch(rf"__Host-graft-studio-{port}=\S+; HttpOnly; Path=/; SameSite=strict; Secure", cookie)
        assert running.end() == 0


def test_files_that_are_no_certificate_are_refused(tmp_path: Path) -> None:
    made = _certificate(tmp_path)
    (tmp_path / "text.pem").write_text("nothing")
    for wrong in (
        Encryption(tmp_path / "missing.pem", made.key),
        Encryption(made.key, made.key),
        Encryption(tmp_path / "text.pem", made.key),
        Encryption(made.certificate, tmp_path / "text.pem"),
    ):
        with pytest.raises(ServeError):
            wrong.fingerprint()


def test_a_quiet_websocket_is_not_closed_as_a_slow_request_is() -> None:
    async def upgraded() -> bool:
        async def app(scope: object, receive: object, send: object) -> None:
            await asyncio.sleep(PATIENCE_S)

        config = uvicorn.Config(app, ws="websockets-sansio", log_config=None)
        config.load()
        loop = asyncio.get_running_loop()
        state = ServerState()
        near, far = socket.socketpair()
        with near, far:
            transport, protocol = await loop.connect_accepted_socket(lambda: StudioProtocol(config, state, {}), near)
            assert protocol._late is not None
            head = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            protocol.data_received(
                f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
            assert transport.get_protocol() is not protocol
            for running in state.tasks:
                running.cancel()
            ended = protocol._late.cancelled()
            transport.abort()
        return ended

    assert asyncio.run(upgraded())
