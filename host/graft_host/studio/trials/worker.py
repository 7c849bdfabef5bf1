"""The child process that runs one model: photos and pixels in, answers, logits and bottlenecks out.

It is confined, so that neither a model nor a photo that somebody made to do harm can. A crash ends this process only.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_device.errors import GraftError, ModelError, PhotoError
from graft_device.preprocess import decode, fit, read_header
from graft_device.preprocess.budget import Limits, check
from graft_device.system.confinement import Confinement, confine
from graft_device.system.plain import read_plain
from graft_device.trial.worker import prepare, reporting
from graft_host.studio.trials.exchange import packed, read_message

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from graft_host.studio.trials.inner_network import Inner, InnerNetwork

Reply = tuple[dict[str, Any], bytes]

TOP = 5
"""Labels of an answer."""


def main() -> None:
    """Answers requests until standard input ends; arguments are the confinement and the file of the model."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent ends this process
    limits, path = sys.argv[1:]
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # so that what a runtime prints is no reply
    with reporting():
        prepare("auto")
        from graft_device.model import read_model
        from graft_host.studio.trials.inner_network import copied_inner

        data = read_plain(path)
        inner = copied_inner(read_model(path), data)
        digest = hashlib.sha256(data).hexdigest()
        del data
        confine(Confinement.parse(limits))
        model = _OpenModel(Path(path), inner, digest)
        _send(sink, packed(model.description()))
        while True:
            try:
                request, body = read_message(source)
            except EOFError:
                return
            _send(sink, packed(*model.reply(request, body)))


def _send(sink: Any, data: bytes) -> None:
    left = memoryview(data)
    while left:  # a pipe takes what it has room for
        left = left[sink.write(left) :]


class _OpenModel:
    def __init__(self, path: Path, inner: Inner | None, digest: str) -> None:
        from graft_device.classifier import Classifier

        self._classifier = Classifier(path)
        self._inner, self._digest = inner, digest
        self._opened: InnerNetwork | None = None
        self._limits = Limits.of_machine()
        self._ways: dict[str, Callable[[bytes], Reply]] = {
            "classify": self._classify,
            "pixels": lambda photo: ({}, self._pixels(photo).tobytes()),
            "bottleneck": self._bottleneck,
            "logits": self._logits,
        }

    def description(self) -> dict[str, Any]:
        """What the parent wants to know about the model."""
        return {
            **self._classifier.model.to_json(), "runtime": self._classifier.runtime, "digest": self._digest,
            "compares": self._inner is not None,
        }  # fmt: skip

    def reply(self, request: dict[str, Any], body: bytes) -> Reply:
        """The reply to a request, also where it fails."""
        try:
            return self._ways[request["do"]](body)
        except GraftError as error:
            return {"error": [error.what, error.remedy], "photo": isinstance(error, PhotoError)}, b""
        except MemoryError:
            return {"error": ["the photo does not fit into memory", "use a smaller photo"], "photo": True}, b""

    def _classify(self, photo: bytes) -> Reply:
        timed = self._classifier.classify_timed(photo, TOP, read=self._read)
        return {
            "predictions": [{"label": one.label, "score": round(one.score, 6)} for one in timed.predictions],
            "unknown": timed.unknown,
            "reason": timed.reason,
            "ms": {"preprocess": round(timed.preprocess_ms, 3), "invoke": round(timed.invoke_ms, 3)},
        }, b""

    def _bottleneck(self, photo: bytes) -> Reply:
        network = self._network()
        spec, values = network.spec, network.stored(self._pixels(photo))
        return {"dtype": spec.dtype.name, "scale": spec.scale, "zero_point": spec.zero_point}, values.tobytes()

    def _logits(self, pixels: bytes) -> Reply:
        import numpy as np

        size = self._classifier.model.card.image_size
        images = np.frombuffer(pixels, np.uint8).reshape(-1, size, size, 3)
        if self._inner is not None:
            network = self._network()
            return {}, np.stack([network.logits(image) for image in images]).tobytes()
        steps = np.float32(1 / 512)  # half a step of a score, where a score of 0 may be
        scores = np.stack([self._classifier.scores(image) for image in images])
        return {}, np.log(np.clip(scores, steps, 1)).astype(np.float32).tobytes()

    def _network(self) -> InnerNetwork:
        from graft_host.studio.trials.inner_network import InnerNetwork

        if self._inner is None:
            raise ModelError("this model has no head that 'graft train' writes, so photos cannot be compared by it")
        if self._opened is None:
            self._opened = InnerNetwork(self._inner)
        return self._opened

    def _pixels(self, photo: bytes) -> NDArray[np.uint8]:
        card = self._classifier.model.card
        return self._read(photo, card.image_size, card.resize)

    def _read(self, photo: Any, size: int, rule: str) -> NDArray[np.uint8]:
        header = read_header(photo)
        check(header, size, rule, self._limits)
        return fit(decode(header, size, rule), size, rule)
