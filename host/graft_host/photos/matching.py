"""Makes photos look as if the camera of a place had taken them, from a few unlabelled photos of that place.

A matched copy has the mean colour and the covariance of the colours of some target photo. It is blurred and noisy so
that the mean spectra of all matched copies and of all target photos agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from graft_host.photos.drawn import Drawn

VERSION = 1
"""Increase it whenever the same photo, statistics and seed give another copy: cached bottlenecks are keyed by it."""

SIDE = 256
"""The side in pixels of the squares that are measured and matched, whatever the network's input side is."""

MOST = 100
"""How many photos of each domain are measured: more would change little."""

Square = NDArray[np.uint8]
Wide = NDArray[np.float64]

_COLOUR_SIDE = 64  # pixels: small enough that noise does not count as colour
_FLAT = 64.0  # variance that is added to that of a photo's colours: a photo of one colour would become noise
_BANDS = 32  # of spatial frequency, up to one period in two pixels
_RADII = np.array([*np.arange(0, 1.6, 0.1), *np.arange(1.6, 4.1, 0.2)])  # pixels: of the blurs that are tried
_NOISES = np.array([0.0, *np.logspace(-6, 1, 43)])  # powers that are tried, relative to that of the second band
_INVISIBLE = 0.01  # share of a source photo's detail that is as good as none
_TOLERANCE, _TOLERATED = 1.5, 0.05  # factor and summand of the squared error that a weaker noise may have
_GREY = np.array([0.299, 0.587, 0.114])
_LEVELS = 255


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistics:
    """What photos of a place look like, compared with photos from elsewhere.

    Attributes:
        digest: identifies the photos that were measured, in hex.
        means: the mean colour of each target photo, ``[T,3]``.
        covariances: the covariance of the colours of each target photo, ``[T,3,3]``.
        blur: how much a source photo is blurred: the radius of a Gaussian in pixels of a square of side ``SIDE``.
        noise: a matrix ``[3,3]`` that turns independent noise of variance 1 into that of a target photo.
        softness: how much the noisy photo is blurred, because a target photo has fewer pixels or was smoothed: the
            radius of a Gaussian in the same pixels.
    """

    digest: str
    means: Wide
    covariances: Wide
    blur: float
    noise: Wide
    softness: float


def digest_of(targets: Sequence[str], sources: Sequence[str]) -> str:
    """The digest of the statistics of some photos.

    Args:
        targets: digests of the target photos.
        sources: digests of the source photos.
    """
    names = "\n".join(["targets", *sorted(set(targets)), "sources", *sorted(set(sources))])
    return hashlib.sha256(names.encode()).hexdigest()


def measured(targets: Sequence[Square], sources: Sequence[Square], digest: str) -> Statistics:
    """Measures what target photos look like, compared with source photos.

    Args:
        targets: squares ``[SIDE,SIDE,3]`` of at least one target photo.
        sources: squares of at least one source photo.
        digest: from ``digest_of``.
    """
    colours = [_colours(square) for square in targets]
    blur, power, softness = _faults(_mean_spectrum(targets), _mean_spectrum(sources))
    grain = np.mean([_grain(square) for square in targets], axis=0)
    variance = max(float(_GREY @ grain @ _GREY), 1e-9)
    return Statistics(
        digest=digest,
        means=np.array([mean for mean, _ in colours]),
        covariances=np.array([covariance for _, covariance in colours]),
        blur=blur,
        noise=_root(grain / variance) * np.sqrt(power),
        softness=softness,
    )


def matched(image: Image.Image, statistics: Statistics, digest: str, index: int, seed: int) -> Image.Image:
    """Makes a matched copy of a photo. The same image, statistics, content, index and seed give the same copy.

    Args:
        image: the photo, upright and squashed to a square.
        statistics: of the place.
        digest: SHA-256 of the photo's content, in hex.
        index: number of the copy, from 1.
        seed: the seed of the run.

    Returns:
        An RGB image of ``SIDE`` x ``SIDE`` pixels.
    """
    draw = Drawn(f"graft-matched-copy:{seed}:{digest}:{index}")
    square = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    mean, covariance = _colours(np.asarray(square))
    target = draw.below(len(statistics.means))
    change = _root(covariance, inverse=True) @ _root(statistics.covariances[target])
    blurred = np.asarray(square.filter(ImageFilter.GaussianBlur(statistics.blur)), np.float64)
    coloured = (blurred - mean) @ change + statistics.means[target]
    noisy = coloured + draw.noise(coloured.shape) @ statistics.noise.T
    copy = Image.fromarray(np.clip(np.rint(noisy), 0, _LEVELS).astype(np.uint8))
    return copy.filter(ImageFilter.GaussianBlur(statistics.softness))


def _colours(square: Square) -> tuple[Wide, Wide]:
    """The mean colour ``[3]`` and the covariance ``[3,3]`` of the colours, with that of a nearly flat photo added."""
    small = Image.fromarray(square).resize((_COLOUR_SIDE, _COLOUR_SIDE), Image.Resampling.BOX)
    colours = np.asarray(small, np.float64).reshape(-1, 3)
    return colours.mean(axis=0), np.cov(colours.T) + _FLAT * np.eye(3)


def _mean_spectrum(squares: Sequence[Square]) -> Wide:
    """The mean power of grey in each band of spatial frequency, ``[_BANDS]``, per pixel: noise has its variance."""
    window = np.outer(np.hanning(SIDE), np.hanning(SIDE))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    bands = np.minimum((frequency * 2 * _BANDS).astype(int), _BANDS - 1).ravel()
    total = np.zeros(_BANDS)
    for square in squares:
        grey = np.asarray(square, np.float64) @ _GREY
        power = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2 / (window**2).sum()
        total += np.bincount(bands, power.ravel(), _BANDS)
    shares: Wide = total / np.bincount(bands, minlength=_BANDS) / len(squares)
    return np.maximum(shares, 1e-9)


def _faults(target: Wide, source: Wide) -> tuple[float, float, float]:
    """The faults that turn one mean spectrum into another.

    The target's spectrum is taken for (contrast · source · blur + noise) · softness, and the four are fitted to the
    logarithms of all bands except the lowest, which depends on the scenes. Contrast belongs to the colours.

    Returns:
        The radius of the blur in pixels, the variance of the grey noise in levels², and the radius of the softness.
    """
    middles = (np.arange(1, _BANDS) + 0.5) / (2 * _BANDS)
    passed = np.exp(-((2 * np.pi * np.outer(_RADII, middles)) ** 2))
    shape, share = source[1:] / source[1], target[1:] / target[1]
    noisy = passed[:, None, None, :] * shape + _NOISES[None, :, None, None]
    models = noisy * passed[None, None, :, :]
    differences = np.log(share + _INVISIBLE * shape) - np.log(models + _INVISIBLE * shape)
    contrasts = differences.mean(axis=3, keepdims=True)
    errors = ((differences - contrasts) ** 2).sum(axis=3)
    good = errors.min(axis=(0, 2)) <= _TOLERANCE * errors.min() + _TOLERATED
    noise = int(good.argmax())  # the least: strong noise that is smoothed looks much like blurred detail
    blur, softness = np.unravel_index(int(errors[:, noise].argmin()), errors[:, noise].shape)
    variance = _NOISES[noise] * np.exp(contrasts[blur, noise, softness, 0]) * target[1]
    return float(_RADII[blur]), float(variance), float(_RADII[softness])


def _grain(square: Square) -> Wide:
    """The covariance ``[3,3]`` of the finest detail: a Laplacian that smooth surfaces and edges nearly vanish in."""
    values = np.asarray(square, np.float64)
    across = values[:, 2:] - 2 * values[:, 1:-1] + values[:, :-2]
    both = (across[2:] - 2 * across[1:-1] + across[:-2]).reshape(-1, 3)
    covariance: Wide = both.T @ both / len(both) / 36  # the squares of the kernel's numbers sum to 36
    return covariance + 1e-6 * np.eye(3)


def _root(matrix: Wide, *, inverse: bool = False) -> Wide:
    """The symmetric root of a symmetric matrix without negative eigenvalues, or the inverse of that root."""
    values, vectors = np.linalg.eigh(matrix)
    scales: NDArray[Any] = np.sqrt(np.maximum(values, 1e-6))
    root: Wide = (vectors / scales if inverse else vectors * scales) @ vectors.T
    return root
