"""Checks a service's command line when its unit is written: errors that would stop it, and secrets in the unit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graft_device.mqtt.broker import PASSWORD_VARIABLE
from graft_device.service.service import ServiceError, ServiceNeeds
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


def warnings(name: str, options: Mapping[str, Any], needs: ServiceNeeds) -> list[str]:
    """Warnings for the person who installs the unit: secrets in it, or a missing token.

    Args:
        name: the service's name.
        options: the command's parsed options.
        needs: the access that the service needs.
    """
    defaults = f"/etc/default/{name}"
    lines = []
    if options.get("token"):
        lines.append(f"{_readable('token')}; write GRAFT_TOKEN=… into {defaults} instead (chmod 600)")
    if options.get("mqtt") and urlsplit(options["mqtt"]).password:
        lines.append(
            f"{_readable('password of the broker')}; remove it from --mqtt and write {PASSWORD_VARIABLE}=… into "
            f"{defaults} (chmod 600)"
        )
    if any(map(_has_password, options.get("source") or ())):
        lines.append(
            f"{_readable('password of the camera')}; replace the URL there with ${{GRAFT_SOURCE}} and write "
            f"GRAFT_SOURCE=URL into {defaults} (chmod 600); 'ps' still shows it, so use a camera account that can "
            "only watch"
        )
    if _needs_token(options, needs):
        lines.append(
            f"{options['host']} can be reached from the network, so the service starts only with a token; write "
            f"GRAFT_TOKEN=… into {defaults} (chmod 600; 'openssl rand -hex 16' makes a token), or give --insecure"
        )
    return lines


def _readable(secret: str) -> str:
    return f"everybody on the board can read the {secret} in the unit"


def _has_password(source: str) -> bool:
    if "://" not in source:
        return False
    parts = urlsplit(source)
    return bool((credentials(source) or ("", ""))[1]) or _PASSWORD_KEYS.search(parts.query) is not None


def _needs_token(options: Mapping[str, Any], needs: ServiceNeeds) -> bool:
    given = options.get("token") or options.get("token_file") or options.get("insecure")
    return "host" in options and needs.network == "all" and not given


def _token(path: Path) -> str | None:
    """The token in the file; None if only the service's user may read it."""
    from graft_device.serve.settings import ServeError, read_token

    try:
        return read_token(path)
    except ServeError as error:
        if isinstance(error.__cause__, PermissionError):
            return None
        raise
