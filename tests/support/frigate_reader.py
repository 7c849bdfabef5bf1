"""The steps of Frigate's custom classification, written from its documents: an independent reader of our files."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RUNTIMES = ("tflite_runtime", "ai_edge_litert")  # Frigate 0.17 has the first, a later one the second
SIDE = 224
WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Found:
    """What Frigate finds in a frame: the best label, its score of two decimals, and whether it counts."""

    label: str
    score: float
    accepted: bool


class FrigateModel:
    """A model in Frigate's config folder, as its ``config.yml`` names it."""

    def __init__(self, config: Path, name: str, runtime: str = RUNTIMES[0]) -> None:
        settings = yaml.safe_load((config / "config.yml").read_text())["classification"]["custom"][name]
        folder = config / "model_cache" / name
        module = importlib.import_module(f"{runtime}.interpreter")
        self.threshold = float(settings["threshold"])
        self.labels = [line.strip() for line in (folder / "labelmap.txt").read_text("utf-8").splitlines()]
        self.interpreter = module.Interpreter(model_path=str(folder / "model.tflite"), num_threads=2)
        self.interpreter.allocate_tensors()

    def classify(self, frame: NDArray[np.uint8], region: tuple[float, float, float, float] = WHOLE) -> Found:
        """Classifies a region of a camera's frame, given as shares of its width and height."""
        rgb = cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_I420)
        height, width = rgb.shape[:2]
        left, top, right, bottom = np.array(region) * (width, height, width, height)
        pixels = cv2.resize(rgb[int(top) : int(bottom), int(left) : int(right)], (SIDE, SIDE))
        source, target = self.interpreter.get_input_details()[0], self.interpreter.get_output_details()[0]
        self.interpreter.set_tensor(source["index"], pixels[np.newaxis])
        self.interpreter.invoke()
        output = self.interpreter.get_tensor(target["index"])[0]
        shares = output / output.sum()
        best = int(shares.argmax())
        score = np.round(shares[best], 2)  # float32, so that 0.7 may be a little below a threshold of 0.7
        return Found(self.labels[best], float(score), not score < self.threshold)


def frame_of(path: Path) -> NDArray[Any]:
    """A photo as a frame of a camera: planes of light and colour (I420), which want even sides."""
    image = cv2.imread(str(path))
    assert image is not None, path
    height, width = (side // 2 * 2 for side in image.shape[:2])
    return cv2.cvtColor(image[:height, :width], cv2.COLOR_BGR2YUV_I420)
