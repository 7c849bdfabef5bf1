"""Compares the int8 backbone with the float32 one, with both runtimes."""

from __future__ import annotations

from benchmarks import supplies
from benchmarks.rows import Row, compared, missing
from benchmarks.settings import Settings
from benchmarks.turns import Contender, take_turns
from graft_device.runtime import RUNTIMES
from graft_host.backbones.quantize import Backbone

_KINDS = ("int8", "float32")
_WHY = {
    "tflite-runtime": "2.14.0 runs float32 with XNNPACK and int8 with its own kernels, which are probably slower here; "
    "use LiteRT where it is available",
    "litert": "probably this processor has no fast instructions for int8 products",
}


def measure(settings: Settings) -> list[Row]:
    """Compares one run of the network on one photo, and the sizes of the files."""
    backbones = {kind: supplies.backbone(settings, kind) for kind in _KINDS}
    setups = [(runtime, threads) for runtime in RUNTIMES for threads in (1, 2) if threads <= settings.cores]
    contenders = [
        _contender(settings, backbones[kind], runtime, threads) for runtime, threads in setups for kind in _KINDS
    ]
    race = take_turns(contenders, settings.scale.turns)
    rows = []
    for runtime, threads in setups:
        what = f"network alone, {runtime}, {threads} thread{'s' if threads > 1 else ''}; against float32"
        names = [_name(kind, runtime, threads) for kind in _KINDS]
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
                why_worse=_WHY[runtime],
            )
        )
    sizes = [backbones[kind].path.stat().st_size / 1e6 for kind in _KINDS]
    return [*rows, compared("file of the backbone; against float32", "MB", [sizes[0]], [sizes[1]])]


def _contender(settings: Settings, backbone: Backbone, runtime: str, threads: int) -> Contender:
    spec = backbone.spec
    request = {
        "path": str(backbone.path),
        "runtime": runtime,
        "threads": threads,
        "photo": str(supplies.jpegs(settings, 1)[0]),
        "image_size": spec.image_size,
        "mean": spec.weights.mean,
        "std": spec.weights.std,
        "invokes": settings.scale.invokes,
    }
    name = _name(spec.quantization, runtime, threads)
    return Contender(name, "benchmarks.contenders.invoking:invoke", request)


def _name(kind: str, runtime: str, threads: int) -> str:
    return f"{kind} {runtime} {threads}"
