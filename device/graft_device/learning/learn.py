"""Learns from photos on the board: a model file becomes another one, which passed its self-test."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from graft_device.errors import GraftError, ModelError
from graft_device.learning.artifact import artifact, golden_of, kept_entries, learned_card, open_candidate
from graft_device.learning.claim import claimed
from graft_device.learning.delivery import deliver
from graft_device.learning.figures import check_loss, describe
from graft_device.learning.flat import FlatNetwork, editing
from graft_device.learning.head_file import distance_ratio, write_head
from graft_device.learning.memory_update import updated_memory, without_the_same
from graft_device.learning.negatives import about_negatives, likeness_of, needed_raise
from graft_device.learning.new_head import FEWEST_TO_TRAIN, Known, Learned, add_row, train_again
from graft_device.learning.photos import Opened, Shown, check_given, stacked, take_photos
from graft_device.learning.pieces import Pieces, take_apart
from graft_device.learning.remembered import Remembered, steps_of
from graft_device.learning.request import Request, check_label, check_output, composed, identity_of, signers_of
from graft_device.learning.result import LearnResult
from graft_device.model import read_checked
from graft_device.model.golden import Golden
from graft_device.trial.trial import try_without_checksum

Note = Callable[[str], None]


def learn(request: Request, note: Note) -> LearnResult:
    """Learns a new class, or the right class of photos, and writes a new model file.

    Args:
        request: what to learn.
        note: called with a line for each thing that a person should know on the way.

    Raises:
        GateError: the old classes would lose more than ``max_loss``; nothing is written.
        GraftError: anything else that keeps the model from being made; nothing is written.
    """
    clock = [time.monotonic()]
    request, identity = composed(request), identity_of(request.model)
    check_output(request)
    signers = signers_of(request)
    model = read_checked(request.model)
    check_label(request, model.labels)
    model = try_without_checksum(request.model, request.runtime)
    pieces = take_apart(model)
    if pieces.means is not None and not request.adds:
        raise GraftError(
            f"{request.model} remembers no photos, so corrected ones have nothing to be weighed against",
            "train it again without --no-memory",
        )
    with claimed(request) as folder:
        opened = Opened(model, pieces.network, pieces.shape, folder, request)
        taken = take_photos(request.photos, opened, model, steps_of(pieces.parts)[0], note)
        for name, reason in taken.skipped:
            note(f"skipped {name}: {reason}")
        check_given(taken)
        label = len(model.labels) if request.adds else model.labels.index(request.label)
        remembered, photos = without_the_same(pieces, taken.photos, label, note)
        if not photos:
            raise GraftError("the model remembers all of these photos already", "give photos that are new to it")
        clock.append(time.monotonic())
        lift = needed_raise(pieces, stacked(photos)) if request.adds else 0.0
        known = _known(pieces, remembered, photos, label, lift)
        learned = _learned(pieces, known, adds=request.adds)
        clock.append(time.monotonic())
        before = Golden(0, "", ()) if model.golden is None else model.golden
        result = describe(request, pieces, known, learned, taken)
        notes = [*result.notes, *about_negatives(pieces, learned, remembered.bottlenecks[remembered.labels < 0], lift)]
        check_loss(result, request.max_loss)
        network = _written(pieces, learned, known, opened.scale, lift)
        labels = (*model.labels, request.label) if request.adds else model.labels
        card = learned_card(model, learned, result)
        memory = updated_memory(pieces, remembered, photos, label)
        draft = artifact(
            network, labels, card, {}, Golden(len(network), hashlib.sha256(network).hexdigest(), ()), memory
        )
        candidate = open_candidate(folder, draft, request.runtime, request.threads)
        golden, files = golden_of(model, network, candidate, photos, request.label)
        notes += [
            f"{new.name}, which was {old.label}, is called {new.label} now"
            for old, new in zip(before.photos, golden.photos)
            if old.label != new.label
        ]
        data = artifact(network, labels, card, {**kept_entries(model), **files}, golden, memory)
        if identity_of(request.model) != identity:  # it was read in several steps
            raise ModelError(f"{request.model} was changed while it was learned from", "run the command again")
        signature = deliver(request, data, signers, folder)
    clock.append(time.monotonic())
    stages = dict(zip(("photos", "head", "file"), np.diff(clock).tolist()))
    return replace(
        result, bytes=len(data), signature=signature, notes=tuple(notes),
        seconds={**stages, "total": clock[-1] - clock[0]},
    )  # fmt: skip


def _learned(pieces: Pieces, known: Known, *, adds: bool) -> Learned:
    few = int(known.new.sum()) < FEWEST_TO_TRAIN
    if adds and (few or known.drawn):
        return add_row(known, pieces.old, pieces.shape)
    return train_again(known, pieces.old, pieces.shape, adds=adds)


def _known(pieces: Pieces, remembered: Remembered, photos: tuple[Shown, ...], label: int, lift: float) -> Known:
    rows = remembered.labels >= 0
    bottlenecks = np.concatenate([remembered.bottlenecks[rows], stacked(photos)])
    new = np.arange(len(bottlenecks)) >= int(rows.sum())
    return Known(
        bottlenecks,
        np.concatenate([remembered.labels[rows], np.full(len(photos), label)]),
        np.concatenate([remembered.unfitted[rows], np.ones(len(photos), bool)]),
        new,
        remembered.drawn,
        likeness_of(pieces, bottlenecks, lift),
    )


def _written(pieces: Pieces, learned: Learned, known: Known, scale: float, lift: float) -> bytes:
    network = FlatNetwork(bytes(pieces.network))
    with editing(pieces.model.path):
        ratio = distance_ratio(network, known.bottlenecks[known.new]) if pieces.shape.directions is not None else [1.0]
        head = replace(learned.head, wider=max(1.0, float(np.max(ratio))), likeness_raise=lift)
        write_head(network, head, known.bottlenecks, scale)
    return bytes(network)
