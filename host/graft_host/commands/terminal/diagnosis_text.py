"""What ``graft diagnose`` prints for a person."""

from __future__ import annotations

from graft_host.commands.terminal.console import table
from graft_host.diagnosis.diagnose import Diagnosis
from graft_host.diagnosis.layer_error import LayerError

_HEADER = ["layer", "operator", "dB", "lost here", "clipped", "range used", "stored", "seen", "step"]


def diagnosis_text(diagnosis: Diagnosis, sort: str, top: int) -> str:
    """The verdict and a row for each of the first ``top`` layers, or for all layers if ``top`` is 0."""
    ranked = diagnosis.ranked(sort)
    shown = ranked[:top] if top else ranked
    agreement = f"{diagnosis.agreement:.1%} of {diagnosis.photos} photos"
    lines = [
        diagnosis.verdict,
        f"the head names the same class on float32 bottlenecks for {agreement}",
        "",
        table(_HEADER, [_row(layer) for layer in shown]),
    ]
    if len(shown) < len(ranked):
        lines += ["", f"{len(ranked) - len(shown)} more layers: --top 0 shows all"]
    return "\n".join(lines)


def _row(layer: LayerError) -> list[str]:
    return [
        layer.name,
        layer.operator.lower(),
        "-" if layer.sqnr is None else f"{layer.sqnr:.1f}",
        "-" if layer.lost is None else f"{layer.lost:.1f}",
        f"{layer.clipped:.2%}",
        f"{layer.used:.0%}",
        _range(layer.representable),
        _range(layer.seen),
        f"{layer.scale:.3g}",
    ]


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.3g} to {ends[1]:.3g}"
