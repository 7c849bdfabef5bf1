"""Checks a service's command line when its unit is written: errors that would stop it, and secrets in the unit."""

from __future__ import annotations

import grp
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graft_device.config.settings import BoardSettings
from graft_device.config.sinks import AppriseSettings, ExecSettings, GpioSettings, MqttSettings, WebhookSettings
from graft_device.mqtt.broker import PASSWORD_VARIABLE
from graft_device.service.board_needs import is_loopback, network_of, places, program_of
from graft_device.service.paths import is_hidden, reached
from graft_device.service.visible import ServiceError, ServiceNeeds
from graft_device.sources import SourceOptions, open_source
from graft_device.system.urls import credentials

_PASSWORD_KEYS = re.compile(r"(^|&)[^=&]*(pass|pwd)[^=&]*=.", re.IGNORECASE)


def check_sources(places: Sequence[str], options: SourceOptions) -> None:
    """Refuses the sources that ``run`` refuses, except a single missing path: a camera or disk may appear later.

    Raises:
        SourceError: ``open_source`` refuses the sources.
        ServiceError: one of several photos is missing.
    """
    if len(places) == 1 and Path(places[0]).is_absolute() and not Path(places[0]).exists():
        return
    open_source(places, options, lambda _: None)
    missing = [place for place in places if len(places) > 1 and not Path(place).exists()]
    if missing:
        raise ServiceError(f"--source {missing[0]} does not exist", "create it first, or leave it out")


def check_server(options: Mapping[str, Any]) -> None:
    """Refuses the options that ``serve`` refuses.

    Raises:
        ServeError: the token, its file, an origin or a host is not valid.
    """
    from graft_device.serve.settings import ServeError, ServeSettings, check

    token = options["token"]
    if options["token_file"] is not None:
        if token is not None:
            raise ServeError("there are two tokens", "give either --token-file or --token")
        token = _token(Path(options["token_file"]))
    origins, hosts = options["allow_origin"] or (), options["allow_host"] or ()
    check(ServeSettings(Path(options["model"]), token=token, origins=tuple(origins), hosts=tuple(hosts)))


def check_run(settings: BoardSettings, folder: Path) -> None:
    """Refuses the settings that ``run`` refuses when it opens what they name.

    Args:
        settings: of the run.
        folder: the service's working directory.

    Raises:
        SourceError: ``open_source`` refuses a source.
        ServiceError: one of several photos is missing.
    """
    kept = None if settings.uncertain is None else folder / settings.uncertain.folder
    captured = None if settings.capture is None else folder / settings.capture.folder
    for source in settings.sources:
        options = SourceOptions(
            source.size, source.interval, source.existing, source.once, kept, source.required, captured
        )
        check_sources(source.places, options)


def server_warnings(name: str, options: Mapping[str, Any], needs: ServiceNeeds) -> list[str]:
    """Warnings about ``serve`` for the person who installs the unit: a secret in it, or a missing token.

    Args:
        name: the service's name.
        options: the command's parsed options.
        needs: the access that the service needs.
    """
    lines = []
    if options["token"]:
        lines.append(f"{_readable('token')}; write GRAFT_TOKEN=… into {_defaults(name)} instead (chmod 600)")
    if needs.network == "all" and not (options["token"] or options["token_file"] or options["insecure"]):
        lines.append(_tokenless(name, options["host"], "the service starts", "give --insecure"))
    return lines


def run_warnings(name: str, settings: BoardSettings, config: Path | None, own_user: bool) -> list[str]:
    """Warnings about ``run`` for the person who installs the unit.

    Args:
        name: the service's name.
        settings: of the run.
        config: the file that they are from; None if they are from options, which are in the unit.
        own_user: whether systemd creates a user for the service.
    """
    lines = _passwords(name, settings) if config is None else list(_files(settings, config, own_user))
    http = settings.http
    if http is not None and not (is_loopback(http.host) or http.token_file or http.insecure):
        insecure = "give --insecure" if config is None else "set insecure = true in the file"
        lines.append(_tokenless(name, http.host, "the page starts", insecure))
    for sink in settings.sinks:
        if isinstance(sink, ExecSettings):
            lines.append(_program(sink, settings))
    if any(isinstance(sink, GpioSettings) for sink in settings.sinks) and not _has_group("gpio"):
        lines.append("this system has no group gpio, so the service cannot start; create it: sudo groupadd -r gpio")
    return lines


def _passwords(name: str, settings: BoardSettings) -> list[str]:
    lines = []
    brokers = [sink.url for sink in settings.sinks if isinstance(sink, MqttSettings)]
    if any(urlsplit(url).password for url in brokers):
        lines.append(
            f"{_readable('password of the broker')}; remove it from --mqtt and write {PASSWORD_VARIABLE}=… into "
            f"{_defaults(name)} (chmod 600)"
        )
    if any(map(_has_password, places(settings))):
        lines.append(
            f"{_readable('password of the camera')}; replace the URL there with ${{GRAFT_SOURCE}} and write "
            f"GRAFT_SOURCE=URL into {_defaults(name)} (chmod 600); 'ps' still shows it, so use a camera account that "
            "can only watch"
        )
    if any(_has_password(sink.url) for sink in settings.sinks if isinstance(sink, WebhookSettings)):
        lines.append(f"{_readable('password of the webhook')}; use --config with a file that others cannot read")
    return lines


def _files(settings: BoardSettings, config: Path, own_user: bool) -> Iterator[str]:
    """Warnings about files: who may read them, and whether a reload sees that they were replaced."""
    urls = [sink.url for sink in settings.sinks if isinstance(sink, (MqttSettings, WebhookSettings))]
    open_to_all = _others_read(config)
    if open_to_all and any(map(_has_password, (*places(settings), *urls))):
        yield f"everybody on the board can read the passwords in {config}; chmod 640 it, and give --user"
    secrets = [sink.secret_file for sink in settings.sinks if isinstance(sink, WebhookSettings)]
    secrets += [sink.url_file for sink in settings.sinks if isinstance(sink, AppriseSettings)]
    secrets += [] if settings.http is None else [settings.http.token_file]
    for path in (config, *filter(None, secrets)):
        if own_user and path.exists() and not _others_read(path):
            yield (
                f"the user that systemd creates for the service cannot read {path}; give --user with its owner, or "
                "chmod 644 it"
            )
    if is_hidden(reached(config)):
        yield (
            f"{config} is in a home, so the service reads it only when it starts; move it to /etc/graft to have "
            "changes read by 'systemctl reload'"
        )


def _others_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _program(sink: ExecSettings, settings: BoardSettings) -> str:
    program = program_of(sink)
    if program is None:
        return f"there is no program {sink.command[0]} where services look for programs; write its whole path"
    network = "" if network_of(settings) == "all" else ", has no network"
    return (
        f"{program} runs in the sandbox of the service: it sees no homes{network}, and writes only below /var/lib; "
        "add what else it needs with 'systemctl edit'"
    )


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _defaults(name: str) -> str:
    return f"/etc/default/{name}"


def _tokenless(name: str, host: str, what: str, insecure: str) -> str:
    return (
        f"{host} can be reached from the network, so {what} only with a token; write GRAFT_TOKEN=… into "
        f"{_defaults(name)} (chmod 600; 'openssl rand -hex 16' makes a token), or {insecure}"
    )


def _readable(secret: str) -> str:
    return f"everybody on the board can read the {secret} in the unit"


def _has_password(source: str) -> bool:
    if "://" not in source:
        return False
    parts = urlsplit(source)
    return bool((credentials(source) or ("", ""))[1]) or _PASSWORD_KEYS.search(parts.query) is not None


def _token(path: Path) -> str | None:
    """The token in the file; None if only the service's user may read it."""
    from graft_device.serve.settings import ServeError, read_token

    try:
        return read_token(path)
    except ServeError as error:
        if isinstance(error.__cause__, PermissionError):
            return None
        raise
