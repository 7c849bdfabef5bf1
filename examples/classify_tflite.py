"""Classifies photos with a model of graftkit, without graftkit.

pip install ai-edge-litert pillow                   # 64-bit, Python 3.10 and later; or, up to Python 3.11:
pip install tflite-runtime==2.14.0 "numpy<2" pillow
python classify_tflite.py pets.tflite photo.jpg
"""

from __future__ import annotations

import json
import sys
import zipfile
from typing import Any

import numpy as np
from PIL import Image, ImageOps

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter


def read_pixels(path: str, card: dict[str, Any]) -> Any:
    """The photo as the network takes it: upright RGB, resized as in training, uint8 or scaled float32."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    box = None
    if card["resize"] == "crop":  # the central 87.5%
        width, height = image.size
        box = (width / 16, height / 16, width * 15 / 16, height * 15 / 16)
    size = card["image_size"]
    pixels = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box))
    if card["quantization"] == "int8":
        return pixels[np.newaxis]
    return ((pixels[np.newaxis].astype(np.float32) - card["mean"]) / card["std"]).astype(np.float32)


def main(model: str, *photos: str) -> None:
    """Prints the label of each photo, and the scores of all labels."""
    with zipfile.ZipFile(model) as archive:  # the labels and the model card are a zip at the end of the file
        labels = archive.read("labels.txt").decode().splitlines()
        card = json.loads(archive.read("graft.json"))
    unknown_below = (card["thresholds"].get("unknown") or {}).get("score", 0)
    network = Interpreter(model_path=model, num_threads=2)
    network.allocate_tensors()
    (source,), (target,) = network.get_input_details(), network.get_output_details()
    for photo in photos:
        network.set_tensor(source["index"], read_pixels(photo, card))
        network.invoke()
        scores = network.get_tensor(target["index"])[0]
        order = np.argsort(-scores, kind="stable")
        best = "unknown" if scores[order[0]] < unknown_below else labels[order[0]]
        print(f"{photo}: {best} ({', '.join(f'{labels[index]} {scores[index]:.4f}' for index in order)})")


if __name__ == "__main__":
    if len(sys.argv) < 3:  # noqa: PLR2004  the program, a model and a photo
        sys.exit("usage: classify_tflite.py MODEL.tflite PHOTO...")
    main(*sys.argv[1:])
