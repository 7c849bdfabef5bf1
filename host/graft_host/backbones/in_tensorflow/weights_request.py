"""Brings weights, and the family that they are for, to the process that builds a network in TensorFlow."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_device.errors import ExportError
from graft_host.backbones.family import Family, WeightsSource


def to_request(weights: WeightsSource) -> dict[str, Any]:
    """Plain values for that process; ``from_request`` reads them there."""
    family = weights.family
    return {
        **{name: value for name, value in vars(weights).items() if name != "family"},
        "path": weights.path and str(weights.path.absolute()),
        "fitted_to": sorted(weights.fitted_to),
        "family": {"name": family.name, "module": family.module, "folder": _import_folder(family.module)},
    }


def from_request(request: Mapping[str, Any]) -> WeightsSource:
    """The weights of ``to_request``; imports the module that defines their family."""
    values = dict(request)
    values["path"] = values["path"] and Path(values["path"])
    values["fitted_to"] = frozenset(values["fitted_to"])
    values["family"] = _defined(**values["family"])
    return WeightsSource(**values)


def _defined(name: str, module: str, folder: str | None) -> Family:
    """Imports the module of a family, from a folder if it is not installed, and returns its family of a name."""
    try:
        defining = importlib.import_module(module)
    except ModuleNotFoundError:
        if folder is None:
            raise
        sys.path.append(folder)
        defining = importlib.import_module(module)
    for value in vars(defining).values():
        if isinstance(value, Family) and value.name == name:
            return value
    raise ExportError(f"module {module} defines no backbone '{name}'", "make the family an attribute of its module")


def _import_folder(module: str) -> str | None:
    """The folder that a module was imported from; None for one without a file."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return None
    path = Path(file).absolute()
    return str((path.parent if path.stem == "__init__" else path).parents[module.count(".")])
