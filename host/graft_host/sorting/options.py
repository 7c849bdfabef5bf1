"""The options of ``graft sort``: each is declared here, or in the options of training, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from graft_host.backbones.registry import DEFAULT
from graft_host.backbones.registry import family as known_family
from graft_host.support.option import Option
from graft_host.training.options import CACHE, THREADS, HeadOptions, check_option

LIGHT = "efficientnet-lite0"
"""The backbone that compares pictures, unless its weights are missing: it is fast and needs no download."""


@dataclass(frozen=True, kw_only=True)
class SortOptions:
    """What is sorted, and what compares the pictures.

    Attributes:
        inbox: the folder of pictures to sort, at any depth.
        photos: the folder with a folder of photos per class that they are put into; it may be missing.
        model: a model whose answers are shown and suggested; None for none.
        weights: ``imagenet``, ``random``, or the path of a weights file.
        backbone: the name of a family; empty for the light one, or Inception-v3 where its weights are missing.
        threads: the number of cores to use; all when None.
        cache: the folder of backbones and bottlenecks; the usual one when None.

    Raises:
        OptionError: there is no such backbone.
    """

    inbox: Annotated[Path, Option(argument=True, help="A folder of pictures, such as 'graft collect' writes.")]
    photos: Annotated[
        Path,
        Option(
            argument=True,
            help="The folder with a folder of photos per class that they are put into; made if it is missing.",
        ),
    ]
    model: Annotated[
        Path | None, Option(group="Suggestions", help="A .tflite whose answers are shown and suggested, too.")
    ] = None
    weights: Annotated[
        str,
        Option(
            group="Suggestions",
            envvar="GRAFT_WEIGHTS",
            help="Weights of the network that compares pictures: imagenet, random, or a FILE, as in 'graft train'.",
        ),
    ] = "imagenet"
    backbone: Annotated[
        str,
        Option(
            group="Suggestions",
            help="Family of the network that compares pictures.",
            default=f"{LIGHT}; {DEFAULT} if the former's weights are not installed",
        ),
    ] = ""
    threads: Annotated[int | None, THREADS] = None
    cache: Annotated[Path | None, CACHE] = None

    def __post_init__(self) -> None:
        """Chooses the backbone, and checks it."""
        object.__setattr__(self, "backbone", self.backbone or _usual_backbone())
        check_option("--backbone", known_family, self.backbone)

    @property
    def network(self) -> HeadOptions:
        """The options with which ``graft train`` would compute the same bottlenecks."""
        return HeadOptions(
            photos=self.photos, weights=self.weights, backbone=self.backbone, threads=self.threads, cache=self.cache
        )


def _usual_backbone() -> str:
    return LIGHT if any(weights.is_here for weights in known_family(LIGHT).named_weights) else DEFAULT
