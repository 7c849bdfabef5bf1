"""The options of a search; those that it shares with training are declared there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from graft_host.backbones.family import Family
from graft_host.backbones.registry import DEFAULT
from graft_host.backbones.registry import family as known_family
from graft_host.network_search.pareto import Limits
from graft_host.support.option import Option, OptionError
from graft_host.training.options import HeadOptions, TrainOptions, check_option

_USUAL = known_family(DEFAULT)


def _taps(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",")))


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise OptionError(
            f"{text!r} is not a list of numbers", "write them like 150,224,299", option="--sizes"
        ) from None


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What ``graft search`` takes.

    Attributes:
        taps: the layers to try; the family's choice where empty.
        sizes: the input sides in pixels to try; the family's choice where empty.
        limits: what the winner must meet.
        output: where the winner is written; nowhere when None.
        latency: files of ``graft-device bench --json``; this machine's latency counts where there are none.
        report: the page to write; none when None.
        head: what the heads are made from; its tap, image size and quantization are not used.
        overwrite: whether existing output files are replaced.

    Raises:
        OptionError: the backbone has no such tap or image size.
    """

    taps: Annotated[
        tuple[str, ...],
        Option(
            parse=_taps,
            help="Layers to try, separated by commas.",
            default=f"{','.join(_USUAL.search_taps)}, or those of another --backbone",
        ),
    ] = ()
    sizes: Annotated[
        tuple[int, ...],
        Option(
            parse=_sizes,
            help="Input sides in pixels to try, separated by commas.",
            default=f"{','.join(map(str, _USUAL.search_sizes))}, or those of another --backbone",
        ),
    ] = ()
    limits: Limits = field(default_factory=Limits)
    output: Annotated[Path | None, Option(short="-o", help="The winner's .tflite to write.")] = None
    latency: Annotated[
        tuple[Path, ...],
        Option(help="What 'graft-device bench --json' printed on the board; may be given several times."),
    ] = ()
    report: Annotated[Path | None, Option(help="An .html to write: all networks on one page.")] = None
    head: HeadOptions
    overwrite: Annotated[bool, Option(after="recalibrate", help="Replace existing output files.")] = False

    def __post_init__(self) -> None:
        """Fills in and checks what depends on the family."""
        object.__setattr__(self, "taps", self.taps or self.family.search_taps)
        object.__setattr__(self, "sizes", self.sizes or self.family.search_sizes)
        for tap in self.taps:
            check_option("--taps", self.family.depth, tap)
        for size in self.sizes:
            check_option("--sizes", self.family.check_size, size)

    @property
    def family(self) -> Family:
        """The family of the backbones."""
        return self.head.family

    @property
    def photos(self) -> Path:
        """The folder of photos."""
        return self.head.photos

    @property
    def deepest(self) -> str:
        """The tap that takes most of the network."""
        return max(self.taps, key=self.family.depth)

    def head_options(self, tap: str, size: int) -> HeadOptions:
        """The options of a head at one tap and size."""
        return replace(self.head, tap=tap, image_size=size, recalibrate=False)

    def train_options(self, tap: str, size: int, output: Path, *, golden: bool = True) -> TrainOptions:
        """The options of ``graft train`` that make the winner."""
        head = self.head_options(tap, size)
        return TrainOptions(**vars(head), output=output, overwrite=self.overwrite, golden=golden)
