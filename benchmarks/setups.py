"""The runtimes and numbers of threads that a network is run with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks import supplies
from benchmarks.settings import Settings
from benchmarks.turns import Contender
from graft_device.runtime import RUNTIMES
from graft_host.backbones.weights.find import find_weights


@dataclass(frozen=True)
class Setup:
    """How a network is run.

    Attributes:
        runtime: ``litert`` or ``tflite-runtime``.
        threads: the number of threads of one inference.
    """

    runtime: str
    threads: int

    def __str__(self) -> str:
        """As rows name it."""
        return f"{self.runtime}, {self.threads} thread{'s' if self.threads > 1 else ''}"

    def contender(self, settings: Settings, name: str, network: Path) -> Contender:
        """A contender that runs a network on one photo."""
        weights = find_weights(settings.weights)
        request = {
            "path": str(network),
            "runtime": self.runtime,
            "threads": self.threads,
            "photo": str(supplies.jpegs(settings, 1)[0]),
            "image_size": settings.image_size,
            "mean": weights.mean,
            "std": weights.std,
            "invokes": settings.scale.invokes,
        }
        return Contender(name, "benchmarks.contenders.invoking:invoke", request)


def setups(settings: Settings) -> list[Setup]:
    """Each runtime with one thread and with two, as far as there are cores."""
    return [Setup(runtime, threads) for runtime in RUNTIMES for threads in (1, 2) if threads <= settings.cores]
