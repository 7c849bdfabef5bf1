"""Checks whether models run on this board, and reports why not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graft_device.doctor.checks import Check, run_checks
from graft_device.doctor.situation import Situation, gather
from graft_device.system.machine import ROOT

FORMAT = 1


@dataclass(frozen=True)
class DoctorReport:
    """The facts about a board and the checks of them."""

    situation: Situation
    checks: tuple[Check, ...]

    @property
    def usable(self) -> tuple[str, ...]:
        """The runtimes that can classify photos, best first; empty if no model can run."""
        return self.situation.usable

    def to_json(self) -> dict[str, Any]:
        """The whole report as plain values."""
        situation = self.situation
        return {
            "format": FORMAT,
            "runs": bool(self.usable),
            "runtimes": list(self.usable),
            "checks": [check.to_json() for check in self.checks],
            "machine": {
                **situation.hardware.to_json(),
                "architecture": situation.machine.cpu,
                "bits": situation.machine.bits,
                "cores": situation.python.cores,
            },
            "python": asdict(situation.python),
            "packages": {
                "numpy": situation.numpy.to_json(),
                "pillow": situation.pillow.to_json(),
                **{name: state.to_json() for name, state in situation.runtimes.items()},
            },
            "cameras": situation.cameras.to_json(),
            "thermal": situation.thermal.to_json(),
        }


def examine(root: Path = ROOT, models: tuple[Path, ...] = ()) -> DoctorReport:
    """Gathers the facts about this board and checks them.

    Args:
        root: the folder that holds ``proc``, ``sys``, ``etc`` and ``dev``.
        models: model files that each runtime has to open.
    """
    situation = gather(root, models)
    return DoctorReport(situation, run_checks(situation))
