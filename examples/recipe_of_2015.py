"""The recipe of 2015 in TensorFlow: bottlenecks of the frozen graph, and a softmax layer by gradient descent at 0.5.

pip install "tensorflow>=2.19"
python recipe_of_2015.py classify_image_graph_def.pb photos/

``photos/train`` and ``photos/test`` hold a folder of JPEGs for each class.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

JPEG, BOTTLENECK = "DecodeJpeg/contents:0", "pool_3/_reshape:0"
LEARNING_RATE, STEPS, BATCH = 0.5, 4000, 100
tf1 = tf.compat.v1


def bottlenecks(graph_file: Path, photos: list[Path]) -> Any:
    """What the graph computes for each photo, one after the other: float32 ``[N,2048]``."""
    definition = tf1.GraphDef()
    definition.ParseFromString(graph_file.read_bytes())
    with tf.Graph().as_default() as graph, tf1.Session(graph=graph) as session:
        tf.import_graph_def(definition, name="")
        return np.concatenate([session.run(BOTTLENECK, {JPEG: photo.read_bytes()}) for photo in photos])


def softmax_layer(values: Any, labels: Any, classes: int, tested: Any) -> Any:
    """Trains a softmax layer by gradient descent; returns the class that it names for each row of ``tested``."""
    draw = np.random.default_rng(0)
    with tf.Graph().as_default() as graph, tf1.Session(graph=graph) as session:
        tf1.set_random_seed(0)
        rows = tf1.placeholder(tf.float32, [None, values.shape[1]])
        truth = tf1.placeholder(tf.int64, [None])
        kernel = tf1.get_variable(
            "kernel", [values.shape[1], classes], initializer=tf1.truncated_normal_initializer(stddev=0.001)
        )
        bias = tf1.get_variable("bias", [classes], initializer=tf1.zeros_initializer())
        logits = tf.matmul(rows, kernel) + bias
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=logits))
        step = tf1.train.GradientDescentOptimizer(LEARNING_RATE).minimize(loss)
        session.run(tf1.global_variables_initializer())
        for _ in range(STEPS):
            chosen = draw.integers(len(labels), size=BATCH)
            session.run(step, {rows: values[chosen], truth: labels[chosen]})
        return session.run(logits, {rows: tested}).argmax(axis=1)


def main(graph_file: Path, folder: Path) -> None:
    """Trains on ``folder/train``, and prints how many photos of ``folder/test`` are named rightly."""
    classes = sorted(path.name for path in (folder / "train").iterdir())
    parts = [
        [photo for name in classes for photo in sorted((folder / part / name).iterdir())] for part in ("train", "test")
    ]
    labels = [np.array([classes.index(photo.parent.name) for photo in photos]) for photos in parts]
    start = time.perf_counter()
    train, test = (bottlenecks(graph_file, photos) for photos in parts)
    computed = time.perf_counter()
    named = softmax_layer(train, labels[0], len(classes), test)
    trained = time.perf_counter()
    photos, seconds = sum(map(len, parts)), computed - start
    print(f"bottlenecks    {photos} photos in {seconds:.1f} s, {1e3 * seconds / photos:.0f} ms a photo")
    print(f"softmax layer  {STEPS} steps in {trained - computed:.1f} s")
    print(f"accuracy       {np.mean(named == labels[1]):.1%} of {len(named)} test photos right")


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004  the program, the graph and the photos
        sys.exit("usage: recipe_of_2015.py GRAPH.pb PHOTOS")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
