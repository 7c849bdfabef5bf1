"""The examples that open a model without graftkit: C++, Python, MediaPipe."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from graft_device.classifier import Classifier
from graft_device.preprocess import preprocess
from tests.conftest import graft_json
from tests.support.device_models import COLOURS, LABELS, make_card, picture, write_artifact

if TYPE_CHECKING:
    from graft_device.ranking import Answer

EXAMPLES = Path(__file__).parents[2] / "examples"
PACKAGES = {"litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}
THRESHOLD = 0.5


def library() -> Path:
    """LiteRT's C library, which its Python package brings."""
    spec = importlib.util.find_spec("ai_edge_litert")
    path = Path(spec.origin).parent / "libLiteRt.so" if spec and spec.origin else None
    if path is None or not path.is_file():
        pytest.skip("no package with libLiteRt.so is installed")
    return path


@pytest.fixture(scope="session")
def classify(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C++ example, compiled as its first lines say, with every warning an error."""
    if shutil.which("g++") is None:
        pytest.skip("no g++")
    program, path = tmp_path_factory.mktemp("cpp") / "classify", library()
    options = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    words = ["g++", *options, EXAMPLES / "classify.cpp", "-o", program, path, f"-Wl,-rpath,{path.parent}"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return program


def model_with_threshold(path: Path, kind: str = "int8", resize: str = "squash") -> Path:
    card = replace(make_card(kind, resize=resize), thresholds={"unknown": {"score": THRESHOLD}})
    return write_artifact(path, kind, card=card)


def labels_of(model: Path) -> Path:
    """The model's ``labels.txt`` beside it, as ``unzip -p`` writes it."""
    path = model.with_suffix(".labels.txt")
    with zipfile.ZipFile(model) as archive:
        path.write_bytes(archive.read("labels.txt"))
    return path


def run_cpp(
    program: Path, model: Path, photo: Path, *threshold: str, expected: int = 0
) -> tuple[str, dict[str, float]]:
    """The label that the program prints, and the scores by label; its error where it is expected to fail."""
    command = [program, model, labels_of(model), photo, *threshold]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expected, done.stderr
    if expected:
        return done.stderr.splitlines()[-1], {}
    label, *lines = done.stdout.splitlines()
    return label, {name: float(score) for name, score in (line.strip().rsplit(" ", 1) for line in lines)}


def scores_of(answer: Answer) -> dict[str, float]:
    return dict(answer)


def noise(seed: int, width: int, height: int) -> Image.Image:
    """An image of coloured rows and noise."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 200, (height, 1, 3)) + rng.integers(0, 56, (height, width, 3))
    return Image.fromarray(rows.astype(np.uint8))


# C++


def test_the_cpp_program_gives_our_scores_for_the_same_pixels(classify: Path, tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    ours = Classifier(model, "litert")
    for seed in range(4):
        noise(seed, 32, 32).save(tmp_path / "photo.ppm")
        noise(seed, 32, 32).save(tmp_path / "photo.png")
        label, scores = run_cpp(classify, model, tmp_path / "photo.ppm")
        expected = ours.scores(preprocess(tmp_path / "photo.png", 32, "squash"))
        assert scores == pytest.approx(dict(zip(LABELS, expected)), abs=1e-5)
        assert list(scores) == [prediction.label for prediction in ours.classify(tmp_path / "photo.png")]
        assert label == next(iter(scores))


@pytest.mark.parametrize("size", [(320, 240), (20, 300), (12, 10), (1, 1), (33, 32)])
def test_the_cpp_program_resizes_as_we_do(classify: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    image = noise(5, *size)
    image.save(tmp_path / "photo.ppm")
    image.save(tmp_path / "photo.png")
    _, scores = run_cpp(classify, model, tmp_path / "photo.ppm")
    assert scores == pytest.approx(scores_of(Classifier(model, "litert").classify(tmp_path / "photo.png")), abs=0.01)


def test_the_cpp_program_names_colours_and_what_is_unknown(classify: Path, tmp_path: Path) -> None:
    model = model_with_threshold(tmp_path / "m.tflite")
    for colour in COLOURS:
        picture(colour).save(tmp_path / "photo.ppm")
        assert run_cpp(classify, model, tmp_path / "photo.ppm", str(THRESHOLD))[0] == colour
    Image.new("RGB", (40, 30), (128, 128, 128)).save(tmp_path / "photo.ppm")
    assert run_cpp(classify, model, tmp_path / "photo.ppm", str(THRESHOLD))[0] == "unknown"
    assert run_cpp(classify, model, tmp_path / "photo.ppm")[0] in COLOURS


def test_the_cpp_program_reads_headers_with_comments_and_refuses_what_is_no_photo(
    classify: Path, tmp_path: Path
) -> None:
    model, photo = write_artifact(tmp_path / "m.tflite"), tmp_path / "photo.ppm"
    pixels = bytes(COLOURS["blue"]) * 6
    photo.write_bytes(b"P6\n# by a camera\n3 2\n# white\n255\n" + pixels)
    assert run_cpp(classify, model, photo)[0] == "blue"
    photo.write_bytes(b"P6 3 2 255\n" + pixels[:-1])
    assert run_cpp(classify, model, photo, expected=1)[0] == f"error: {photo} ends too early"
    for wrong in (b"", b"P5 3 2 255\n" + pixels, b"P6 3 2 65535\n" + pixels, b"P6 -3 2 255\n", b"P6 x", b"P6 3 2"):
        photo.write_bytes(wrong)
        assert run_cpp(classify, model, photo, expected=1)[0] == f"error: {photo} is not a binary PPM of 8 bits"
    float_model = write_artifact(tmp_path / "float.tflite", "float32")
    photo.write_bytes(b"P6 3 2 255\n" + pixels)
    assert "is not an int8 model of graftkit" in run_cpp(classify, float_model, photo, expected=1)[0]


# Python with a runtime alone


def run_without_graftkit(
    tmp_path: Path, name: str, *args: object, without: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    """What an example prints where graftkit and some packages cannot be imported: the photo's name and the answer."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(exist_ok=True)
    for package in ("graft_device", "graft_host", *without):
        (hidden / f"{package}.py").write_text(f"raise ImportError('{package} is hidden')\n")
    code = f"import sys; sys.path.insert(0, {str(hidden)!r}); sys.argv = sys.argv[1:]; import runpy; "
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", code, EXAMPLES / name, *args]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answers = [line.partition(": ") for line in done.stdout.splitlines()]
    return [(Path(photo).name, answer) for photo, _, answer in answers]


@pytest.mark.parametrize("runtime", PACKAGES)
@pytest.mark.parametrize(("kind", "resize"), [("int8", "squash"), ("int8", "crop"), ("float32", "squash")])
def test_the_python_program_answers_as_we_do(tmp_path: Path, runtime: str, kind: str, resize: str) -> None:
    if importlib.util.find_spec(PACKAGES[runtime]) is None:
        pytest.skip(f"no {runtime} for this Python")
    model = model_with_threshold(tmp_path / "m.tflite", kind, resize)
    photos = [tmp_path / f"{seed}.png" for seed in range(4)]
    for seed, photo in enumerate(photos):
        noise(seed, 90, 70).save(photo)
    picture("green").save(photos[-1])
    turned = Image.Exif()
    turned[0x0112] = 6
    noise(7, 40, 33).save(tmp_path / "turned.jpg", exif=turned)  # too small to be decoded at half its size
    photos.append(tmp_path / "turned.jpg")
    others = tuple(package for name, package in PACKAGES.items() if name != runtime)
    said = run_without_graftkit(tmp_path, "classify_tflite.py", model, *photos, without=others)
    ours = Classifier(model, runtime)
    for (name, answer), photo in zip(said, photos, strict=True):
        expected = ours.classify(photo)
        scores = ", ".join(f"{label} {score:.4f}" for label, score in expected)
        assert (name, answer) == (photo.name, f"{expected.label} ({scores})")
    assert said[3][1].startswith("green (")
    assert any(answer.startswith("unknown (") for _, answer in said)


@pytest.mark.parametrize("name", ["classify_tflite.py", "classify_mediapipe.py"])
def test_the_python_programs_ask_for_a_model_and_a_photo(name: str) -> None:
    if "mediapipe" in name and importlib.util.find_spec("mediapipe") is None:
        pytest.skip("mediapipe has no wheel for this Python")
    done = subprocess.run([sys.executable, EXAMPLES / name, "m.tflite"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, f"usage: {name} MODEL.tflite PHOTO...")


# MediaPipe


@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_the_mediapipe_program_names_the_colours(tmp_path: Path, kind: str) -> None:
    if importlib.util.find_spec("mediapipe") is None:
        pytest.skip("mediapipe has no wheel for this Python")
    model, ours = write_artifact(tmp_path / "m.tflite", kind), {}
    photos = [tmp_path / f"{colour}.png" for colour in COLOURS]
    for colour, photo in zip(COLOURS, photos, strict=True):
        picture(colour).save(photo)
        ours[photo.name] = Classifier(model).classify(photo)[0]
    said = run_without_graftkit(tmp_path, "classify_mediapipe.py", model, *photos)
    assert [name for name, _ in said] == list(ours)
    for name, answer in said:
        label, score = answer.split()
        assert label == ours[name].label
        assert float(score) == pytest.approx(ours[name].score, abs=0.02)


# All of them, on a real network


@pytest.mark.slow
def test_every_program_names_what_we_name_on_real_photos(
    classify: Path, cats_and_dogs: Path, shared_cache: Path, tmp_path: Path
) -> None:
    model = tmp_path / "pets.tflite"
    options = ["--backbone", "efficientnet-lite0", "--cache", shared_cache]
    graft_json("train", cats_and_dogs, "-o", model, *options)
    ours = Classifier(model, "litert")
    side = ours.model.card.image_size
    photos = sorted(cats_and_dogs.glob("*/*.jpg"))[::25]
    assert len(photos) == 20
    answers = [ours.classify(photo) for photo in photos]
    for photo, answer in zip(photos, answers, strict=True):
        Image.fromarray(preprocess(photo, side, "squash")).save(tmp_path / "photo.ppm")
        label, scores = run_cpp(classify, model, tmp_path / "photo.ppm", str(ours.model.card.unknown_below))
        assert label == answer.label
        assert scores == pytest.approx(scores_of(answer), abs=1e-5)
    said = run_without_graftkit(tmp_path, "classify_tflite.py", model, *photos)
    assert [text.split(" ")[0] for _, text in said] == [answer.label for answer in answers]
    if importlib.util.find_spec("mediapipe") is not None:
        said = run_without_graftkit(tmp_path, "classify_mediapipe.py", model, *photos)
        assert np.mean([text.split()[0] == answer[0].label for (_, text), answer in zip(said, answers)]) >= 0.95


# The page


@pytest.mark.parametrize(("language", "suffix"), [("python", ".py"), ("cpp", ".cpp")])
def test_the_lines_of_the_page_are_those_of_the_programs(language: str, suffix: str) -> None:
    page = (EXAMPLES.parent / "docs" / "how-to" / "other-programs.md").read_text("utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert blocks
    programs = [path.read_text("utf-8") for path in EXAMPLES.glob(f"classify*{suffix}")]
    flat = ["\n".join(line.strip() for line in text.splitlines()) for text in programs]
    for block in blocks:
        lines = "\n".join(line.strip() for line in block.strip().splitlines())
        assert any(lines in text for text in flat), block
