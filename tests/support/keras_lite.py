"""EfficientNet-Lite as Keras computes it, with weights that Keras's layers normalize: the reference of our network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)  # fmt: skip
"""Repeats, kernel, stride, expansion and channels (Tan and Le 2019, table 1)."""
_WIDTH_AND_DEPTH = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2))
TAPS = ("expand3", "expand4", "expand5", "expand6", "stage6", "top")


def build(number: int, size: int, tensors: Mapping[str, NDArray[Any]]) -> Any:
    """Builds EfficientNet-Lite with its classifier.

    Args:
        number: 0, 1 or 2.
        size: input side in pixels.
        tensors: of a ``.pth`` file.

    Returns:
        A ``keras.Model`` from ``[N,S,S,3]`` scaled pixels to the six taps, all positions of each, and the logits of
        the 1000 classes of ImageNet.
    """
    import keras

    layers, taps = keras.layers, {}
    image = end = keras.Input((size, size, 3))

    def normalized(values: Any, layer: Any, kernel: str, norm: str, *, ends: bool) -> Any:
        values = layer(values)
        weights = tensors[f"{kernel}.weight"]
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        layer.set_weights([weights.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))])
        norm_layer = layers.BatchNormalization(epsilon=1e-3)
        values = norm_layer(values)
        norm_layer.set_weights(
            [tensors[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
        )
        return values if ends else layers.ReLU(6.0)(values)

    def convolution(filters: int, side: int = 1, stride: int = 1) -> Any:
        return layers.Conv2D(filters, side, stride, "same", use_bias=False)

    end = normalized(end, convolution(32, 3, 2), "_conv_stem", "_bn0", ends=False)
    width, depth = _WIDTH_AND_DEPTH[number]
    block, channels = 0, 32
    for stage, (repeats, kernel, stride, expansion, unscaled) in enumerate(_STAGES):
        filters = _rounded(unscaled * width)
        for repeat in range(math.ceil(repeats * depth) if 0 < stage < len(_STAGES) - 1 else repeats):
            start, prefix = end, f"_blocks.{block}"
            if expansion > 1:
                wide = convolution(channels * expansion)
                end = normalized(end, wide, f"{prefix}._expand_conv", f"{prefix}._bn0", ends=False)
                if repeat == 0:
                    taps[f"expand{stage}"] = end
            step = stride if repeat == 0 else 1
            depthwise = layers.DepthwiseConv2D(kernel, step, "same", use_bias=False)
            end = normalized(end, depthwise, f"{prefix}._depthwise_conv", f"{prefix}._bn1", ends=False)
            end = normalized(end, convolution(filters), f"{prefix}._project_conv", f"{prefix}._bn2", ends=True)
            if step == 1 and channels == filters:
                end = layers.Add()([end, start])
            block, channels = block + 1, filters
    taps["stage6"] = end
    taps["top"] = normalized(end, convolution(1280), "_conv_head", "_bn1", ends=False)
    classifier = layers.Dense(1000)
    logits = classifier(layers.GlobalAveragePooling2D()(taps["top"]))
    classifier.set_weights([tensors["_fc.weight"].T, tensors["_fc.bias"]])
    return keras.Model(image, [*(taps[tap] for tap in TAPS), logits])


def _rounded(channels: float) -> int:
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
