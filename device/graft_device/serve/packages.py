"""Checks that the packages of a server are installed, before anything imports them."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from graft_device import __version__
from graft_device.errors import RuntimeMissingError

PAGE = ("starlette", "uvicorn", "prometheus_client")
"""What a server needs that receives no photos."""

SERVE = (*PAGE, "python_multipart")


def check_packages(names: Sequence[str]) -> None:
    """Raises RuntimeMissingError, with the command that installs them, if a package is missing."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeMissingError(
            f"the server's packages are not installed (no {', '.join(missing)})",
            f'install them with: python3 -m pip install "./graftkit-{__version__}-py3-none-any.whl[serve]"',
        )
