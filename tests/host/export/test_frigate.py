"""``graft export --format frigate``: what it writes and prints, and what Frigate's steps make of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from graft_device.classifier import Classifier
from graft_device.errors import ExportError
from graft_host.demo.rendering.render import render_dataset
from graft_host.export.export import export
from graft_host.photos.dataset import scan
from graft_host.photos.split_rule import SplitRule
from tests.conftest import error_line, graft, graft_json
from tests.support.device_models import COLOURS, LABELS, make_card, picture, write_artifact
from tests.support.frigate_reader import RUNTIMES, SIDE, FrigateModel, frame_of

if TYPE_CHECKING:
    from graft_device.model import ModelFile

THRESHOLDS = {"unknown": {"score": 0.6123, "false_rejection_rate": 0.05, "photos": 40}}


def write_colours(path: Path, size: int = SIDE, resize: str = "squash", known: bool = True) -> Path:
    """A model of three colours, which has a threshold for unknown photos if ``known``."""
    card = replace(make_card(size=size, resize=resize), thresholds=THRESHOLDS if known else {})
    return write_artifact(path, size=size, card=card)


def install(model: Path, config: Path, name: str = "pets") -> str:
    """Does what the command prints: copies the folder and writes the lines into ``config.yml``. Returns its output."""
    output = config.parent / name
    done = graft("export", model, "--format", "frigate", "-o", output)
    assert done.returncode == 0, done.stderr
    shutil.copytree(output, config / "model_cache" / name)
    (config / "config.yml").write_text(_block(done.stdout))
    return done.stdout


def _block(printed: str) -> str:
    """The lines for ``config.yml`` in what the command printed."""
    return next(part for part in printed.split("\n\n") if part.startswith("classification:"))


# What it writes and prints


def test_the_folder_has_the_file_as_it_is_and_its_labels(tmp_path: Path) -> None:
    model = write_colours(tmp_path / "m.tflite")
    done = export(model, tmp_path / "colours", "frigate")
    folder = tmp_path / "colours"
    assert sorted(path.name for path in folder.iterdir()) == ["labelmap.txt", "model.tflite"]
    assert (folder / "model.tflite").read_bytes() == model.read_bytes()
    assert (folder / "labelmap.txt").read_bytes() == b"red\ngreen\nblue\n"
    assert done.bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["colours", "m.tflite"]


def test_the_command_prints_the_lines_of_the_config(tmp_path: Path) -> None:
    printed = install(write_colours(tmp_path / "m.tflite"), tmp_path / "config", "front-door")
    lines = printed.splitlines()
    assert lines[1] == "input      image: uint8, 224 x 224 RGB pixels, 0 to 255"
    assert lines[2] == "output     probabilities: red, green, blue"
    assert "Copy the folder to model_cache/front-door in Frigate's config folder" in printed
    assert lines[-1] == "Do not train front-door in Frigate: that would replace the model."
    settings = {"objects": ["person"], "classification_type": "sub_label"}
    expected = {"threshold": 0.62, "object_config": settings}
    assert yaml.safe_load(_block(printed)) == {"classification": {"custom": {"front-door": expected}}}


def test_the_lines_for_a_state_are_a_comment_that_can_take_their_place(tmp_path: Path) -> None:
    printed = install(write_colours(tmp_path / "m.tflite"), tmp_path / "config")
    lines = _block(printed).splitlines()
    start = next(place for place, line in enumerate(lines) if "state_config" in line)
    replaced = [*lines[:4], *(line.replace("# ", "", 1) for line in lines[start:])]
    (model,) = yaml.safe_load("\n".join(replaced))["classification"]["custom"].values()
    state = {"interval": 10, "cameras": {"front": {"crop": [0.0, 0.0, 1.0, 1.0]}}}
    assert model == {"threshold": 0.62, "state_config": state}


@pytest.mark.parametrize("name", ["on", "No", "y", "null", "2024", "1e3", "0x1F", "pets", "A-1_b"])
def test_every_name_is_text_in_the_config(tmp_path: Path, name: str) -> None:
    done = export(write_colours(tmp_path / "m.tflite"), tmp_path / name, "frigate")
    assert list(yaml.safe_load(_block(done.next_steps))["classification"]["custom"]) == [name]


def test_a_model_without_a_threshold_gets_frigates(tmp_path: Path) -> None:
    printed = install(write_colours(tmp_path / "m.tflite", known=False), tmp_path / "config")
    assert "threshold: 0.80  # Frigate's default: the model has none" in printed


def test_a_model_that_crops_its_photos_is_exported_with_a_warning(tmp_path: Path) -> None:
    done = export(write_colours(tmp_path / "m.tflite", resize="crop"), tmp_path / "x", "frigate")
    assert done.next_steps.endswith("gives it the whole region: train it with --resize squash.")


def test_json_has_the_input_and_the_lines(tmp_path: Path) -> None:
    report = graft_json("export", write_colours(tmp_path / "m.tflite"), "--format", "frigate", "-o", tmp_path / "x")
    assert report["input"] == {"name": "image", "shape": [1, 224, 224, 3], "dtype": "uint8", "range": [0, 255]}
    assert report["output"]["shape"] == [1, 3]
    assert report["labels"] == list(LABELS)
    assert "threshold: 0.62" in report["next_steps"]


# What Frigate could not use is refused


def test_models_that_frigate_cannot_run_are_refused(tmp_path: Path) -> None:
    small = write_colours(tmp_path / "small.tflite", size=32)
    line = error_line(graft("export", small, "--format", "frigate", "-o", tmp_path / "x"))
    assert line.endswith(
        "small.tflite takes 32 x 32 pixels, and Frigate gives 224 x 224; train it with --image-size 224"
    )
    float_model = write_artifact(tmp_path / "float.tflite", "float32", size=SIDE)
    with pytest.raises(ExportError, match=r"float32 pixels, and Frigate gives uint8; train it with --quantize int8"):
        export(float_model, tmp_path / "x", "frigate")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("label", [" red", "red ", "re\rd", "red\t"])
def test_labels_that_frigate_would_change_are_refused(tmp_path: Path, label: str) -> None:
    model = write_artifact(tmp_path / "m.tflite", labels=(label, "green", "blue"), size=SIDE)
    with pytest.raises(ExportError, match=r"Frigate would not read the label .* as it is; rename the class folder"):
        export(model, tmp_path / "x", "frigate")


@pytest.mark.parametrize("name", ["a b", "a+b", "#", "ä", "x.y", "-x"])
def test_names_that_frigate_cannot_have_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match="cannot be one; give a name of letters, digits, _ and - with -o"):
        export(write_colours(tmp_path / "m.tflite"), tmp_path / name, "frigate")


def test_only_an_earlier_export_is_replaced(tmp_path: Path) -> None:
    model, folder = write_colours(tmp_path / "m.tflite"), tmp_path / "x"
    export(model, folder, "frigate")
    with pytest.raises(ExportError, match="exists; give another name with -o, or --overwrite"):
        export(model, folder, "frigate")
    (folder / "labelmap.txt").write_text("stale")
    export(model, folder, "frigate", overwrite=True)
    assert (folder / "labelmap.txt").read_text() == "red\ngreen\nblue\n"
    (folder / "notes.txt").write_text("precious")
    with pytest.raises(ExportError, match="is not a folder that 'graft export --format frigate' wrote"):
        export(model, folder, "frigate", overwrite=True)
    (folder / "notes.txt").unlink()
    (folder / "model.tflite").write_bytes(b"a model that Frigate trained")
    with pytest.raises(ExportError, match="is not a folder that 'graft export --format frigate' wrote"):
        export(model, folder, "frigate", overwrite=True)
    assert (folder / "model.tflite").read_bytes() == b"a model that Frigate trained"


# Frigate's steps


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_frigate_sees_the_colours_in_their_order(tmp_path: Path, runtime: str) -> None:
    model = write_colours(tmp_path / "m.tflite")
    install(model, tmp_path / "config")
    frigate, ours = FrigateModel(tmp_path / "config", "pets", runtime), Classifier(model)
    assert frigate.threshold == 0.62
    for colour in COLOURS:
        picture(colour, (320, 240)).save(tmp_path / f"{colour}.png")
        found = frigate.classify(frame_of(tmp_path / f"{colour}.png"))
        (best, *_) = ours.classify(tmp_path / f"{colour}.png")
        assert (found.label, found.accepted) == (colour, True)
        assert found.score == pytest.approx(best.score, abs=0.02)  # the frame's colours are rounded twice


def test_frigate_classifies_the_region_of_its_config(tmp_path: Path) -> None:
    install(write_colours(tmp_path / "m.tflite"), tmp_path / "config")
    both = picture("red", (400, 300))
    both.paste(picture("blue", (100, 200)), (200, 100))
    both.save(tmp_path / "both.png")
    frigate, frame = FrigateModel(tmp_path / "config", "pets"), frame_of(tmp_path / "both.png")
    assert frigate.classify(frame, (0.52, 0.34, 0.74, 0.99)).label == "blue"
    assert frigate.classify(frame, (0.0, 0.0, 0.5, 1.0)).label == "red"


def _test_photos(folder: Path, percent: int) -> list[tuple[Path, str]]:
    dataset = scan(folder, 2)
    rule = SplitRule(test_percent=percent)
    photos = [photo for photo in dataset.photos if rule.part(photo.digest) == "test"]
    return [(photo.path, dataset.labels[photo.label]) for photo in photos]


def _trained(photos: Path, model: Path, percent: int, cache: Path, tap: str = "top") -> ModelFile:
    options = ["--backbone", "efficientnet-lite0", "--tap", tap, "--test-percent", percent, "--cache", cache]
    graft_json("train", photos, "-o", model, *options)
    return Classifier(model).model


@pytest.mark.slow
@pytest.mark.parametrize(("tap", "runtime"), [*(("top", name) for name in RUNTIMES), ("expand6+top/2x2", RUNTIMES[0])])
def test_frigate_names_what_we_name_on_rendered_photos(
    tmp_path: Path, shared_cache: Path, tap: str, runtime: str
) -> None:
    photos, model = tmp_path / "photos", tmp_path / "parts.tflite"
    render_dataset(photos, 24, 0)
    _trained(photos, model, 40, shared_cache, tap)
    install(model, tmp_path / "config", "parts")
    frigate, ours = FrigateModel(tmp_path / "config", "parts", runtime), Classifier(model)
    tests = [path for path, _ in _test_photos(photos, 40)]
    assert len(tests) >= 20
    pairs = [(frigate.classify(frame_of(path)), ours.classify(path, unknown=False)) for path in tests]
    same = [found.label == answer[0].label for found, answer in pairs]
    clear = [answer[0].score - answer[1].score > 0.1 for _, answer in pairs]  # OpenCV's pixels are not Pillow's
    assert all(equal for equal, leads in zip(same, clear, strict=True) if leads)
    assert sum(clear) >= 0.9 * len(tests)
    assert np.mean([abs(found.score - answer[0].score) for found, answer in pairs]) < 0.03


@pytest.mark.slow
def test_frigate_is_right_about_nearly_all_cats_and_dogs(
    cats_and_dogs: Path, tmp_path: Path, shared_cache: Path
) -> None:
    """588 of 600 were right in a trial with Inception-v3."""
    model = tmp_path / "pets.tflite"
    card = _trained(cats_and_dogs, model, 50, shared_cache).card
    printed = install(model, tmp_path / "config")
    frigate = FrigateModel(tmp_path / "config", "pets", RUNTIMES[1])
    assert 0 <= frigate.threshold - card.unknown_below < 0.01
    assert f"threshold: {frigate.threshold:.2f}  # the model's" in printed
    tests = _test_photos(cats_and_dogs, 50)
    assert len(tests) > 200
    found = [(frigate.classify(frame_of(path)), truth) for path, truth in tests]
    assert np.mean([each.label == truth for each, truth in found]) >= 0.97
    assert np.mean([each.accepted for each, _ in found]) >= 0.93  # of known photos, about 5% may be refused
    render_dataset(tmp_path / "parts", 10, 0)
    parts = sorted((tmp_path / "parts").rglob("*.jpg"))
    assert len(parts) == 30
    refused = np.mean([not frigate.classify(frame_of(path)).accepted for path in parts])
    ours = Classifier(model)
    assert refused == pytest.approx(np.mean([ours.classify(path).unknown for path in parts]), abs=0.1)
    assert refused >= 0.5
    slow = FrigateModel(tmp_path / "config", "pets", RUNTIMES[0])
    some = found[::10]
    same = [slow.classify(frame_of(path)).label == each.label for (path, _), (each, _) in zip(tests[::10], some)]
    assert all(same)


def test_the_printed_text_survives_json(tmp_path: Path) -> None:
    done = export(write_colours(tmp_path / "m.tflite"), tmp_path / "x", "frigate")
    assert json.loads(json.dumps(done.to_json()))["next_steps"] == done.next_steps
