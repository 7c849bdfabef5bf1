"""Inception-v3 as data: the windows of each block (Szegedy et al. 2015, arXiv 1512.00567)."""

from __future__ import annotations

from collections.abc import Sequence

from graft_host.backbones.inception_v3.convolutions import TAPS
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.layers import RELU, Network

# Branches are separated by commas, their steps by spaces. A step is height x width x filters of a convolution, or a
# pool over 3 x 3; "/2" is a stride of 2 without padding, "/v" a stride of 1 without padding.
_STEM = "3x3x32/2 3x3x32/v 3x3x64 max/2 1x1x80 3x3x192/v max/2"
_FINE = "1x1x64, 1x1x48 5x5x64, 1x1x64 3x3x96 3x3x96, avg 1x1x%d"
_MIDDLE = "1x1x192, 1x1x{0} 1x7x{0} 7x1x192, 1x1x{0} 7x1x{0} 1x7x{0} 7x1x{0} 1x7x192, avg 1x1x192"
_COARSE = "1x1x320, 1x1x384 1x3x384, 1x1x384 3x1x384, 1x1x448 3x3x384 1x3x384, 1x1x448 3x3x384 3x1x384, {pool} 1x1x192"
_BLOCKS = dict(
    zip(
        TAPS,
        (
            _FINE % 32,
            _FINE % 64,
            _FINE % 64,
            "3x3x384/2, 1x1x64 3x3x96 3x3x96/2, max/2",
            _MIDDLE.format(128),
            _MIDDLE.format(160),
            _MIDDLE.format(160),
            _MIDDLE.format(192),
            "1x1x192 3x3x320/2, 1x1x192 1x7x192 7x1x192 3x3x192/2, max/2",
            _COARSE.format(pool="avg"),
            _COARSE,
        ),
        strict=True,
    )
)
_FORKED = {"mixed9", "mixed10"}  # only there do branches share their first steps
_POOLS = {"avg", "max"}
_POOL_SIZE = 3


def describe(taps: Sequence[str], side: int, last_pool: str = "avg") -> Network:
    """The network from scaled pixels to the bottlenecks of some taps.

    Layers are named as Keras names them: convolutions ``conv2d``, ``conv2d_1`` … in the order of creation, joins
    ``mixed0`` to ``mixed10``.

    Args:
        taps: in the order of their depth.
        side: the input side in pixels.
        last_pool: ``avg`` or ``max``, the pool of mixed10.
    """
    blocks = _Blocks(side)
    for tap, text in _BLOCKS.items():
        blocks.add(tap, text.format(pool=last_pool))
        if tap == taps[-1]:
            break
    return blocks.builder.finish([blocks.builder.bottleneck(tap) for tap in taps])


class _Blocks:
    """The network so far."""

    def __init__(self, side: int) -> None:
        self.builder = NetworkBuilder(side)
        self._end = self.builder.pixels
        self._convolutions = self._pools = 0
        for step in _STEM.split():
            self._end = self._step(step, self._end)

    def add(self, tap: str, text: str) -> None:
        """Adds a block, whose join has the name of a tap."""
        made: dict[str, str] = {}
        ends = [self._branch(branch.split(), made, forked=tap in _FORKED) for branch in text.split(", ")]
        self._end = self.builder.concatenation(tap, ends)

    def _branch(self, steps: list[str], made: dict[str, str], *, forked: bool) -> str:
        end, path = self._end, ""
        for step in steps:
            path += f" {step}"
            end = made[path] if forked and path in made else self._step(step, end)
            made[path] = end
        return end

    def _step(self, text: str, source: str) -> str:
        window, _, how = text.partition("/")
        stride, padded = 2 if how == "2" else 1, not how
        if window in _POOLS:
            name = f"{window}_pool_{self._pools}" if self._pools else f"{window}_pool"
            self._pools += 1
            add = self.builder.max_pool if window == "max" else self.builder.average_pool
            return add(name, source, _POOL_SIZE, stride=stride, padded=padded)
        height, width, filters = map(int, window.split("x"))
        name = f"conv2d_{self._convolutions}" if self._convolutions else "conv2d"
        self._convolutions += 1
        return self.builder.convolution(
            name, source, filters, (height, width), stride=stride, padded=padded, activation=RELU
        )
