"""Trains the tail of a network and a head on it; ``tuner`` runs this module in a process of its own."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.in_tensorflow.keras_network import keras_network
from graft_host.backbones.in_tensorflow.weights_request import from_request
from graft_host.fine_tuning.files import MAPS, MEASURED, ROWS, START, TRAINED, Job, load, named_arrays
from graft_host.networks.cuts.tails import tail_of
from graft_host.networks.layers import Network
from graft_host.networks.parameters import Parameters
from graft_host.support.outside.isolated import serve
from graft_host.support.progress import Progress

_WARM_UP, _TIMED = 2, 3  # steps before the training: the first ones also compile
_READ = 64  # photos at a time whose bottlenecks are computed
_KILOBYTE = 1024  # the unit of ru_maxrss on Linux


class TailTraining:
    """A tail and a head, trained together on the maps of a frozen front.

    The head reads standardized bottlenecks: those of the front, which stay as they are, then those of the tail.

    Args:
        job: the request; its arrays are in its folder.
    """

    def __init__(self, job: Job) -> None:
        import keras
        import tensorflow as tf

        self._tf, self._job = tf, job
        self._tail, parameters = described_tail(job)
        self._model = keras_network(self._tail, parameters)
        self._maps, self._rows, self._start = (
            np.load(job.path / MAPS, "r"),
            load(job.path / ROWS),
            load(job.path / START),
        )
        self._head = [tf.Variable(self._start[name], dtype=tf.float32) for name in ("kernel", "bias")]
        self._scaling = [tf.constant(self._start[name], tf.float32) for name in ("mean", "deviation")]
        self._steps_in_epoch = -(-len(np.unique(self._start["photos"])) // job.batch)
        schedules = (
            keras.optimizers.schedules.CosineDecay(rate, self.steps) for rate in (job.tail_rate, job.head_rate)
        )
        self._optimizers = [keras.optimizers.Adam(schedule) for schedule in schedules]
        self._trained = [self._model.trainable_variables, self._head]
        for optimizer, variables in zip(self._optimizers, self._trained, strict=True):
            optimizer.build(variables)
        self._train = tf.function(self._step, reduce_retracing=True)
        self._run = tf.function(self._bottlenecks, reduce_retracing=True)

    @property
    def steps(self) -> int:
        """The number of steps of the whole training."""
        return self._job.epochs * self._steps_in_epoch

    def batches(self) -> Iterator[NDArray[np.int64]]:
        """The rows of each step: in each epoch each photo once, by itself or as one of its renditions."""
        rng = np.random.default_rng(self._job.seed)
        for _ in range(self._job.epochs):
            order = rng.permutation(len(self._start["rows"]))
            _, first = np.unique(self._start["photos"][order], return_index=True)
            yield from np.array_split(self._start["rows"][order[rng.permutation(first)]], self._steps_in_epoch)

    def step(self, rows: NDArray[np.int64]) -> None:
        """Trains on some rows."""
        order = np.sort(rows)  # the file is read forward
        values = (self._rows[name][order] for name in ("early", "labels", "weights"))
        self._train(*map(self._tf.constant, (self._maps[order], *values)))

    def seconds(self) -> float:
        """The seconds that a step takes; everything is afterwards as it was."""
        variables = [*self._trained[0], *self._head, *self._optimizers[0].variables, *self._optimizers[1].variables]
        before = [variable.numpy() for variable in variables]
        rows = next(self.batches())
        for _ in range(_WARM_UP):
            self.step(rows)
        start = time.monotonic()
        for _ in range(_TIMED):
            self.step(rows)
        seconds = (time.monotonic() - start) / _TIMED
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        return seconds

    def bottlenecks(self) -> NDArray[np.float32]:
        """The bottlenecks of the tail for all rows, ``[N,D]``."""
        parts = (self._maps[start : start + _READ] for start in range(0, len(self._maps), _READ))
        return np.concatenate([np.asarray(self._run(self._tf.constant(part))) for part in parts])

    def parameters(self) -> dict[str, Parameters]:
        """The parameters of the tail as a family's ``read_parameters`` returns them."""
        parameters = {}
        for layer in self._tail.convolutions:
            kernel, bias = self._model.get_layer(layer.name).get_weights()
            parameters[layer.name] = Parameters(np.moveaxis(kernel, 3, 0), bias)
        return parameters

    def _bottlenecks(self, maps: Any) -> Any:
        values = (self._tf.cast(maps, self._tf.float32) - float(self._job.zero_point)) * self._job.scale
        outputs = self._model(values, training=True)
        return self._tf.concat(outputs, axis=1) if isinstance(outputs, list) else outputs

    def _step(self, maps: Any, early: Any, labels: Any, weights: Any) -> None:
        tf = self._tf
        mean, deviation = self._scaling
        kernel, bias = self._head
        with tf.GradientTape() as tape:
            bottlenecks = tf.concat([early, self._bottlenecks(maps)], axis=1)
            logits = tf.linalg.matmul((bottlenecks - mean) / deviation, kernel) + bias
            loss = tf.reduce_mean(weights * tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        gradients = tape.gradient(loss, self._trained)
        for optimizer, slopes, variables in zip(self._optimizers, gradients, self._trained, strict=True):
            optimizer.apply_gradients(zip(slopes, variables, strict=True))


def described_tail(job: Job) -> tuple[Network, Mapping[str, Parameters]]:
    """The tail of a job and the pretrained parameters of its convolutions."""
    weights = from_request(job.weights)
    network = weights.family.network(weights, weights.family.taps_of(job.tap), job.image_size)
    tail = tail_of(network, job.cut)
    parameters = weights.family.read_parameters(weights, network)
    return tail, {layer.name: parameters[layer.name] for layer in tail.convolutions}


def _run(request: dict[str, Any], progress: Progress) -> None:
    import keras
    import tensorflow as tf

    job = Job(**request)
    tf.config.threading.set_intra_op_parallelism_threads(job.threads)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(job.seed)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, enable=True)
    training = TailTraining(job)
    (job.path / MEASURED).write_text(repr(training.seconds()))
    progress(0, training.steps)
    for done, rows in enumerate(training.batches(), 1):
        training.step(rows)
        progress(done, training.steps)
    arrays: dict[str, Any] = {"bottlenecks": training.bottlenecks()}
    if job.parameters:
        arrays |= named_arrays(training.parameters())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILOBYTE
    np.savez(job.path / TRAINED, memory=memory, **arrays)


if __name__ == "__main__":
    serve(_run)
