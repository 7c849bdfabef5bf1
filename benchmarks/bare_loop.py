"""The smallest script that classifies many photos; ``graft-device classify`` is compared with it.

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
        threads: the number of threads for one inference.
        draft: whether JPEGs are decoded at the smallest size that is large enough.

    Returns:
        A function that returns the index of the best class of a photo.
    """
    if runtime == "litert":
        from ai_edge_litert.interpreter import Interpreter
    else:
        from tflite_runtime.interpreter import Interpreter
    interpreter = Interpreter(model_path=model, num_threads=threads)
    interpreter.allocate_tensors()
    (input_details,), (output_details,) = interpreter.get_input_details(), interpreter.get_output_details()
    size = int(input_details["shape"][1])

    def best(photo: str) -> int:
        with Image.open(photo) as image:
            if draft:
                image.draft(None, (size, size))
            resized = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
        interpreter.set_tensor(input_details["index"], np.asarray(resized)[np.newaxis])
        interpreter.invoke()
        return int(interpreter.get_tensor(output_details["index"])[0].argmax())

    return best


if __name__ == "__main__":
    classify = loop(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    for path in sys.argv[4:]:
        sys.stdout.write(f"{path}: {classify(path)}\n")
