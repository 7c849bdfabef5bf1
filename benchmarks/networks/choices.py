"""The networks that are compared."""

from __future__ import annotations

from dataclasses import dataclass

from graft_host.backbones.registry import DEFAULT, family

_PARTS = 3


@dataclass(frozen=True, order=True)
class Network:
    """A network as ``graft train`` names it.

    Attributes:
        backbone: the name of the family.
        tap: the layer that bottlenecks are taken from, or several joined by ``+``.
        image_size: the input side in pixels.
    """

    backbone: str
    tap: str
    image_size: int

    def __str__(self) -> str:
        """As a command line names it."""
        return f"{self.backbone}:{self.tap}:{self.image_size}"

    @property
    def shown(self) -> str:
        """As a table names it."""
        return f"{family(self.backbone).title} `{self.tap}` at {self.image_size}"


def parse(text: str) -> Network:
    """Reads ``family:tap:size``.

    Raises:
        ValueError: it has another form.
        BackboneError: there is no such family, or it has no such tap or size.
    """
    parts = text.split(":")
    if len(parts) != _PARTS or not parts[-1].isdecimal():
        raise ValueError(f"'{text}' is not family:tap:size, such as efficientnet-lite0:top:224")
    chosen = Network(parts[0], parts[1], int(parts[2]))
    known = family(chosen.backbone)
    for tap in chosen.tap.split("+"):
        known.depth(tap)
    known.check_size(chosen.image_size)
    return chosen


REFERENCE = Network(DEFAULT, "mixed7", 299)
"""What the others are compared with."""

NETWORKS = (
    Network("efficientnet-lite0", "top", 192),
    Network("efficientnet-lite0", "expand6", 224),
    Network("efficientnet-lite0", "top", 224),
    Network("efficientnet-lite0", "top", 260),
    Network("efficientnet-lite1", "top", 240),
    Network("efficientnet-lite2", "top", 260),
    Network(DEFAULT, "mixed5", 150),
    Network(DEFAULT, "mixed7", 224),
    REFERENCE,
    Network(DEFAULT, "mixed8", 299),
    Network(DEFAULT, "mixed5+mixed6+mixed7+mixed8", 299),
)
"""Those of the table of networks, each family from fast to slow."""

TAPS_REFERENCE = Network(DEFAULT, "mixed7", 224)
"""What the networks of several taps are compared with."""

TAPS = (
    TAPS_REFERENCE,
    Network(DEFAULT, "mixed8", 224),
    Network(DEFAULT, "mixed5+mixed7", 224),
    Network(DEFAULT, "mixed7+mixed8", 224),
    Network(DEFAULT, "mixed5+mixed6+mixed7", 224),
    Network(DEFAULT, "mixed5+mixed6+mixed7+mixed8", 224),
    Network("efficientnet-lite0", "expand6", 224),
    Network("efficientnet-lite0", "top", 224),
    Network("efficientnet-lite0", "expand6+top", 224),
    Network("efficientnet-lite0", "expand5+expand6+top", 224),
)
"""Networks of several taps, and those of their taps alone."""
