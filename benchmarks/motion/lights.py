"""What light, weather and a mount do to a view in which nothing moves."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from benchmarks.motion.scenes import Plane, smooth

_CLOUD_SPEED = 12  # pixels a second
_SHAKEN = 0.3  # of the frames
_DROPS = 60
_PERIOD_S = 20  # of an exposure that drifts up and down


class Light:
    """The light of one view, of which one thing changes. Lamps change at ``on_at``; weather never ends."""

    def __init__(self, rng: np.random.Generator, view: Plane, kind: str, on_at: float, ramp: bool) -> None:
        """Draws strength, place and size.

        Args:
            rng: makes every choice.
            view: the view ``[H,W,3]``, levels 0 to 255.
            kind: of ``LIGHTS``.
            on_at: when lamps change, in seconds.
            ramp: whether they take a second to.
        """
        height, width = view.shape[:2]
        y, x = np.mgrid[:height, :width].astype(np.float32)
        away = np.hypot(x - rng.uniform(0.1, 0.9) * width, y - rng.uniform(0.1, 0.9) * height) / width
        self._rng, self._view, self._on_at, self._ramp = rng, view, on_at, ramp
        self._sign, self._strength = float(rng.choice([-1, 1])), float(rng.uniform(0.15, 0.3))
        self._cone = np.exp(-((away / rng.uniform(0.15, 0.4)) ** 2))[..., None].astype(np.float32)
        edge = rng.uniform(0.004, 0.1)
        self._spot = np.clip((rng.uniform(0.2, 0.4) - away) / edge + 0.5, 0, 1)[..., None].astype(np.float32)
        self._clouds = smooth(rng, (2 * width, height), 6)
        self._bands = y / height * 9
        self._now, self._number = 0.0, 0
        self._changed = LIGHTS[kind]
        self._always = kind in _WEATHER

    def __call__(self, now: float, number: int) -> Plane:
        """The view ``[H,W,3]`` at a time in seconds, which is that of a frame's number."""
        self._now, self._number = now, number
        return self._changed(self) if self._always or now >= self._on_at else self._view

    @property
    def _amount(self) -> float:
        return self._strength * (min(1.0, 0.2 + self._now - self._on_at) if self._ramp else 1.0)

    def _lit(self, shape: Plane, factor: float) -> Plane:
        lit: Plane = self._view * (1 + np.float32(factor * self._amount) * shape)
        return lit

    def still(self) -> Plane:
        """Nothing changes."""
        return self._view

    def lamp(self) -> Plane:
        """All becomes lighter or darker by up to 30%."""
        shown: Plane = self._view * np.float32(1 + self._sign * self._amount)
        return shown

    def cone(self) -> Plane:
        """A lamp lights a part of the room up to twice as much, with a soft edge."""
        return self._lit(self._cone, 3)

    def spot(self) -> Plane:
        """A lamp with a shade: a disc of light, whose edge may be sharp."""
        return self._lit(self._spot, 2.5)

    def veil(self) -> Plane:
        """Light in the lens, which adds to what is seen."""
        veiled: Plane = self._view + np.float32(150 * self._amount) * self._cone
        return veiled

    def gamma(self) -> Plane:
        """The camera changes its curve."""
        bent: Plane = 255 * (np.clip(self._view, 0, 255) / 255) ** np.float32(1 + self._sign * self._amount)
        return bent

    def balance(self) -> Plane:
        """The camera changes its white balance."""
        shown: Plane = self._view * (1 + np.float32(self._amount * self._sign) * np.array([1, 0, -1], np.float32))
        return shown

    def night(self) -> Plane:
        """The infrared filter moves away: grey, flatter, noisier."""
        grey = 30 + 0.55 * (self._view @ np.array([0.6, 0.2, 0.2], np.float32))
        height, width = grey.shape
        grey += 8 * smooth(self._rng, (width, height), width // 2)
        return np.repeat(grey[..., None], 3, axis=2)

    def drift(self) -> Plane:
        """The exposure drifts by 30% up and down."""
        shown: Plane = self._view * np.float32(1 + 0.3 * math.sin(self._now * 2 * math.pi / _PERIOD_S))
        return shown

    def clouds(self) -> Plane:
        """Shadows of clouds move over the ground."""
        width = self._view.shape[1]
        left = int(self._now * _CLOUD_SPEED) % width
        shade = np.clip(self._clouds[:, left : left + width], -1, 1)
        shown: Plane = self._view * (1 + np.float32(0.25) * shade)[..., None]
        return shown

    def rain(self) -> Plane:
        """Drops fall through the view."""
        shown = self._view.copy()
        height, width = shown.shape[:2]
        for _ in range(_DROPS):
            x, y = int(self._rng.integers(width)), int(self._rng.integers(height))
            shown[y : y + height // 20, x : x + max(1, width // 500)] += 25
        return shown

    def shake(self) -> Plane:
        """The mount shakes by a pixel now and then."""
        height, width = self._view.shape[:2]
        y, x = self._rng.integers(0, 3, 2) if self._rng.random() < _SHAKEN else (1, 1)
        return np.pad(self._view, ((1, 1), (1, 1), (0, 0)), "edge")[y : y + height, x : x + width]

    def flicker(self) -> Plane:
        """Bands of a lamp on alternating current move through the view."""
        bands = np.sin(self._bands + np.float32(self._number * 2.1))[..., None]
        shown: Plane = self._view * (1 + np.float32(0.04) * bands)
        return shown


LIGHTS: dict[str, Callable[[Light], Plane]] = {
    "still": Light.still,
    "lamp": Light.lamp,
    "cone": Light.cone,
    "spot": Light.spot,
    "veil": Light.veil,
    "gamma": Light.gamma,
    "white balance": Light.balance,
    "night": Light.night,
    "drift": Light.drift,
    "clouds": Light.clouds,
    "rain": Light.rain,
    "shake": Light.shake,
    "flicker": Light.flicker,
}
"""What can change, by name."""

_WEATHER = {"still", "drift", "clouds", "rain", "shake", "flicker"}
