"""The benches of rendered photos: wood, concrete, brushed metal, cutting mats, paper and cloth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graft_host.demo.rendering.noise import chance, cloud, noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft_host.demo.rendering.noise import Array


@dataclass(frozen=True)
class Surface:
    """A material of a bench.

    Attributes:
        draw: makes a tone of shape ``[n, n]``, from about 0 (dark) to 1 (light).
        colours: pairs of a dark and a light colour as 0xRRGGBB, of which one is chosen.
    """

    draw: Callable[[np.random.Generator, int], Array]
    colours: tuple[tuple[int, int], ...]


def _wood(rng: np.random.Generator, n: int) -> Array:
    y = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    rings = np.sin(2 * math.pi * (rng.uniform(5, 14) * y + rng.uniform(0.2, 0.8) * noise(rng, n, 5, 2)))
    pores = np.minimum(noise(rng, n, n, n // 24), 0)
    tone: Array = 0.6 + 0.14 * rings + 0.1 * noise(rng, n, n // 3, 4) + 0.12 * pores + 0.06 * cloud(rng, n)
    if chance(rng, 0.4):
        gap = 0.012
        plank = (y * int(rng.integers(2, 4)) + rng.random()) % 1
        tone = np.where(plank < gap, tone - 0.8, tone)
    return tone


def _concrete(rng: np.random.Generator, n: int) -> Array:
    pits = np.maximum(noise(rng, n, n // 3, n // 3) - 1.1, 0)
    tone: Array = 0.55 + 0.14 * cloud(rng, n) + 0.06 * rng.standard_normal((n, n), np.float32) - 0.35 * pits
    return tone


def _brushed(rng: np.random.Generator, n: int) -> Array:
    return 0.55 + 0.1 * (noise(rng, n, n, 6) + noise(rng, n, n // 4, 2)) + 0.12 * noise(rng, n, 3, 3)


def _mat(rng: np.random.Generator, n: int) -> Array:
    period = rng.uniform(0.08, 0.16) * n
    lines = np.maximum(0.8 * _lines(n, period, 1.3), 0.3 * _lines(n, period / 5, 0.8))
    tone: Array = 0.12 + lines + 0.04 * rng.standard_normal((n, n), np.float32) + 0.06 * cloud(rng, n)
    return tone


def _paper(rng: np.random.Generator, n: int) -> Array:
    tone = 0.75 + 0.06 * cloud(rng, n) + 0.04 * noise(rng, n, n // 2, n // 2)
    if chance(rng, 0.4):
        tone = tone - 0.35 * _lines(n, rng.uniform(0.03, 0.06) * n, 0.9)
    return tone


def _cloth(rng: np.random.Generator, n: int) -> Array:
    count = int(rng.integers(60, 110))
    wave = np.sin(np.linspace(0, math.pi * count, n, dtype=np.float32))
    over = np.where(wave[:, None] * wave > 0, wave[:, None] ** 2, wave * wave)
    threads = noise(rng, n, count, 6) + noise(rng, n, 6, count)
    tone: Array = 0.3 + 0.4 * over + 0.1 * threads + 0.13 * noise(rng, n, 5, 4)
    return tone


def _lines(n: int, period: float, width: float) -> Array:
    away = np.abs((np.arange(n, dtype=np.float32) + period / 2) % period - period / 2)
    line = np.clip(width - away, 0, 1)
    grid: Array = np.maximum(line[:, None], line[None, :])
    return grid


SURFACES: tuple[Surface, ...] = (
    Surface(_wood, ((0x6B4423, 0xD2A56D), (0x8A6A45, 0xE8CFA4), (0x2E1C12, 0x7A5235), (0x5A4A3C, 0xA59482))),
    Surface(_concrete, ((0x4F4E4B, 0xB4B0A8), (0x3A3C3E, 0x8C8F92), (0x7A7266, 0xD6CDBE))),
    Surface(_brushed, ((0x55595D, 0xC3C8CC), (0x34373A, 0x8D9296))),
    Surface(_mat, ((0x1F5A48, 0xC9D8B0), (0x27405F, 0xC4D2DC), (0x26282A, 0x9AA0A0), (0x6A3440, 0xE0C9C4))),
    Surface(_paper, ((0x8F8A80, 0xFAF8F2), (0x7E6242, 0xCFA777), (0x9A9377, 0xF3ECCB))),
    Surface(_cloth, ((0x1C2A45, 0x5D7396), (0x5E1E1C, 0xB65148), (0x6E6656, 0xCFC6B0), (0x2B2D2E, 0x77797A))),
)
