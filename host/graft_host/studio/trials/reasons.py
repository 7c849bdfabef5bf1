"""Which part of a picture mattered to a model's answer, as the page shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.preprocess import CROP_FRACTION
from graft_host.studio.trials.occlusion import Array, occlusion
from graft_host.studio.trials.trials import Trials

_DECIMALS = 3


def picture_map(
    trials: Trials, name: str, picture: bytes, progress: Callable[[int, int], None], stopped: Callable[[], bool]
) -> dict[str, Any]:
    """Computes the map of what mattered to the best label of a picture.

    Args:
        trials: the models.
        name: of the model.
        picture: the bytes of an image file.
        progress: called with (squares done, squares in all).
        stopped: asked often whether to stop.

    Returns:
        ``label``; ``values``, a list of rows with the mean drop of the log-odds where the picture was covered;
        ``place``, where it dropped most; ``margin``, the share of each side of the picture that is outside the map.

    Raises:
        StoppedError: ``stopped`` returned True.
        PhotoError: the picture cannot be read.
        GraftError: the model cannot be used.
    """
    process = trials.process(name)
    description = process.description()
    side, classes = description["card"]["image_size"], len(description["labels"])
    pixels = np.frombuffer(process.ask("pixels", picture)[1], np.uint8).reshape(side, side, 3)

    def logits(inputs: NDArray[np.uint8]) -> Array:
        return np.frombuffer(process.ask("logits", inputs.tobytes())[1], np.float32).reshape(-1, classes)

    label = description["labels"].index(process.ask("classify", picture)[0]["predictions"][0]["label"])
    made = occlusion(pixels, label, logits, progress, stopped)
    return {
        "label": description["labels"][label],
        "values": made.values.round(_DECIMALS).tolist(),
        "place": made.place,
        "margin": (1 - CROP_FRACTION) / 2 if description["card"]["resize"] == "crop" else 0,
    }
