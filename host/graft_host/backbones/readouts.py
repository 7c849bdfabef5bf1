"""The readouts that a run may choose from: values of ``--tap`` that a head can read of one network."""

from __future__ import annotations

from typing import Final, Literal

from graft_host.backbones.family import Family
from graft_host.backbones.taps import GRID, JOIN

ReadoutKind = Literal["auto", "single", "multi", "grid"]
"""The values of ``--readout``."""

AUTO: Final = "auto"
SINGLE: Final = "single"
_MULTI: Final = "multi"
_GRID: Final = "grid"
READOUTS: tuple[ReadoutKind, ...] = (AUTO, SINGLE, _MULTI, _GRID)

_TAPS = 4
"""How many taps are read side by side at most. More were no better: ``docs/explanation/figures.md``."""


def readouts(family: Family, tap: str, kind: ReadoutKind) -> tuple[str, ...]:
    """The values of ``--tap`` that a readout is chosen from, the simplest first.

    Args:
        family: of the backbone.
        tap: the deepest tap that may be read.
        kind: ``single`` for this tap alone, ``multi`` for several taps side by side, ``grid`` for the quarters of one
            tap or of several, ``auto`` for all of these and for the tap before.
    """
    if kind == SINGLE:
        return (tap,)
    reached = [name for name in family.taps if family.depth(name) < family.depth(tap)]
    taps = [*reached[1 - _TAPS :], tap]
    alone = taps[-2:]
    together = [taps[-count:] for count in range(2, len(taps) + 1)]
    multi = [JOIN.join(names) for names in together] or [tap]
    wide = [*([name] for name in alone), *together[1:]]
    grid = [JOIN.join(name + GRID for name in names) for names in wide]
    if kind == AUTO:
        return tuple(dict.fromkeys([*alone, *multi, *grid]))
    return tuple(multi if kind == _MULTI else grid)
