"""Judges the calibration of a quantized backbone by the errors of its layers, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from graft_host.backbones.conversion.calibration import MAX_CALIBRATION_PHOTOS
from graft_host.diagnosis.layer_error import LayerError, bottlenecks, noisiest

_CLIPPED = 0.001
"""Share of a layer's numbers from which clipping counts. Measured: at most 0.0002 with photos like those calibrated on;
0.005 for real weights calibrated on black photos, 0.07 for random ones on photos a sixth as bright."""

_HARMFUL = 3.0
"""dB that a clipping layer must lose to stand out. With few photos, one number beyond the range is a share of 0.001."""

_NARROW = 1.6
"""How many times its stored range a layer must see to stand out, if ``_OUTLIERS`` of its numbers are clipped too."""

_OUTLIERS = 2e-5
"""Share of a layer's numbers that must be clipped for its range to count as too narrow. Measured at mixed7, on 12 draws
of photos of cats and dogs each. Calibrated on 32 photos and run on 32 others, one draw stands out at 150 and one at
299; in both, one photo reaches twice as far as all that were calibrated on. Run on some 300 others, three at 150 and
none at 299. Calibrated on 4 photos, all at 150 and nine at 299; on 2 photos, all."""

_NOISY = 20.0
"""dB of the bottleneck below which the noise is more than a tenth of the signal. Up to mixed8, 27 to 33 are usual, and
24 to 32 for backbones that TensorFlow's converter wrote. EfficientNet-Lite0 has 30 to 34 at expand6 and 22 to 25 at
top. Lite2 has 22 to 23 at top, and 15 on photos of 8 x 8 pixels."""


def verdict(backbone: Sequence[LayerError], calibration_photos: int | None = None) -> str:
    """Judges the calibration of a backbone by the errors of its layers.

    Args:
        backbone: its layers, the bottlenecks last. The noisiest of several counts.
        calibration_photos: number of photos that its ranges were measured on; None if that is not known.
    """
    ends = bottlenecks(backbone)
    worst = noisiest(ends)
    ratio = worst.sqnr
    noisy = ratio is not None and ratio < _NOISY
    figure = f"{worst.name} without noise" if ratio is None else f"{worst.name} {ratio:.1f} dB"
    figure += f", the noisiest of {len(ends)}" if len(ends) > 1 else ""
    figure += f", below {_NOISY:.0f}" if noisy else ""
    clipping = [layer for layer in backbone if layer.clipped >= _CLIPPED]
    narrow = [layer for layer in backbone if _excess(layer) >= _NARROW and layer.clipped >= _OUTLIERS]
    few = calibration_photos is not None and calibration_photos < MAX_CALIBRATION_PHOTOS / 2
    if clipping and (noisy or any(_lost(layer) >= _HARMFUL for layer in clipping)):
        return f"{figure}; {_clipped(clipping, backbone)}: {_advice(calibration_photos, few=few)}"
    if narrow:
        return f"{figure}; {_beyond(narrow, backbone)}: {_advice(calibration_photos, few=few)}"
    if not noisy:
        return f"{figure}; nothing stands out"
    if few:
        return f"{figure}; no layer clips much, but {_advice(calibration_photos, few=few)}"
    culprit = max(backbone, key=_lost)
    return f"{figure}; no layer clips much, and {culprit.name} loses the most ({_lost(culprit):.1f} dB)"


def _clipped(clipping: Sequence[LayerError], backbone: Sequence[LayerError]) -> str:
    culprit = max(clipping, key=_lost)
    return (
        f"{len(clipping)} of {len(backbone)} layers clip, {culprit.name} above all ({culprit.clipped:.1%} of "
        f"its numbers, {_lost(culprit):.1f} dB lost there)"
    )


def _beyond(narrow: Sequence[LayerError], backbone: Sequence[LayerError]) -> str:
    culprit = max(narrow, key=_excess)
    return (
        f"{len(narrow)} of {len(backbone)} layers {'sees' if len(narrow) == 1 else 'see'} far more than can be stored, "
        f"{culprit.name} above all ({_excess(culprit):.1f} times its range)"
    )


def _advice(calibration_photos: int | None, *, few: bool) -> str:
    cause = f"only {calibration_photos} photo{'s' * (calibration_photos != 1)}" if few else "photos unlike these"
    return (
        f"the backbone was calibrated on {cause}; train with photos like these: graft train … --recalibrate, "
        f"which takes up to {MAX_CALIBRATION_PHOTOS}"
    )


def _excess(layer: LayerError) -> float:
    """How many times as wide the stored range would have to be to contain all that was seen."""
    low, high = layer.representable
    return (max(high, layer.seen[1]) - min(low, layer.seen[0])) / (high - low)


def _lost(layer: LayerError) -> float:
    return 0.0 if layer.lost is None else layer.lost
