"""What a person chose for a deployment, a way back, or a collection, read from plain values and checked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_host.deploy.options import DeployOptions
from graft_host.deploy.target import Target, parse_target
from graft_host.studio.board_list.reaching import config_words, ssh_options
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project
from graft_host.support.cache import default_cache

RUNTIMES = ("auto", "litert", "tflite-runtime")
MOST_KEPT = 100
_ID = re.compile(r"[0-9a-f]{16}")
_UNIT = re.compile(r"[A-Za-z0-9][\w:.@\\-]*", re.ASCII)
_ODD = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class Deploying:
    """A deployment that was chosen.

    Attributes:
        board: the address.
        model: the path of the file, relative to the project.
        offline: whether wheels are downloaded here and sent.
        store: the folder on the board; empty for the usual one.
        service: the unit to restart; empty for the one that is found.
        keep: how many models to keep on the board.
        runtime: one of ``RUNTIMES``.
        allow_downgrade: whether an older signed model may replace a newer one.
    """

    board: str
    model: str
    offline: bool = False
    store: str = ""
    service: str = ""
    keep: int = DeployOptions.keep
    runtime: str = "auto"
    allow_downgrade: bool = False

    def to_json(self) -> dict[str, Any]:
        """The choice as plain values, those of a job."""
        return dict(vars(self))

    def options(self, cache: Path | None, *, dry_run: bool = False) -> DeployOptions:
        """The options of the deployment.

        Args:
            cache: the folder of caches; the usual one if None.
            dry_run: whether to stop before anything is changed.
        """
        return DeployOptions(
            ssh=ssh_options(),
            store=self.store or None,
            keep=self.keep,
            service=self.service or None,
            offline=(cache or default_cache()) / "wheels" if self.offline else None,
            runtime=self.runtime,
            allow_downgrade=self.allow_downgrade,
            dry_run=dry_run,
        )

    def command(self, *, dry_run: bool = False) -> str:
        """The command line that does the same."""
        words = ["graft", "deploy", self.model, self.board, *(["--dry-run"] if dry_run else []), *config_words()]
        words += ["--offline"] if self.offline else []
        words += ["--store", self.store] if self.store else []
        words += ["--service", self.service] if self.service else []
        words += ["--keep", str(self.keep)] if self.keep != DeployOptions.keep else []
        words += ["--runtime", self.runtime] if self.runtime != "auto" else []
        words += ["--allow-downgrade"] if self.allow_downgrade else []
        return shlex.join(words)


@dataclass(frozen=True)
class WayBack:
    """A way back that was chosen.

    Attributes:
        board: the address.
        store: the folder on the board, as it was found.
        slot: the id of the model to go back to, so that a job that runs twice does not go forward again.
    """

    board: str
    store: str
    slot: str

    def command(self) -> str:
        """The command line that does the same on the board, except for the restart of its service."""
        device = f"{self.store}/venv/bin/graft-device"
        there = shlex.join([device, "rollback", self.slot, "--store", self.store])
        return shlex.join(["ssh", *config_words(), *self.target().plain().split(), there])

    def target(self) -> Target:
        """The address, parsed."""
        return parse_target(self.board)


def read_deploying(raw: Mapping[str, Any], project: Project | None = None) -> Deploying:
    """Reads a deployment from the arguments of a job.

    Args:
        raw: plain values.
        project: to check that the model is there; not checked when None.

    Raises:
        StudioError: a value is missing or cannot be used, or there is no such model.
        DeployError: the address is none.
    """
    keep = raw.get("keep", DeployOptions.keep)
    if not isinstance(keep, int) or not 1 <= keep <= MOST_KEPT:
        raise StudioError("the number of models to keep is out of range", f"give a number from 1 to {MOST_KEPT}")
    chosen = Deploying(
        board=_text(raw, "board"),
        model=_text(raw, "model"),
        offline=raw.get("offline") is True,
        store=_text(raw, "store", ""),
        service=_text(raw, "service", ""),
        keep=keep,
        runtime=_text(raw, "runtime", "auto"),
        allow_downgrade=raw.get("allow_downgrade") is True,
    )
    parse_target(chosen.board)
    if chosen.runtime not in RUNTIMES:
        raise StudioError(f"there is no runtime {chosen.runtime!r}", f"choose from {', '.join(RUNTIMES)}")
    if chosen.service and not _UNIT.fullmatch(chosen.service):
        raise StudioError(f"{chosen.service!r} cannot be the name of a unit", "give a name such as graft-run.service")
    if project is not None and not project.inside(chosen.model).is_file():
        raise StudioError(f"there is no model {chosen.model}", "train one first")
    return chosen


def read_way_back(raw: Mapping[str, Any]) -> WayBack:
    """Reads a way back from the arguments of a job; raises StudioError or DeployError as ``read_deploying``."""
    chosen = WayBack(_text(raw, "board"), _text(raw, "store"), _text(raw, "slot"))
    chosen.target()
    if not chosen.store.startswith("/") or not _ID.fullmatch(chosen.slot):
        raise StudioError("there is no such model on the board", "look at the board again")
    return chosen


def _text(raw: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = raw.get(name, default)
    if not isinstance(value, str) or _ODD.search(value) or (default is None and not value):
        raise StudioError(f"{name} is missing, or is not a line of text", "choose it again")
    return value
