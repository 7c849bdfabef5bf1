"""The options of a search; those that it shares with training are declared there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from graft_host.backbones.family import BackboneError, Family
from graft_host.backbones.registry import DEFAULT, usable_families
from graft_host.backbones.registry import family as known_family
from graft_host.network_search.grid import Grid
from graft_host.network_search.pareto import Limits
from graft_host.support.option import Option, OptionError
from graft_host.training.options import HeadOptions, TrainOptions, check_option

_USUAL = known_family(DEFAULT)


ALL = "all"
"""The value of ``--backbones`` that stands for every family whose weights are here."""


def _names(text: str) -> tuple[str, ...]:
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
        backbones: the names of the families to try, or ``all``; the family of ``head`` alone where empty.
        taps: the values of ``--tap`` to try. A family that has none of them tries its own choice, as it does where
            there are none.
        sizes: the input sides in pixels to try. A family that takes none of them tries its own choice, as it does
            where there are none.
        limits: what the winner must meet.
        output: where the winner is written; nowhere when None.
        latency: files of ``graft-device bench --json``; this machine's latency counts where there are none.
        report: the page to write; none when None.
        head: what the heads are made from; its tap, image size and quantization are not used. A weights file is for
            the family that reads it, and the others take their own weights.
        overwrite: whether existing output files are replaced.

    Raises:
        OptionError: there is no such backbone, or no backbone has such a tap or image size.
    """

    backbones: Annotated[
        tuple[str, ...],
        Option(
            group="Network",
            after="backbone",
            parse=_names,
            help="Families to try, separated by commas, or all: every one whose weights are here.",
            default="that of --backbone",
        ),
    ] = ()
    taps: Annotated[
        tuple[str, ...],
        Option(
            parse=_names,
            help="Layers to try, separated by commas; A+B puts those of several side by side, A/2x2 takes quarters.",
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
        """Checks what depends on the families."""
        for name in self.backbones:
            if name != ALL:
                check_option("--backbones", known_family, name)
        tried = self.families
        for tap in self.taps:
            _check_any("--taps", tried, lambda family: family.taps_of, tap)
        for size in self.sizes:
            _check_any("--sizes", tried, lambda family: family.check_size, size)

    @property
    def every(self) -> bool:
        """Whether every family whose weights are here is tried."""
        return ALL in self.backbones

    @property
    def families(self) -> tuple[Family, ...]:
        """The families to try; with ``all`` also those whose weights are not here."""
        if self.every:
            return usable_families()
        return tuple(map(known_family, dict.fromkeys(self.backbones or (self.head.backbone,))))

    @property
    def grids(self) -> tuple[Grid, ...]:
        """What to try of each family, with the weights of ``head``."""
        return tuple(self._grid(family) for family in self.families)

    @property
    def photos(self) -> Path:
        """The folder of photos."""
        return self.head.photos

    def train_options(
        self, head: HeadOptions, output: Path, *, golden: bool = True, memory: bool = True
    ) -> TrainOptions:
        """The options of ``graft train`` that make the winner.

        Args:
            head: of the winner.
            output: where it is written.
            golden: whether test photos are put into the file.
            memory: whether the bottlenecks of training photos are.
        """
        return TrainOptions(**vars(head), output=output, overwrite=self.overwrite, golden=golden, memory=memory)

    def _grid(self, family: Family) -> Grid:
        head = self.head
        if family.name != head.backbone:
            head = replace(head, backbone=family.name, tap="", image_size=0)
        taps = [tap for tap in self.taps if _takes(family.taps_of, tap)] or family.search_taps
        sizes = [size for size in self.sizes if _takes(family.check_size, size)] or family.search_sizes
        return Grid(head=head, taps=tuple(dict.fromkeys(map(family.ordered, taps))), sizes=tuple(sizes))


def _takes(check: Callable[[Any], object], value: object) -> bool:
    try:
        check(value)
    except BackboneError:
        return False
    return True


def _check_any(
    option: str, tried: tuple[Family, ...], check: Callable[[Family], Callable[[Any], object]], value: object
) -> None:
    """Raises OptionError unless one of the families takes a value; with several families its remedy lists them."""
    if any(_takes(check(family), value) for family in tried):
        return
    if len(tried) == 1:
        check_option(option, check(tried[0]), value)
    names = ", ".join(family.name for family in tried)
    raise OptionError(f"no backbone that is tried has {value}", f"choose from those of {names}", option=option)
