"""Lays vectors out so that those that are near each other stay neighbours (UMAP), where umap-learn is installed."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from typing import Any

import numpy as np

from graft_host.studio.maps.principal import Array, principal

_DIRECTIONS = 64
"""Principal directions that are compared, as when pictures are sorted into groups of likeness."""

_NEIGHBOURS = 15
"""Of each vector; the default of umap-learn."""

_SEED = 0
FEWEST = 12
"""With fewer vectors, there is no neighbourhood to keep."""


def has_umap() -> bool:
    """Whether umap-learn is installed."""
    return importlib.util.find_spec("umap") is not None


def neighbour_map(vectors: Array) -> Array:
    """Computes the map, ``[N,2]``; the same vectors always give the same map.

    The method is that of L. McInnes, J. Healy and J. Melville, "UMAP: Uniform Manifold Approximation and Projection for
    Dimension Reduction", arXiv:1802.03426, with the distances of the 64 principal directions.

    Args:
        vectors: ``[N,D]``, at least ``FEWEST``.
    """
    reduced = principal(vectors, min(_DIRECTIONS, *vectors.shape)).points
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a seed takes one thread, and says so
        mapper = _umap()(n_neighbors=min(_NEIGHBOURS, len(reduced) - 1), random_state=_SEED, n_jobs=1)
        return np.asarray(mapper.fit_transform(reduced), np.float32)


def _umap() -> Any:
    """The class of umap-learn, which takes seconds to import, but without TensorFlow, which only a part needs."""
    name = "tensorflow"
    if name in sys.modules:
        from umap import UMAP

        return UMAP
    sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails at once, which umap-learn allows for
    try:
        from umap import UMAP
    finally:
        del sys.modules[name]
    return UMAP
