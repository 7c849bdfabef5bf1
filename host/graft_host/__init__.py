"""The workstation's side of graftkit: trains on photos and writes one tested ``.tflite``.

    from graft_host import train

    result = train("photos", "pets.tflite", tap="mixed7")
    print(result.accuracy.shipped)

The names in ``__all__`` are the library; all other modules are private and may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft_device import __version__

if TYPE_CHECKING:
    from graft_device.errors import GateError, GraftError
    from graft_host.comparison import Comparison
    from graft_host.evaluation.accuracy import Accuracy
    from graft_host.evaluation.evaluate import Evaluation
    from graft_host.library import check, compare, evaluate, search, train
    from graft_host.network_search.pareto import Candidate
    from graft_host.network_search.result import NothingFitsError, SearchResult
    from graft_host.photo_check import CheckResult
    from graft_host.photos.findings import Finding
    from graft_host.support.option import OptionError
    from graft_host.training.delivery import RejectedError, UnreportedError
    from graft_host.training.result import TrainResult

__all__ = [
    "Accuracy",
    "Candidate",
    "CheckResult",
    "Comparison",
    "Evaluation",
    "Finding",
    "GateError",
    "GraftError",
    "NothingFitsError",
    "OptionError",
    "RejectedError",
    "SearchResult",
    "TrainResult",
    "UnreportedError",
    "__version__",
    "check",
    "compare",
    "evaluate",
    "search",
    "train",
]

_MODULES = {
    "graft_device.errors": ("GateError", "GraftError"),
    "graft_host.comparison": ("Comparison",),
    "graft_host.evaluation.accuracy": ("Accuracy",),
    "graft_host.evaluation.evaluate": ("Evaluation",),
    "graft_host.library": ("check", "compare", "evaluate", "search", "train"),
    "graft_host.network_search.pareto": ("Candidate",),
    "graft_host.network_search.result": ("NothingFitsError", "SearchResult"),
    "graft_host.photo_check": ("CheckResult",),
    "graft_host.photos.findings": ("Finding",),
    "graft_host.support.option": ("OptionError",),
    "graft_host.training.delivery": ("RejectedError", "UnreportedError"),
    "graft_host.training.result": ("TrainResult",),
}


def __getattr__(name: str) -> Any:
    """Imports a public name on first use, so that ``import graft_host`` loads nothing heavy."""
    for module, names in _MODULES.items():
        if name in names:
            from importlib import import_module

            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
