"""The least that can name what is in many photos: what ``graft-device classify`` is measured against.

Usage: ``python bare_loop.py MODEL litert|tflite-runtime THREADS PHOTO...``
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from PIL import Image


def loop(model: str, runtime: str, threads: int, draft: bool = True) -> Callable[[str], int]:
    """Opens a model.

    Args:
        model: the ``.tflite`` file.
        runtime: ``litert`` or ``tflite-runtime``.
        threads: for one inference.
        draft: whether JPEGs are decoded at the smallest size that will do.

    Returns:
        What gives the number of the best class of a photo.
    """
    if runtime == "litert":
        from ai_edge_litert.interpreter import Interpreter
    else:
        from tflite_runtime.interpreter import Interpreter
    interpreter = Interpreter(model_path=model, num_threads=threads)
    interpreter.allocate_tensors()
    (entrance,), (end,) = interpreter.get_input_details(), interpreter.get_output_details()
    size = int(entrance["shape"][1])

    def best(photo: str) -> int:
        with Image.open(photo) as image:
            if draft:
                image.draft(None, (size, size))
            picture = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
        interpreter.set_tensor(entrance["index"], np.asarray(picture)[np.newaxis])
        interpreter.invoke()
        return int(interpreter.get_tensor(end["index"])[0].argmax())

    return best


if __name__ == "__main__":
    name = loop(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    for path in sys.argv[4:]:
        sys.stdout.write(f"{path}: {name(path)}\n")
