"""EfficientNet-Lite as data (Tan and Le 2019, arXiv 1905.11946, table 1, as TensorFlow's Lite variants change it).

They have no squeeze-and-excitation, ReLU6 in place of swish, and a stem and a top that are not widened; the first and
the last stage are not deepened (``tpu/models/official/efficientnet/lite``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graft_host.backbones.efficientnet_lite.scalings import TAPS, Scaling
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.layers import RELU6, Network

STEM, TOP = "stem", "top"
"""The names of the first and the last convolution."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """An inverted residual (Sandler et al. 2018, arXiv 1801.04381).

    Attributes:
        name: of the sum that it ends with, if it has one.
        expand: the name of the convolution that widens it; a block with an expansion of 1 has none.
        depthwise: the name of its depthwise convolution.
        project: the name of the convolution that narrows it.
        window: the side of the depthwise kernel.
        stride: of the depthwise convolution.
        expansion: the factor on its channels inside.
        channels: the number of channels at its end.
    """

    name: str
    expand: str
    depthwise: str
    project: str
    window: int
    stride: int
    expansion: int
    channels: int


@dataclass(frozen=True)
class _Stage:
    """Blocks in a row, alike except that only the first one has the stride."""

    blocks: int
    window: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM_CHANNELS, _TOP_CHANNELS = 32, 1280
_MULTIPLE = 8  # numbers of channels are rounded to multiples of it
_LEAST_SHARE = 0.9  # of its channels that a layer keeps when their number is rounded


def describe(taps: Sequence[str], side: int, scaling: Scaling) -> Network:
    """The network from scaled pixels to the bottlenecks of some taps.

    Convolutions are called ``stem``, ``block0_depthwise``, ``block0_project``, ``block1_expand`` … and ``top``; those
    that are taps have the tap's name.

    Args:
        taps: in the order of their depth.
        side: the input side in pixels.
        scaling: of the network.
    """
    builder = NetworkBuilder(side)
    end = builder.convolution(STEM, builder.pixels, _STEM_CHANNELS, (3, 3), stride=2, activation=RELU6)
    for block in blocks(scaling):
        end = _add(builder, end, block)
    builder.convolution(TOP, end, _TOP_CHANNELS, (1, 1), activation=RELU6)
    return builder.finish([builder.bottleneck(tap) for tap in taps])


def blocks(scaling: Scaling) -> list[Block]:
    """The blocks between stem and top."""
    made: list[Block] = []
    for place, stage in enumerate(_STAGES):
        inner = 0 < place < len(_STAGES) - 1
        for repeat in range(math.ceil(stage.blocks * scaling.depth) if inner else stage.blocks):
            name = f"block{len(made)}"
            expand, project = f"expand{place}" if repeat == 0 else "", f"stage{place}"
            made.append(
                Block(
                    name=name,
                    expand=expand if expand in TAPS else f"{name}_expand",
                    depthwise=f"{name}_depthwise",
                    project=project if project in TAPS else f"{name}_project",
                    window=stage.window,
                    stride=1 if repeat else stage.stride,
                    expansion=stage.expansion,
                    channels=_rounded(stage.channels * scaling.width),
                )
            )
    return made


def _add(builder: NetworkBuilder, start: str, block: Block) -> str:
    """Adds a block and returns the name of its end."""
    end = start
    if block.expansion > 1:
        wide = builder.shape(start)[-1] * block.expansion
        end = builder.convolution(block.expand, end, wide, (1, 1), activation=RELU6)
    window = (block.window, block.window)
    end = builder.depthwise(block.depthwise, end, window, stride=block.stride, activation=RELU6)
    end = builder.convolution(block.project, end, block.channels, (1, 1))
    if builder.shape(end) == builder.shape(start):
        end = builder.addition(block.name, end, start)
    return end


def _rounded(channels: float) -> int:
    """The nearest multiple of 8, or the next one if less than 90% would be left."""
    nearest = max(_MULTIPLE, int(channels + _MULTIPLE / 2) // _MULTIPLE * _MULTIPLE)
    return nearest if nearest >= _LEAST_SHARE * channels else nearest + _MULTIPLE
