"""What a search tries of one family: its taps, at its image sizes, with its weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graft_host.backbones.family import Family
from graft_host.backbones.taps import JOIN
from graft_host.training.options import HeadOptions

Shape = tuple[str, str, int]
"""Name of the family, tap and image size, which an int8 network's latency depends on."""


def shape_name(shape: Shape) -> str:
    """A network for a person: ``inception-v3 mixed7 at 224``."""
    backbone, tap, size = shape
    return f"{backbone} {tap} at {size}"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What a search tries of one family.

    Attributes:
        head: what its heads are made from, weights included; tap, image size and quantization are not used.
        taps: the values of ``--tap`` to try, each of one tap or of several with ``+`` between them.
        sizes: the input sides in pixels to try.
    """

    head: HeadOptions
    taps: tuple[str, ...]
    sizes: tuple[int, ...]

    @property
    def family(self) -> Family:
        """The family of the backbones."""
        return self.head.family

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that a tap takes bottlenecks from, the earliest in the network first."""
        named = {layer for tap in self.taps for layer in tap.split(JOIN)}
        return tuple(sorted(named, key=self.family.place))

    @property
    def deepest(self) -> str:
        """The layer that takes most of the network."""
        return self.layers[-1]

    @property
    def shapes(self) -> list[Shape]:
        """Every network that is tried."""
        return [(self.family.name, tap, size) for size in self.sizes for tap in self.taps]

    def head_options(self, tap: str, size: int) -> HeadOptions:
        """The options of a head at one tap and size."""
        return replace(self.head, tap=tap, image_size=size, recalibrate=False)

    def largest(self) -> HeadOptions:
        """The options of a head at the deepest layer, for what is the same for all heads."""
        return self.head_options(self.deepest, self.sizes[0])
