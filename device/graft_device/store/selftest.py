"""Tests whether a model gives the same results on this board as where it was made."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graft_device.errors import GraftError, RuntimeMissingError
from graft_device.model import DamagedError, read_checked
from graft_device.model.rules import is_number
from graft_device.store.exit_codes import ChecksumError, SelfTestError
from graft_device.system.child import ChildError, ask
from graft_device.system.confinement import ConfinedImportError

TIMEOUT_S = 600.0
"""Seconds for the start and all pictures; the slowest board takes some 30 s to start and some seconds a picture."""

_TEXTS = ("name", "expected", "found")
_BOARDS_FAULT: dict[str, type[GraftError]] = {
    RuntimeMissingError.__name__: RuntimeMissingError,
    ConfinedImportError.__name__: GraftError,
}
"""Errors of the child that say nothing about the model."""


@dataclass(frozen=True)
class SelfTest:
    """The result of a self-test.

    Attributes:
        model: the model file.
        passed: whether the model may be used.
        kind: ``golden`` for photos from the file, ``synthetic`` for rendered pictures whose scores are in the file,
            ``plain`` for a file without scores, where the test only checks that they are probabilities.
        runtime: the runtime that ran the model; None where it crashed.
        tolerance: the largest allowed difference of scores; None where nothing could be compared.
        difference: the largest difference of scores; None where nothing could be compared.
        ms: the median of an inference in milliseconds; None where the model did not run.
        reason: why the model failed; None where it passed.
        photos: for each photo ``name``, the labels ``expected`` and ``found``, ``difference`` and ``passed``.
        uid: the id of the user who ran the model; None where it crashed.
    """

    model: str
    passed: bool
    kind: str
    runtime: str | None = None
    tolerance: float | None = None
    difference: float | None = None
    ms: float | None = None
    reason: str | None = None
    photos: tuple[dict[str, Any], ...] = ()
    uid: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as plain values, as ``--json`` prints it."""
        return {**self.__dict__, "photos": list(self.photos)}


def run_selftest(model: Path, runtime: str = "auto", store: Path | None = None) -> SelfTest:
    """Tests a model in a process of its own with limits, since a bad model may crash the interpreter or do harm.

    If this process is root, the other one is not: it has no network, and is the store's owner or nobody.

    Args:
        model: the model file.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        store: the store that the model is for, if any.

    Raises:
        ModelError: the file is not a graftkit model.
        ChecksumError: the file's network is not the original one.
        RuntimeMissingError: no model can run here.
    """
    from graft_device.trial.copies import Copy, copied
    from graft_device.trial.limits import limits_for

    try:
        known = read_checked(model)
    except DamagedError as error:
        raise ChecksumError(error.what, error.remedy) from error
    limits = limits_for(known, TIMEOUT_S, store)
    own = contextlib.nullcontext(Copy(model.absolute(), ()))
    with own if limits.user is None else copied(model) as copy:  # another user may not be allowed to read the file
        try:
            answer = ask(
                "graft_device.store.selftest", limits.text(), str(copy.path), runtime,
                timeout=TIMEOUT_S, inherit=copy.handles,
            ).value  # fmt: skip
            return _read_answer(answer, model)
        except ChildError as error:
            if error.kind in _BOARDS_FAULT:
                raise _BOARDS_FAULT[error.kind](error.what, error.remedy) from error
            reason = str(error.renamed(copy.path, "the model"))
            return SelfTest(str(model), passed=False, kind=kind_of(known.golden), reason=reason)


def _read_answer(answer: Any, model: Path) -> SelfTest:
    """The child's answer; raises ChildError for one that no test gives, since what the child runs may be hostile."""
    try:
        photos = tuple({**photo, "difference": float(photo["difference"])} for photo in answer["photos"])
        report = SelfTest(**{**answer, "model": str(model), "photos": photos})
        texts = (report.kind, report.runtime, report.reason, *(photo[key] for photo in photos for key in _TEXTS))
        numbers = (report.tolerance, report.difference, report.ms, report.uid)
        flags = (report.passed, *(photo["passed"] for photo in photos))
    except (TypeError, KeyError, ValueError) as error:
        raise ChildError("gave no answer") from error
    right = all(value is None or isinstance(value, str) for value in texts) and all(map(_is_flag, flags))
    if not right or not all(value is None or is_number(value) for value in numbers):
        raise ChildError("gave no answer")
    return report


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def demand(report: SelfTest, name: str) -> None:
    """Raises SelfTestError unless the model passed."""
    if not report.passed:
        raise SelfTestError(f"{name} fails its self-test on this board: {report.reason}")


def kind_of(golden: Any) -> str:
    """The kind of self-test for a model."""
    if golden is None or not golden.photos:
        return "plain"
    return "golden" if any(photo.file for photo in golden.photos) else "synthetic"


def main() -> None:
    """Tests a model and prints the result; arguments are the confinement, the file and the runtime."""
    from graft_device.system.confinement import Confinement, confine
    from graft_device.trial.worker import prepare, reporting

    limits, path, runtime = sys.argv[1:]
    with reporting():
        import graft_device.store.pictures  # noqa: F401  before the confinement, as ``prepare`` does

        prepare(runtime)
        confine(Confinement.parse(limits))
        answer = replace(try_here(Path(path), runtime), uid=os.geteuid()).to_json()
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


def try_here(model: Path, runtime: str) -> SelfTest:
    """Tests a model in this process.

    Raises:
        GraftError: the model cannot be run.
    """
    from graft_device.classifier import Classifier

    classifier = Classifier(model, runtime)
    golden = classifier.model.golden
    trial = _Trial(classifier)
    if golden is None or not golden.photos:
        return trial.plain()
    return trial.compared(golden.photos, golden.tolerance, kind_of(golden))


class _Trial:
    """One model, its answers and how long they took."""

    def __init__(self, classifier: Any) -> None:
        self._classifier = classifier
        self._path = classifier.model.path
        self._size = classifier.model.card.image_size
        self._seconds: list[float] = []
        self._sense: str | None = None

    def compared(self, photos: Sequence[Any], tolerance: float, kind: str) -> SelfTest:
        found = [self._compare(photo, tolerance) for photo in photos]
        self._warm_up(photos[0])
        wrong = [each for each in found if not each["passed"]]
        reason = None
        if wrong:
            first = wrong[0]
            reason = self._sense or (
                f"{len(wrong)} of {len(found)} pictures, first {first['name']}: {first['found']} where "
                f"{first['expected']} is right, scores up to {first['difference']:.3f} apart ({tolerance} is allowed)"
            )
        difference = max(each["difference"] for each in found)
        return self._report(kind, reason, tolerance, difference, tuple(found))

    def plain(self) -> SelfTest:
        from graft_device.ranking import why_implausible
        from graft_device.store.pictures import COUNT, render

        found = [why_implausible(self._scores(render(number, self._size))) for number in range(COUNT)]
        return self._report("plain", next(filter(None, found), None))

    def _report(self, kind: str, reason: str | None, *rest: Any) -> SelfTest:
        tolerance, difference, photos = rest or (None, None, ())
        ms = round(statistics.median(self._seconds[1:]) * 1e3, 3)
        return SelfTest(
            str(self._path), reason is None, kind, self._classifier.runtime, tolerance, difference, ms, reason, photos
        )

    def _compare(self, photo: Any, tolerance: float) -> dict[str, Any]:
        import numpy as np

        from graft_device.ranking import why_implausible

        scores = self._scores(self._pixels(photo))
        nonsense = why_implausible(scores)
        self._sense = self._sense or nonsense
        difference = 1.0 if nonsense else float(np.abs(scores - np.array(photo.scores, np.float32)).max())
        label = self._classifier.labels[int(np.argmax(np.nan_to_num(scores)))]
        flipped = label != photo.label and photo.lead > tolerance
        return {
            "name": photo.name,
            "expected": photo.label,
            "found": label,
            "difference": round(difference, 6),
            "passed": difference <= tolerance and not flipped,
        }

    def _pixels(self, photo: Any) -> Any:
        import numpy as np

        from graft_device.errors import ModelError, PhotoError
        from graft_device.model.samples import read_golden_photo
        from graft_device.preprocess import load
        from graft_device.store.pictures import render

        if photo.file is None:
            return render(photo.picture, self._size)
        data = read_golden_photo(self._path, photo.file, self._size)
        try:
            return np.asarray(load(data))
        except PhotoError as error:
            raise ModelError(
                f"its golden photo {photo.file} cannot be read ({error})", "copy the model again"
            ) from error

    def _warm_up(self, photo: Any) -> None:
        """Runs the model a few times for the median, since the first run is slower than all others."""
        while len(self._seconds) < 4:  # noqa: PLR2004
            self._scores(self._pixels(photo))

    def _scores(self, pixels: Any) -> Any:
        start = time.perf_counter()
        scores = self._classifier.scores(pixels)
        self._seconds.append(time.perf_counter() - start)
        return scores
