"""Packages that ``graftkit[host]`` does not install, and the error where they are missing."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from graft_device.errors import ExportError


@dataclass(frozen=True, kw_only=True)
class Packages:
    """Packages that an extra of graftkit installs.

    Attributes:
        title: their name in messages.
        modules: the modules that must be importable.
        extra: the extra of graftkit that installs them.
    """

    title: str
    modules: tuple[str, ...]
    extra: str


TENSORFLOW = Packages(title="TensorFlow", modules=("tensorflow", "keras"), extra="tensorflow")


def check_packages(packages: Packages, purpose: str) -> None:
    """Raises ExportError unless packages are installed.

    Args:
        packages: what is needed.
        purpose: what needs them, as the beginning of a sentence: ``exporting as keras``.
    """
    if not all(map(importlib.util.find_spec, packages.modules)):
        raise ExportError(
            f"{purpose} needs {packages.title}, which is not installed",
            f"install it: pip install 'graftkit[{packages.extra}]'",
        )
