"""Families of backbones: what the rest of graftkit asks about a network and its weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_device.errors import GraftError
from graft_host.backbones.named_weights import NamedWeights
from graft_host.backbones.taps import GRID, JOIN, is_grid, layer_of

if TYPE_CHECKING:  # the command line reads families, and needs no numpy for it
    from graft_host.networks.layers import Network
    from graft_host.networks.parameters import Parameters


class BackboneError(GraftError):
    """There is no such backbone, or it has no such tap or image size."""


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A weights file before its family has read it.

    Attributes:
        path: where it is.
        name: what a model card calls it unless the family knows it by its content.
        sha256: of its content, in hex.
        md5: of its content, in hex, which older publishers give.
    """

    path: Path
    name: str
    sha256: str
    md5: str


@dataclass(frozen=True, kw_only=True)
class Family:
    """Networks of one design, cut off at one of several taps.

    A family is an attribute of the module that it names, and ``registry`` finds it. What needs numpy or HDF5 is
    imported inside the functions, not with the module.

    Attributes:
        name: the value of ``--backbone``.
        title: the name in sentences.
        module: the module that defines the family, ``__name__`` there; the process that exports imports it.
        taps: the layers that bottlenecks can be taken from, the earliest in the network first. A tap with ``/2x2``
            behind its name has the means of the quarters of its map as its bottleneck; families do not list these.
        default_tap: the tap where none is given.
        search_taps: the taps that a search tries where none are given; each is one, or several with ``+`` between them.
        smallest_size: the smallest input side in pixels.
        largest_size: the largest input side in pixels; beyond it a photo takes gigabytes and minutes.
        default_size: the input side in pixels where none is given.
        search_sizes: the input sides that a search tries where none are given.
        mean: subtracted from pixels (0 to 255), unless the weights ask for another.
        std: what pixels are divided by after that, unless the weights ask for another.
        describe: returns the network from scaled pixels ``[S,S,3]`` to the bottlenecks ``[D]`` of some taps, given
            weights, the taps in the order of their depth, and S. Its convolutions have a bias and no batch norm.
            Call ``network`` instead, which knows the means of quarters too.
        read_parameters: returns the kernel and bias of each convolution of such a network by its name, batch norms
            folded in; raises WeightsError if the weights do not fit.
        named_weights: the weights besides ``random`` that ``--weights`` calls by name.
        weights_files: the kinds of weights files that it reads, for messages; empty if it reads none.
        identify: returns the weights in a file; raises WeightsError if they are not the family's. None if it reads no
            files.
        check_reach: raises WeightsError unless weights of a file reach a tap. None where every file reaches every tap.
        card_name: the name in model cards; ``name`` where empty.
        version: goes up when the same weights would give another network. Cached backbones are keyed by it.
        keyed: whether keys of caches and fingerprints of random weights contain name and version. False for
            Inception-v3 alone, whose keys are older than families.
    """

    name: str
    title: str
    module: str
    taps: tuple[str, ...]
    default_tap: str
    search_taps: tuple[str, ...]
    smallest_size: int
    largest_size: int = 2048
    default_size: int
    search_sizes: tuple[int, ...]
    mean: float
    std: float
    describe: Callable[[WeightsSource, Sequence[str], int], Network]
    read_parameters: Callable[[WeightsSource, Network], Mapping[str, Parameters]]
    named_weights: tuple[NamedWeights, ...] = ()
    weights_files: str = ""
    identify: Callable[[WeightsFile], WeightsSource] | None = None
    check_reach: Callable[[WeightsSource, str], None] | None = None
    card_name: str = ""
    version: int = 1
    keyed: bool = True

    def __post_init__(self) -> None:
        """Raises BackboneError if the name of a tap contains what stands between taps, or ends as that of quarters."""
        for tap in self.taps:
            if JOIN in tap:
                raise BackboneError(
                    f"{self.title} has a tap '{tap}', and {JOIN} stands between the names of taps", "rename the tap"
                )
            if is_grid(tap):
                raise BackboneError(
                    f"{self.title} has a tap '{tap}', and {GRID} stands for the means of quarters", "rename the tap"
                )

    @property
    def name_in_card(self) -> str:
        """What a model card calls the family."""
        return self.card_name or self.name

    @property
    def key_parts(self) -> list[Any]:
        """What the key of a cached backbone contains of the family."""
        return [self.name, self.version] if self.keyed else []

    @property
    def random_prefix(self) -> str:
        """What the fingerprint of random weights starts with; the seed follows."""
        return f"random:{self.name}-v{self.version}:" if self.keyed else "random:"

    @property
    def weights_choices(self) -> str:
        """What ``--weights`` takes, for messages."""
        names = [*(weights.name for weights in self.named_weights), "random"]
        listed = ", ".join(names)
        return f"{listed} or the path of {self.weights_files}" if self.weights_files else listed

    def depth(self, tap: str) -> int:
        """The place of a tap's layer in ``taps``; raises BackboneError if there is no such tap."""
        layer = layer_of(tap)
        if layer not in self.taps:
            quarters = f", or one of them with {GRID} behind it, as in {self.default_tap}{GRID}" if "/" in tap else ""
            raise BackboneError(f"{self.title} has no tap '{tap}'", f"choose from {', '.join(self.taps)}{quarters}")
        return self.taps.index(layer)

    def place(self, tap: str) -> tuple[int, bool]:
        """What taps are sorted by: the place of the layer, and the mean of its map before the means of the quarters.

        Raises:
            BackboneError: there is no such tap.
        """
        return self.depth(tap), is_grid(tap)

    def taps_of(self, tap: str) -> tuple[str, ...]:
        """The taps that a value of ``--tap`` names, the earliest in the network first.

        Args:
            tap: one tap, or several with ``+`` between them in any order, such as ``mixed7/2x2+mixed5``.

        Raises:
            BackboneError: the family does not have one of them, or one is named twice.
        """
        names = sorted(tap.split(JOIN), key=self.place)
        for name, following in itertools.pairwise(names):
            if name == following:
                raise BackboneError(f"'{tap}' names {name} twice", "name each tap once")
        return tuple(names)

    def ordered(self, tap: str) -> str:
        """A value of ``--tap`` as model cards have it: its taps in the order of their depth.

        Raises:
            BackboneError: the family does not have one of them, or one is named twice.
        """
        return JOIN.join(self.taps_of(tap))

    def network(self, weights: WeightsSource, taps: Sequence[str], side: int) -> Network:
        """The network from scaled pixels ``[S,S,3]`` to the bottlenecks of some taps, whole maps and quarters.

        ``read_parameters`` takes it as it takes what ``describe`` returns.

        Args:
            weights: whose network it is.
            taps: in the order of ``place``.
            side: the input side S in pixels.

        Raises:
            BackboneError: there is no such tap.
            ExportError: the family does not compute the bottleneck of a tap with quarters as the mean of a map.
        """
        from graft_host.networks.quarters import with_quarter_means

        layers = sorted({layer_of(tap) for tap in taps}, key=self.depth)
        described = self.describe(weights, layers, side)
        outputs = dict(zip(layers, described.outputs, strict=True))
        wanted = [(outputs[layer_of(tap)], GRID if is_grid(tap) else "") for tap in taps]
        return with_quarter_means(described, wanted)

    def check_size(self, size: int) -> None:
        """Raises BackboneError unless the family takes photos of this side."""
        if not self.smallest_size <= size <= self.largest_size:
            raise BackboneError(
                f"image size {size} is not in the range of {self.title}",
                f"give {self.smallest_size} to {self.largest_size}",
            )


@dataclass(frozen=True, kw_only=True)
class WeightsSource:
    """Weights that have been found, not yet read.

    Attributes:
        family: the backbones that they are for.
        name: ``imagenet``, ``random``, a known file's name in ``models/backbones.toml``, or the file's own name.
        path: the file; None for ``random``.
        fingerprint: SHA-256 of the file in hex; for ``random`` the family's ``random_prefix`` and the seed.
        seed: for ``random``.
        mean: subtracted from pixels (0 to 255).
        std: what pixels are divided by after that.
        last_pool: what the pooling branch of Inception-v3's mixed10 takes: ``avg``, or ``max`` as in the 2015 graph.
        layout: of the file: ``keras``, or ``graph`` for the 2015 graph.
        fitted_to: SHA-256 of the photos that the weights were fitted to; empty unless the backbone was fine-tuned.
    """

    family: Family
    name: str
    path: Path | None
    fingerprint: str
    seed: int = 0
    mean: float
    std: float
    last_pool: str = "avg"
    layout: str = "keras"
    fitted_to: frozenset[str] = frozenset()

    @property
    def pretrained(self) -> bool:
        """False for random weights, which have seen no photo."""
        return self.path is not None
