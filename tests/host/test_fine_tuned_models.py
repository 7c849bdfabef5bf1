"""What works on models works on those whose last layers were trained too, with the numbers that training gave them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft_device.classifier import Classifier
from graft_device.errors import ExportError
from graft_device.model import read_checked
from graft_device.model.card import ModelCard
from graft_host.diagnosis.diagnose import DiagnosisOptions, diagnose
from graft_host.diagnosis.layer_comparison import Comparison
from graft_host.evaluation.evaluate import evaluate_folder
from graft_host.export.export import export
from graft_host.networks.cuts.tails import tail_of
from graft_host.networks.depthwise_means import with_depthwise_means
from graft_host.networks.float_file import write_float32
from graft_host.support import flatbuffer
from graft_host.tflite.inspection import inspect_model
from graft_host.tflite.operators import operators
from graft_host.tflite.tuned_tail import tuned_parameters
from tests.conftest import graft, graft_device, graft_json
from tests.support.device_models import make_card
from tests.support.exported import exported_scores
from tests.support.host_data import write_photos
from tests.support.networks import decibels, outputs_of
from tests.support.quiet import QuietReporter
from tests.support.tuned_models import Tuned, write_tuned
from tests.support.whole_models import LABELS, photos_of

if TYPE_CHECKING:
    from pathlib import Path

    from graft_device.model import ModelFile

TAP = "mixed1+mixed2+mixed2/2x2+mixed3/2x2+mixed4"
RUNTIMES = ("litert", "tflite-runtime")


@pytest.fixture(scope="module")
def inception(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """Taps before the cut, at it and behind it, of whole maps and of quarters."""
    return write_tuned(tmp_path_factory.mktemp("tuned") / "m.tflite", "inception-v3", TAP, "mixed2", 100)


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    return write_tuned(tmp_path_factory.mktemp("tuned") / "m.tflite", "efficientnet-lite0", "expand5", "block4", 64)


@pytest.fixture(scope="module", params=["inception", "lite"])
def tuned(request: pytest.FixtureRequest) -> Tuned:
    model: Tuned = request.getfixturevalue(request.param)
    return model


def side_of(tuned: Tuned) -> int:
    return tuned.network.pixels.shape[0]


def as_pretrained(tuned: Tuned) -> ModelFile:
    """The model with a card that does not record the fine-tuning."""
    model = read_checked(tuned.path)
    backbone = {name: value for name, value in model.card.backbone.items() if name != "fine_tuned"}
    return replace(model, card=replace(model.card, backbone=backbone))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_file_gives_the_scores_of_what_was_trained(inception: Tuned, runtime: str) -> None:
    pixels = photos_of(100, 12, 5)
    classifier = Classifier(inception.path, runtime=runtime)
    scores = np.stack([classifier.scores(photo) for photo in pixels])
    assert scores.std(axis=0).min() > 0.05  # the scores of the photos differ
    assert np.abs(scores - inception.float_scores(pixels)).max() < 0.15


def test_the_form_that_extracts_bottlenecks_faster_gives_the_same_bits(inception: Tuned) -> None:
    faster = with_depthwise_means(inception.backbone, "it")
    assert faster is not None
    used = {operator.name: operator.count for operator in operators(flatbuffer.unpack(faster, "it"))}
    assert used["AVERAGE_POOL_2D"] == 0
    for photo in photos_of(100, 3, 5):
        plain, quick = (outputs_of(data, photo[np.newaxis]) for data in (inception.backbone, faster))
        assert all(map(np.array_equal, plain, quick))


def test_the_tail_is_read_out_of_the_file(tuned: Tuned) -> None:
    """In the file, channels have factors, so the parameters are not those of the training; what they compute is."""
    model = read_checked(tuned.path)
    cut = model.card.fine_tuned_behind
    assert cut is not None
    fused = flatbuffer.unpack(tuned.path.read_bytes(), "it")
    read = tuned_parameters(fused, model.card, tuned.network, "it")
    tail = tail_of(tuned.network, cut)
    assert read.keys() == {layer.name for layer in tail.convolutions}
    maps = np.abs(np.random.default_rng(0).normal(0, 1, (3, *tail.entrance.shape))).astype(np.float32)
    for values in maps:
        exact, rounded = (
            outputs_of(write_float32(tail, parameters), values[np.newaxis]) for parameters in (tuned.parameters, read)
        )
        for computed, expected in zip(rounded, exact, strict=True):
            assert decibels(computed, expected) > 25


def test_the_diagnosis_compares_the_tail_with_itself(tuned: Tuned) -> None:
    ratios = {}
    for model in (read_checked(tuned.path), as_pretrained(tuned)):
        comparison = Comparison(model, tuned.weights, 2)
        for photo in photos_of(side_of(tuned), 6, 5):
            comparison.add(photo)
        found = {layer.name: layer.sqnr for layer in comparison.layers()}
        ratios[model.card.fine_tuned_behind] = found
    last = [name for name in ratios[None] if name.startswith("bottleneck")][-1]
    (cut,) = (name for name in ratios if name is not None)
    assert min(ratio for ratio in ratios[cut].values() if ratio is not None) > 14
    assert (ratios[cut][last] or 0) > 28
    assert (ratios[None][last] or 0) < 5  # against the pretrained tail
    assert ratios[None][cut] == ratios[cut][cut]  # the front is the same


def test_a_fine_tuned_model_is_diagnosed_evaluated_and_shown(inception: Tuned, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", LABELS, count=4)
    diagnosis = diagnose(inception.path, photos, DiagnosisOptions(part="all"), QuietReporter())
    assert diagnosis.photos == 12
    assert (diagnosis.bottleneck.sqnr or 0) > 25
    evaluation = evaluate_folder(inception.path, photos, "all", 1, QuietReporter())
    classifier = Classifier(inception.path)
    expected = [classifier.classify(path)[0].score for path in evaluation.paths]
    assert np.allclose(evaluation.scores.max(axis=1), expected, atol=1e-3)
    found = inspect_model(inception.path)
    assert found["card"]["backbone"]["fine_tuned"] == {"cut": "mixed2"}
    assert [(entry["runtime"].split()[0], entry["runs"]) for entry in found["runtimes"]] == [
        ("tflite-runtime", True), ("litert", True), ("tflite-runtime", True),
    ]  # fmt: skip
    assert "card.backbone.fine_tuned.cut  mixed2" in graft("inspect", inception.path).stdout
    line = f"network     inception_v3 up to {TAP}, weights random, fine-tuned behind mixed2"
    assert line in graft_device("info", inception.path).stdout.splitlines()
    page = tmp_path / "report.html"
    graft_json("report", inception.path, photos, "-o", page, "--split", "all")
    assert "Fine-tuned behind" in page.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), [("keras", "x.keras"), ("saved-model", "x")])
def test_float_exports_have_the_tail_of_the_file(inception: Tuned, tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    export(inception.path, tmp_path / name, kind)
    pixels = photos_of(100, 12, 5)
    scores = exported_scores(kind, tmp_path / name, pixels, tmp_path / "elsewhere")
    assert np.abs(scores - inception.float_scores(pixels)).max() < 0.08
    classifier = Classifier(inception.path)
    assert np.abs(scores - np.stack([classifier.scores(photo) for photo in pixels])).max() < 0.15


@pytest.mark.parametrize("float_network", [False, True])
def test_onnx_has_the_tail_of_the_file(tuned: Tuned, tmp_path: Path, float_network: bool) -> None:
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    runtime: Any = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    export(tuned.path, tmp_path / "m.onnx", "onnx", float_network=float_network)
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    pixels = photos_of(side_of(tuned), 12, 5)
    images = pixels.transpose(0, 3, 1, 2)[:, np.newaxis].astype(np.float32)
    scores = np.concatenate([session.run(["probabilities"], {"image": image})[0] for image in images])
    classifier = Classifier(tuned.path)
    stored = np.stack([classifier.scores(photo) for photo in pixels])
    assert stored.std(axis=0).min() > 0.05  # the scores of the photos differ
    assert np.abs(scores - (tuned.float_scores(pixels) if float_network else stored)).mean() < 0.05


def test_a_card_that_names_a_layer_that_there_is_not_is_an_error(inception: Tuned) -> None:
    model = read_checked(inception.path)
    backbone = {**model.card.backbone, "fine_tuned": {"cut": "mixed11"}}
    wrong = replace(model, card=replace(model.card, backbone=backbone))
    with pytest.raises(ExportError, match="was fine-tuned behind mixed11, a layer that its backbone does not have"):
        Comparison(wrong, inception.weights, 1)


def test_a_tail_that_is_not_in_the_file_is_an_error(inception: Tuned) -> None:
    card = read_checked(inception.path).card
    fused = flatbuffer.unpack(inception.path.read_bytes(), "it")
    (kernel,) = (tensor for tensor in fused.subgraphs[0].tensors if tensor.name == b"conv2d_30/kernel")
    buffer = fused.buffers[kernel.buffer]
    kept, buffer.data = buffer.data, buffer.data[:-1]
    with pytest.raises(ExportError, match=r"m\.tflite is damaged: conv2d_30/kernel cannot be read; copy it again"):
        tuned_parameters(fused, card, inception.network, "m.tflite")
    buffer.data, kernel.name = kept, b"other"
    with pytest.raises(ExportError, match=r"m\.tflite has no conv2d_30/kernel, which its fine-tuned tail needs"):
        tuned_parameters(fused, card, inception.network, "m.tflite")


@pytest.mark.parametrize("value", ["mixed2", ["mixed2"], {"cut": 5}, {"cut": "x" * 1001}])
def test_a_card_with_another_kind_of_entry_is_refused(tmp_path: Path, value: object) -> None:
    card = make_card()
    text = json.dumps({**json.loads(card.to_json()), "backbone": {**card.backbone, "fine_tuned": value}})
    with pytest.raises(ValueError, match=r"backbone\.fine_tuned"):
        ModelCard.from_json(text)


def test_a_card_without_the_entry_is_of_pretrained_weights() -> None:
    assert make_card().fine_tuned_behind is None
    card = make_card()
    assert replace(card, backbone={**card.backbone, "fine_tuned": None}).fine_tuned_behind is None
