"""A backbone on disk, and what it is converted from and to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from graft_device.preprocess import VERSION as PREPROCESS_VERSION
from graft_host.backbones.family import WeightsSource

_RECIPE = 2
"""Goes up when the same settings would give another network. Cached backbones are keyed by it."""

_FORMER_RECIPE = 1
"""TensorFlow's converter, 100 photos. Its int8 backbones are as accurate, so those in a cache are still used."""


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """What a backbone is converted from and to.

    Attributes:
        weights: with the family that they are for.
        tap: the layer that bottlenecks are taken from, or several with ``+`` between them in the order of their depth.
        image_size: the input side S in pixels.
        quantization: ``int8``, ``dynamic``, ``float16`` or ``float32``.
        resize: ``squash`` or ``crop``, how the photos that calibrate it become squares.
    """

    weights: WeightsSource
    tap: str
    image_size: int
    quantization: str
    resize: str

    @property
    def taps(self) -> tuple[str, ...]:
        """The layers that bottlenecks are taken from, the earliest in the network first."""
        return self.weights.family.taps_of(self.tap)

    @property
    def key(self) -> str:
        """Names everything that the converted file of one tap depends on, except the calibration photos."""
        return self._key(_RECIPE)

    @property
    def former_key(self) -> str | None:
        """The key of a backbone of an earlier graftkit that is still used; None for float networks.

        They are written in a second, and must have the same operators as an int8 network that is compared with them.
        """
        return self._key(_FORMER_RECIPE) if self.quantization == "int8" else None

    def _key(self, recipe: int) -> str:
        parts = [recipe, self.weights.fingerprint, self.weights.mean, self.weights.std, self.tap, self.image_size]
        parts += [self.weights.last_pool, self.quantization, *self.weights.family.key_parts]
        if self.quantization == "int8":
            parts += [self.resize, PREPROCESS_VERSION]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A converted backbone on disk.

    Attributes:
        spec: what it was converted from and to.
        path: the file.
        fingerprint: its SHA-256 in hex.
        calibration_photos: number of photos that the ranges of its activations were measured on.
        reused: whether it was cached.
        former: whether an earlier graftkit converted it.
        parts: the backbones of its taps, in the order of its outputs, which compute the same numbers each by itself;
            empty if it has one tap.
    """

    spec: BackboneSpec
    path: Path
    fingerprint: str
    reused: bool
    calibration_photos: int = 0
    former: bool = False
    parts: tuple[Backbone, ...] = ()
