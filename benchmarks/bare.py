"""The smallest script that classifies a photo: decode, resize, run. ``startup`` compares ``graft-device`` with it.

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
(input_details,), (output_details,) = interpreter.get_input_details(), interpreter.get_output_details()
size = int(input_details["shape"][1])
image = Image.open(photo).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
interpreter.set_tensor(input_details["index"], np.asarray(image)[np.newaxis])
interpreter.invoke()
sys.stdout.write(f"{interpreter.get_tensor(output_details['index'])[0].argmax()}\n")
