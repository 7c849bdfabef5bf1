"""Keeps what a person wants of a search, which is also what the search is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from graft_device.errors import os_reason
from graft_device.system.durable import write_atomically
from graft_host.network_search.pareto import Limits
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project

_FILE = "search.json"

_Item = TypeVar("_Item", str, int)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a person wants of a search.

    Attributes:
        backbones: the names of the families to try.
        latency: files of figures of a board, relative to the project's folder; none for this machine.
        max_ms: milliseconds of one inference at most; any if None.
        min_accuracy: the accuracy that is enough; None for one that is close to the best.
        taps: the layers to try; those of each family if there are none.
        sizes: the input sides in pixels to try; those of each family if there are none.
    """

    backbones: tuple[str, ...] = ()
    latency: tuple[str, ...] = ()
    max_ms: float | None = None
    min_accuracy: float | None = None
    taps: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()

    @property
    def limits(self) -> Limits:
        """What the network must meet."""
        return Limits(max_ms=self.max_ms, min_accuracy=self.min_accuracy)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the task, without what is not given."""
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {name: value for name, value in given.items() if value not in (None, [])}


def wishes_of(values: Mapping[str, Any]) -> Wishes:
    """Wishes from arguments or from their file; what is damaged is left out."""
    return Wishes(
        backbones=_list(values.get("backbones"), str),
        latency=_list(values.get("latency"), str),
        max_ms=_above_zero(values.get("max_ms")),
        min_accuracy=_above_zero(values.get("min_accuracy")),
        taps=_list(values.get("taps"), str),
        sizes=_list(values.get("sizes"), int),
    )


def read_wishes(project: Project) -> Wishes:
    """The wishes that were kept last; those of a person who has none otherwise."""
    try:
        values = json.loads(_path(project).read_bytes())
    except (OSError, ValueError, RecursionError):
        return Wishes()
    return wishes_of(values) if isinstance(values, dict) else Wishes()


def keep_wishes(project: Project, wishes: Wishes) -> None:
    """Keeps wishes; raises StudioError if they cannot be written."""
    try:
        write_atomically(_path(project), json.dumps(wishes.arguments).encode())
    except OSError as error:
        raise StudioError(f"cannot write {_path(project)}: {os_reason(error)}", "free some space there") from error


def _list(value: object, kind: type[_Item]) -> tuple[_Item, ...]:
    return tuple(one for one in value if isinstance(one, kind)) if isinstance(value, list) else ()


def _above_zero(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value > 0 else None


def _path(project: Project) -> Path:
    return project.work / _FILE
