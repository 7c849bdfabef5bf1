"""Whether models run on this board, and if not, why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graft_device.doctor.checks import Check, check
from graft_device.doctor.situation import Situation, gather
from graft_device.system.machine import ROOT

FORMAT = 1


@dataclass(frozen=True)
class Report:
    """What was found and what it means."""

    situation: Situation
    checks: tuple[Check, ...]

    @property
    def usable(self) -> tuple[str, ...]:
        """The runtimes under which photos can be classified, best first; none: no model can run."""
        return self.situation.usable

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        at = self.situation
        return {
            "format": FORMAT,
            "runs": bool(self.usable),
            "runtimes": list(self.usable),
            "checks": [asdict(each) for each in self.checks],
            "machine": {
                **at.hardware.to_json(),
                "architecture": at.machine.cpu,
                "bits": at.machine.bits,
                "cores": at.python.cores,
            },
            "python": asdict(at.python),
            "packages": {
                "numpy": at.numpy.to_json(),
                "pillow": at.pillow.to_json(),
                **{name: state.to_json() for name, state in at.runtimes.items()},
            },
            "cameras": at.cameras.to_json(),
            "thermal": at.thermal.to_json(),
        }


def examine(root: Path = ROOT, models: tuple[Path, ...] = ()) -> Report:
    """Looks at everything and judges it.

    Args:
        root: where ``proc``, ``sys``, ``etc`` and ``dev`` are.
        models: files that each runtime shall open.
    """
    found = gather(root, models)
    return Report(found, check(found))
