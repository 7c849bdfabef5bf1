"""Runs models that ``graft train`` wrote, on a board or anywhere else, without TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graft_device.classifier import Classifier, Prediction
    from graft_device.errors import GraftError

__version__ = "0.1.0"
__all__ = ["Classifier", "GraftError", "Prediction", "__version__"]

_MODULES = {"Classifier": "classifier", "Prediction": "classifier", "GraftError": "errors"}


def __getattr__(name: str) -> Any:
    """Imports the public names on first use, so that ``graft-device --help`` needs no numpy."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
