"""How far a padded window reaches over the border."""

from __future__ import annotations


def padding(size: int, window: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """The pixels that TensorFlow's ``SAME`` adds before and after an axis of ``size`` pixels.

    Source: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    """
    reach = (window - 1) * dilation + 1
    missing = max(((size + stride - 1) // stride - 1) * stride + reach - size, 0)
    return missing // 2, missing - missing // 2
