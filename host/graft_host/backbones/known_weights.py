"""Reads the list of published weights, ``models/backbones.toml``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def known_weights() -> dict[str, dict[str, Any]]:
    """The entries of ``models/backbones.toml`` by name."""
    installed = Path(__file__).parent / "backbones.toml"
    path = installed if installed.is_file() else Path(__file__).parents[3] / "models" / "backbones.toml"
    with path.open("rb") as file:
        entries: dict[str, dict[str, Any]] = tomllib.load(file)
    return entries
