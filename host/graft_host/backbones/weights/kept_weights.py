"""Keeps what reading a weights file reveals, so that a file that has not changed is not read again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graft_host.backbones.family import Family, WeightsSource
from graft_host.backbones.known_weights import known_weights
from graft_host.backbones.weights.find import weights_inputs
from graft_host.support.kept.file_stamp import settled_stamp
from graft_host.support.kept.results import ResultCache


def kept_weights(spec: str, tap: str, family: Family, cache: Path, find: Callable[[], WeightsSource]) -> WeightsSource:
    """The weights that an earlier run found, unless their file has changed since.

    Args:
        spec: the value of ``--weights``.
        tap: the layer that the weights must reach.
        family: the backbones that they are for.
        cache: the folder of caches, where the facts of the file are kept.
        find: finds the weights, and checks that they reach the tap; what it raises is raised.
    """
    paths = [source.path for source in weights_inputs(spec, family)]
    stamps = [settled_stamp(path) for path in paths]
    if not paths or None in stamps:
        return find()

    def facts() -> dict[str, Any]:
        weights = find()
        return {**vars(weights), "fitted_to": sorted(weights.fitted_to), "family": None, "path": None}

    # A file that no list of weights has is called by its own name, which the stamp contains.
    inputs = (spec, tap, stamps, family.name, family.version, _source(family), known_weights())
    kept = ResultCache(cache).recall(
        "weights", inputs, (), facts, lambda: [settled_stamp(path) for path in paths] == stamps
    )
    return WeightsSource(**{**kept, "family": family, "path": paths[0], "fitted_to": frozenset(kept["fitted_to"])})


def _source(family: Family) -> bytes:
    """The source of the module that defines a family, which may be another package's."""
    file = getattr(sys.modules.get(family.module), "__file__", None)
    return b"" if file is None else Path(file).read_bytes()
