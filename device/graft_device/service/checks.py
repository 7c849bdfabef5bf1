"""What a command would refuse at its start, refused when its unit is written, and what a unit shows to everybody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graft_device.outputs.mqtt_settings import PASSWORD_VARIABLE
from graft_device.service.service import Needs, ServiceError
from graft_device.sources import SourceOptions, open_source

_PASSWORD_KEYS = re.compile(r"(^|&)[^=&]*(pass|pwd)[^=&]*=.", re.IGNORECASE)


def check_sources(places: Sequence[str], options: SourceOptions) -> None:
    """Refuses sources that ``run`` refuses, but for a single one that may come yet, such as a camera or a disk.

    Raises:
        SourceError: as of ``open_source``.
        ServiceError: one of several photos is missing.
    """
    if len(places) == 1 and Path(places[0]).is_absolute() and not Path(places[0]).exists():
        return
    open_source(places, options, lambda _: None)
    missing = [place for place in places if len(places) > 1 and not Path(place).exists()]
    if missing:
        raise ServiceError(f"--source {missing[0]} is not there: create it first, or leave it out")


def check_server(options: Mapping[str, Any]) -> None:
    """Refuses options that ``serve`` refuses.

    Raises:
        ServeError: the token, its file, an origin or a host is of no use.
    """
    from graft_device.serve.settings import ServeError, ServeSettings, check

    token = options["token"]
    if options["token_file"] is not None:
        if token is not None:
            raise ServeError("two tokens: give --token-file or --token, not both")
        token = _token(Path(options["token_file"]))
    origins, hosts = options["allow_origin"] or (), options["allow_host"] or ()
    check(ServeSettings(Path(options["model"]), token=token, origins=tuple(origins), hosts=tuple(hosts)))


def cautions(name: str, options: Mapping[str, Any], needs: Needs) -> list[str]:
    """Lines for the person who installs the unit: secrets in it, a token that it lacks."""
    defaults = f"/etc/default/{name}"
    found = []
    if options.get("token"):
        found.append(f"{_shown('token')}: write GRAFT_TOKEN=… into {defaults} instead (chmod 600)")
    if options.get("mqtt") and urlsplit(options["mqtt"]).password:
        found.append(
            f"{_shown('password of the broker')}: leave it out of --mqtt and write {PASSWORD_VARIABLE}=… into "
            f"{defaults} (chmod 600)"
        )
    if any(map(_has_password, options.get("source") or ())):
        found.append(
            f"{_shown('password of the camera')}: replace its URL there by ${{GRAFT_SOURCE}} and write "
            f"GRAFT_SOURCE=URL into {defaults} (chmod 600); 'ps' still shows it, so let that user of the camera "
            "only watch"
        )
    if _wants_token(options, needs):
        found.append(
            f"{options['host']} can be reached from the network, so the service starts only with a token: write "
            f"GRAFT_TOKEN=… into {defaults} (chmod 600; 'openssl rand -hex 16' makes one), or give --insecure"
        )
    return found


def _shown(secret: str) -> str:
    return f"everybody on the board can read the {secret} in the unit"


def _has_password(source: str) -> bool:
    if "://" not in source:
        return False
    parts = urlsplit(source)
    return bool(parts.password) or _PASSWORD_KEYS.search(parts.query) is not None


def _wants_token(options: Mapping[str, Any], needs: Needs) -> bool:
    known = options.get("token") or options.get("token_file") or options.get("insecure")
    return "host" in options and needs.network == "all" and not known


def _token(path: Path) -> str | None:
    """What the file holds; None where only the service's user may read it."""
    from graft_device.serve.settings import ServeError, read_token

    try:
        return read_token(path)
    except ServeError as error:
        if isinstance(error.__cause__, PermissionError):
            return None
        raise
