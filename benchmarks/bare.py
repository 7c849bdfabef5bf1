"""The least that can name what is in a photo: decode, resize, run. ``startup`` compares ``graft-device`` with it.

Usage: ``python bare.py MODEL PHOTO litert|tflite-runtime THREADS``
"""

import sys

import numpy as np
from PIL import Image

model, photo, runtime, threads = sys.argv[1:]
if runtime == "litert":
    from ai_edge_litert.interpreter import Interpreter
else:
    from tflite_runtime.interpreter import Interpreter

interpreter = Interpreter(model_path=model, num_threads=int(threads))
interpreter.allocate_tensors()
(entrance,), (end,) = interpreter.get_input_details(), interpreter.get_output_details()
size = int(entrance["shape"][1])
picture = Image.open(photo).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
interpreter.set_tensor(entrance["index"], np.asarray(picture)[np.newaxis])
interpreter.invoke()
sys.stdout.write(f"{interpreter.get_tensor(end['index'])[0].argmax()}\n")
