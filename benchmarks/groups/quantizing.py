"""Compares the int8 backbone with the float32 one, with both runtimes."""

from __future__ import annotations

from benchmarks import supplies
from benchmarks.rows import Row, compared, missing
from benchmarks.settings import Settings
from benchmarks.setups import Setup, setups
from benchmarks.turns import take_turns

_KINDS = ("int8", "float32")
_WHY = {
    "tflite-runtime": "2.14.0 runs float32 with XNNPACK and int8 with its own kernels, which are probably slower here; "
    "use LiteRT where it is available",
    "litert": "probably this processor has no fast instructions for int8 products",
}


def measure(settings: Settings) -> list[Row]:
    """Compares one run of the network on one photo, and the sizes of the files."""
    backbones = {kind: supplies.backbone(settings, kind) for kind in _KINDS}
    contenders = [
        setup.contender(settings, _name(kind, setup), backbones[kind].path)
        for setup in setups(settings)
        for kind in _KINDS
    ]
    race = take_turns(contenders, settings.scale.turns)
    rows = []
    for setup in setups(settings):
        what = f"network alone, {setup}; against float32"
        names = [_name(kind, setup) for kind in _KINDS]
        reason = next((race.missing[name] for name in names if name in race.missing), None)
        if reason is not None:
            rows.append(missing(what, "ms", reason))
            continue
        ours, theirs = (race.milliseconds(name, settings.scale.invokes) for name in names)
        rows.append(
            compared(
                what,
                "ms",
                ours,
                theirs,
                note=race.both(names[0], names[1], settings.scale.invokes),
                why_worse=_WHY[setup.runtime],
            )
        )
    sizes = [backbones[kind].path.stat().st_size / 1e6 for kind in _KINDS]
    return [*rows, compared("file of the backbone; against float32", "MB", [sizes[0]], [sizes[1]])]


def _name(kind: str, setup: Setup) -> str:
    return f"{kind} {setup}"
