"""What the run and the process that trains a tail give each other: a request, and arrays in a temporary folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.networks.parameters import Parameters

MAPS = "maps.npy"
"""The maps of the cut, int8 ``[rows,H,W,C]``."""

ROWS = "rows.npz"
"""Of all rows: ``early``, the bottlenecks that the front computes, float32 ``[rows,D]``; ``labels``, int64 ``[rows]``;
and ``weights``, float32 ``[rows]``."""

START = "start.npz"
"""What a training starts from: ``rows``, the rows to train on, and ``photos``, equal for rows of one photo, both int64
``[N]``; ``mean`` and ``deviation`` of their bottlenecks, float64 ``[D]``; and ``kernel`` ``[D,K]`` and ``bias`` ``[K]``
of a head on the standardized bottlenecks."""

TRAINED = "trained.npz"
"""What a training ends with: ``bottlenecks`` of the tail, float32 ``[rows,D]``; ``memory``, in bytes; and, if they were
asked for, ``kernel:NAME`` and ``bias:NAME`` of each convolution of the tail."""

MEASURED = "measured.txt"
"""Seconds that a step takes, written before the first progress."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A request to train a tail.

    Attributes:
        folder: where the arrays are.
        weights: of the backbone, from ``to_request``.
        tap: the layer that bottlenecks are taken from, or several with ``+`` between them.
        image_size: input side in pixels.
        cut: the layer whose maps the tail reads.
        scale: of the maps.
        zero_point: of the maps.
        epochs: how often each photo is trained on.
        batch: photos in a step.
        tail_rate: step size for the tail at the beginning.
        head_rate: step size for the head at the beginning.
        seed: of the order of the photos.
        threads: the number of cores to use.
        parameters: whether the parameters of the tail are wanted.
    """

    folder: str
    weights: Mapping[str, Any] = field(repr=False)
    tap: str
    image_size: int
    cut: str
    scale: float
    zero_point: int
    epochs: int
    batch: int
    tail_rate: float
    head_rate: float
    seed: int
    threads: int
    parameters: bool

    def to_request(self) -> dict[str, Any]:
        """Plain values, from which ``Job(**values)`` is the same job."""
        return asdict(self)

    @property
    def path(self) -> Path:
        """The folder of the arrays."""
        return Path(self.folder)


def load(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz``."""
    with np.load(path) as stored:
        return dict(stored)


def named_arrays(parameters: Mapping[str, Parameters]) -> dict[str, NDArray[np.float32]]:
    """Parameters as arrays with the names that ``TRAINED`` gives them."""
    kernels = {f"kernel:{name}": values.kernel for name, values in parameters.items()}
    return kernels | {f"bias:{name}": values.bias for name, values in parameters.items()}


def named_parameters(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Parameters]:
    """The parameters among arrays."""
    names = [name.removeprefix("kernel:") for name in arrays if name.startswith("kernel:")]
    return {name: Parameters(arrays[f"kernel:{name}"], arrays[f"bias:{name}"]) for name in names}
