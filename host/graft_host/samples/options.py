"""The options about photos from elsewhere: sources, their weights, copies of photos, and the classes at the place."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from graft_host.samples.copies import Copies
from graft_host.support.option import Option, OptionError

NAMES = ("source", "source_weight", "camera_copies", "match", "prior")
"""The options, for commands that do without them."""

EQUAL, DENSITY = "equal", "density"
"""The rules by which source photos are weighed."""


def _weight(text: str) -> str | float:
    if text in {EQUAL, DENSITY}:
        return text
    try:
        return float(text)
    except ValueError:
        raise OptionError(
            f"{text!r} is neither a rule nor a number", "choose from equal, density, or give a number above 0",
            option="--source-weight",
        ) from None  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """Which photos from elsewhere a head is trained on, and how much they count.

    Attributes:
        source: folders of photos of the same classes from elsewhere; they are trained on, and on no account tested on.
        source_weight: ``equal`` gives all source photos together the weight of all target photos; ``density`` gives
            each the weight that the target's photos suggest, with the same sum; a number is the weight of each source
            photo, where a target photo has 1.
        camera_copies: the number of copies of each source photo as a bad camera would take it, or of each training
            photo where there is no source; 1 or 0 when None (see ``copies``).
        match: a folder of photos of the place, of any class, that source photos are made to look like; none when None.
        prior: how often classes occur at the place, each as ``LABEL=SHARE``.

    Raises:
        OptionError: a value is not of this form, or an option needs another one.
    """

    source: Annotated[
        tuple[Path, ...],
        Option(
            group="Photos from elsewhere",
            help="A folder of photos of the same classes from elsewhere, which only train; PHOTOS is then the target, "
            "photos by the board's camera. May be given several times.",
        ),
    ] = ()
    source_weight: Annotated[
        str | float,
        Option(
            group="Photos from elsewhere",
            parse=_weight,
            help="equal (the default): the source photos together count as much as the target's; density: each as much "
            "as it looks like the target's; or the weight of each, where a target photo has 1.",
        ),
    ] = EQUAL
    camera_copies: Annotated[
        int | None,
        Option(
            group="Photos from elsewhere",
            low=0,
            high=100,
            help="Copies of each source photo as a bad camera would take it; without --source, of each training photo.",
            default="1 with --source, else 0",
        ),
    ] = None
    match: Annotated[
        Path | None,
        Option(
            group="Photos from elsewhere",
            help="A folder of photos by the board's camera, of any class, without labels: adds a copy of each "
            "source photo (without --source, of each training photo) that looks like them.",
        ),
    ] = None
    prior: Annotated[
        tuple[str, ...],
        Option(
            group="Photos from elsewhere",
            help="LABEL=SHARE: how often a class occurs at the place, such as cat=0.85, if it is known. May be given "
            "several times; classes that are not named share the rest.",
        ),
    ] = ()

    def __post_init__(self) -> None:
        """Checks the values, alone and together."""
        weight = self.source_weight if isinstance(self.source_weight, float) else _weight(str(self.source_weight))
        object.__setattr__(self, "source_weight", weight)
        if isinstance(weight, float) and not (math.isfinite(weight) and weight > 0):
            raise OptionError(f"{weight:g} is not above 0", "give a number above 0", option="--source-weight")
        if self.source_weight != EQUAL and not self.source:
            raise OptionError(
                "there are no source photos to weigh", "give their folder with --source", option="--source-weight"
            )
        twice = [folder for folder, count in Counter(self.source).items() if count > 1]
        if twice:
            raise OptionError(f"{twice[0]} is given twice", "give each folder once", option="--source")
        self.shares  # noqa: B018  raises an error unless all are sound

    @property
    def copies(self) -> Copies:
        """The copies of each source photo, or of each training photo if there is no source."""
        camera = int(bool(self.source)) if self.camera_copies is None else self.camera_copies
        return Copies(camera, self.match is not None)

    @property
    def shares(self) -> dict[str, float]:
        """The known shares of classes by label."""
        shares: dict[str, float] = {}
        for text in self.prior:
            label, equals, number = text.rpartition("=")
            try:
                share = float(number)
            except ValueError:
                share = math.nan
            if not (label and equals) or math.isnan(share):
                raise _unsound(f"{text!r} is not of the form LABEL=SHARE", "write it like cat=0.85")
            if not 0 < share < 1:
                raise _unsound(f"{share:g} of {label!r} is not between 0 and 1", "give a share such as 0.85")
            if label in shares:
                raise _unsound(f"{label!r} is given twice", "give each class once")
            shares[label] = share
        if sum(shares.values()) > 1 + _ROUNDING:
            raise _unsound(f"the shares sum to {sum(shares.values()):g}", "give shares that sum to at most 1")
        return shares


_ROUNDING = 1e-6


def _unsound(what: str, remedy: str) -> OptionError:
    return OptionError(what, remedy, option="--prior")
