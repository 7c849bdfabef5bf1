"""Complete models whose backbone was fine-tuned, with random weights and without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.registry import family
from graft_host.backbones.weights.find import find_weights
from graft_host.heads.head import Head
from graft_host.networks.cuts.appended_tail import append_tail
from graft_host.networks.cuts.cutting import front
from graft_host.networks.cuts.tails import tail_of
from graft_host.networks.float_file import write_float32
from graft_host.networks.parameters import Parameters
from graft_host.tflite.fuse import fuse
from graft_host.tflite.metadata import attach
from tests.support.device_models import make_card
from tests.support.networks import outputs_of, real_outputs_of, unwatched
from tests.support.whole_models import LABELS, photos_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from graft_host.backbones.family import WeightsSource
    from graft_host.networks.layers import Network

SEED = 3


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A fine-tuned model.

    Attributes:
        path: the file.
        weights: of the backbone before it was fine-tuned.
        network: the backbone.
        parameters: of the backbone, those of the tail as training left them.
        head: float32.
        backbone: the int8 backbone with its tail.
    """

    path: Path
    weights: WeightsSource
    network: Network
    parameters: dict[str, Parameters]
    head: Head
    backbone: bytes

    def float_scores(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The probabilities ``[N,K]`` of the float network for photos ``[N,S,S,3]``."""
        file = write_float32(self.network, self.parameters)
        scaled = ((pixels - self.weights.mean) / self.weights.std).astype(np.float32)
        rows = np.stack([np.concatenate(outputs_of(file, photo[np.newaxis]), axis=1)[0] for photo in scaled])
        logits = rows.astype(np.float64) @ self.head.kernel + self.head.bias
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def write_tuned(path: Path, backbone: str, tap: str, cut: str, side: int) -> Tuned:
    """Writes a model whose convolutions behind a cut have other weights than the pretrained ones."""
    known = family(backbone)
    weights, taps = find_weights("random", SEED, known), known.taps_of(tap)
    photos, network = photos_of(side, 16), known.network(weights, taps, side)
    tail, parameters = tail_of(network, cut), dict(known.read_parameters(weights, network))
    parameters.update(_changed({layer.name: parameters[layer.name] for layer in tail.convolutions}))
    part = front(convert(weights, taps, side, "int8", photos, 2, None)[0], cut, "it")
    maps = np.stack([outputs_of(part, photo[np.newaxis])[0][0] for photo in photos])
    joined = append_tail(part, tail, parameters, maps, 2, unwatched)
    rows = np.stack([np.concatenate(real_outputs_of(joined, photo[np.newaxis]), axis=1)[0] for photo in photos])
    head = _head(rows)
    card = replace(
        make_card("int8", side), tap=tap, mean=weights.mean, std=weights.std,
        backbone={
            "name": known.name_in_card, "weights": "random", "weights_fingerprint": weights.fingerprint,
            "fingerprint": "0" * 64, "pretrained": False, "fine_tuned": {"cut": cut},
        },
    )  # fmt: skip
    path.write_bytes(attach(fuse(joined, head, rows.astype(np.float32)), LABELS, card))
    return Tuned(path=path, weights=weights, network=network, parameters=parameters, head=head, backbone=joined)


def _changed(parameters: dict[str, Parameters]) -> dict[str, Parameters]:
    """Kernels whose weights are shuffled among the filters, and other biases."""
    rng = np.random.default_rng(SEED)
    changed = {}
    for name, values in parameters.items():
        kernel = rng.permuted(values.kernel, axis=0 if values.kernel.shape[0] > 1 else 3)
        reach = float(np.abs(values.bias).max()) or 0.1
        bias = rng.normal(0, reach, values.bias.shape)
        changed[name] = Parameters(np.ascontiguousarray(kernel, np.float32), bias.astype(np.float32))
    return changed


def _head(rows: NDArray[np.float64]) -> Head:
    """A head whose scores differ from photo to photo."""
    deviation = rows.std(axis=0) + 0.1 * rows.std()
    kernel = np.random.default_rng(1).normal(0, 1, (rows.shape[1], len(LABELS))) / deviation[:, np.newaxis]
    kernel /= np.abs((rows - rows.mean(axis=0)) @ kernel).mean()
    return Head(kernel.astype(np.float32), (-rows.mean(axis=0) @ kernel).astype(np.float32))
