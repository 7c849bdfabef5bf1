from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from graft_device import __version__
from tests.conftest import error_line, graft_device
from tests.device.test_runtime import each_runtime
from tests.support.device_models import COLOURS, LABELS, make_card, network, picture, write_artifact

COMMAND = [sys.executable, "-m", "graft_device.cli"]
COMMAND_NAMES = [
    "classify", "info", "run", "serve", "doctor", "bench", "install", "models", "rollback", "selftest", "config",
    "service",
]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("photos")
    for colour in COLOURS:
        picture(colour).save(folder / f"{colour}.png")
    return {colour: folder / f"{colour}.png" for colour in COLOURS}


def json_lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


# classify


@each_runtime
def test_classify_prints_a_line_a_photo_and_nothing_else(runtime: str, model: Path, photos: dict[str, Path]) -> None:
    done = graft_device("classify", model, *photos.values(), "--runtime", runtime, "--top-k", 2)
    assert (done.returncode, done.stderr) == (0, "")  # not even a note of the interpreter's native code
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    for line, (colour, path) in zip(lines, photos.items()):
        assert re.fullmatch(rf"{re.escape(str(path))}: {colour} \d\d\.\d%  \w+ \d\.\d%", line)


def test_classify_json(model: Path, photos: dict[str, Path]) -> None:
    order = [photos["blue"], photos["red"], photos["blue"], photos["green"]]
    done = graft_device("classify", model, *order, "--json", "--threads", 1)
    assert (done.returncode, done.stderr) == (0, "")
    answers = json_lines(done)
    assert [answer["image"] for answer in answers] == [str(path) for path in order]
    for answer, path in zip(answers, order):
        assert answer.keys() == {"image", "predictions", "unknown", "ms"}
        assert answer["unknown"] is False
        assert [p.keys() for p in answer["predictions"]] == [{"label", "score"}] * 3
        assert answer["predictions"][0]["label"] == path.stem
        assert sum(p["score"] for p in answer["predictions"]) == pytest.approx(1, abs=0.02)
        assert answer["ms"].keys() == {"preprocess", "invoke"}
        assert all(value > 0 for value in answer["ms"].values())


def test_bad_photos_do_not_stop_the_others(model: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a photo")
    (tmp_path / "cut.png").write_bytes(photos["red"].read_bytes()[:60])
    bad = {
        tmp_path / "empty.jpg": "the file is empty",
        tmp_path / "text.jpg": "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image",
        tmp_path / "cut.png": "the image is cut short",
        tmp_path / "nowhere.jpg": "no such file or directory",
        tmp_path / "folder": "there is no photo in this folder",
    }
    (tmp_path / "folder").mkdir()
    images = [photos["red"], *bad, photos["blue"]]
    done = graft_device("classify", model, *images)
    assert done.returncode == 1
    assert [line.split(": ")[1].split()[0] for line in done.stdout.splitlines()] == ["red", "blue"]
    assert done.stderr.splitlines() == [f"error: {path}: {why}" for path, why in bad.items()]

    done = graft_device("classify", model, *images, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    answers = json_lines(done)
    assert [answer["image"] for answer in answers] == [str(path) for path in images]
    assert answers[1:-1] == [{"image": str(path), "error": why} for path, why in bad.items()]
    assert [answers[n]["predictions"][0]["label"] for n in (0, -1)] == ["red", "blue"]


def from_stdin(model: Path, *args: object, data: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Classifies a photo on standard input."""
    command = [*COMMAND, "classify", str(model), *map(str, args)]
    streams: dict[str, Any] = {"input": data, **options}
    return subprocess.run(command, capture_output=True, timeout=60, check=False, **streams)


def test_a_photo_on_standard_input(model: Path, photos: dict[str, Path]) -> None:
    done = from_stdin(model, "-", data=photos["blue"].read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"-: blue 9")
    done = from_stdin(model, photos["red"], "-", "--json", data=photos["blue"].read_bytes())
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["image"], second["image"]) == (str(photos["red"]), "-")
    assert (first["predictions"][0]["label"], second["predictions"][0]["label"]) == ("red", "blue")


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "the file is empty"), (b"no photo", "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image")],
)
def test_standard_input_without_a_photo(data: bytes, reason: str, model: Path, photos: dict[str, Path]) -> None:
    done = from_stdin(model, "-", photos["red"], data=data)
    assert (done.returncode, done.stderr.decode()) == (1, f"error: -: {reason}\n")
    assert b": red 9" in done.stdout
    done = from_stdin(model, "-", "--json", data=data)
    assert (json.loads(done.stdout), done.stderr) == ({"image": "-", "error": reason}, b"")


def test_standard_input_that_is_endless_or_closed(model: Path) -> None:
    for redirection, reason in (
        ("</dev/zero", "too large to read (the limit is "),
        ("<&-", "standard input is closed"),
    ):
        shell = ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, "classify", str(model), "-"]
        done = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: -: {reason}"), done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_terminal_is_no_photo(model: Path) -> None:
    leader, follower = os.openpty()
    try:
        done = from_stdin(model, "-", input=None, stdin=follower)
    finally:
        os.close(leader)
        os.close(follower)
    remedy = b"send a photo to it: graft-device classify MODEL - < photo.jpg"
    assert (done.returncode, done.stderr) == (1, b"error: -: standard input is a terminal; " + remedy + b"\n")


def test_a_folder_gives_its_photos_in_order(model: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name, colour in (
        ("b.PNG", "blue"), ("a.png", "red"), ("sub/c", "green"), (".hidden.png", "red"), ("@eaDir/a.png", "red"),
        ("d.png.part", "red"), ("Thumbs.db", "red"),
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(photos[colour].read_bytes())
    (folder / "notes.txt").write_text("no photo")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "link").symlink_to(tmp_path)
    done = graft_device("classify", model, photos["green"], folder, "--json")
    assert done.returncode == 1
    note = f"note: {folder}/link is a link to a folder, which is not followed; give that folder itself\n"
    assert done.stderr == note
    answers = json_lines(done)
    names = [str(photos["green"]), *(f"{folder}/{name}" for name in ("a.png", "b.PNG", "cut.jpg", "sub/c"))]
    assert [answer["image"] for answer in answers] == names
    labels = [answer["predictions"][0]["label"] if "predictions" in answer else None for answer in answers]
    assert labels == ["green", "red", "blue", None, "green"]
    (folder / "cut.jpg").unlink()
    done = graft_device("classify", model, "in", cwd=tmp_path)
    assert done.returncode == 0
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["in/a.png", "in/b.PNG", "in/sub/c"]


NAMES = [
    b"with space.png",
    b'it\'s "quoted" $HOME `x`.png',
    b"two\nlines.png",
    "猫とねじ Füße 🔩.png".encode(),
    b"caf\xe9 in latin-1.png",
    b"-dash.png",
    b"escape\x1b[31m.png",
]


def test_photo_names_of_any_kind(model: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    named = [tmp_path / os.fsdecode(name) for name in NAMES]
    for path in named:
        path.write_bytes(photos["green"].read_bytes())
    done = graft_device("classify", model, *named, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [answer["image"] for answer in json_lines(done)] == list(map(str, named))

    done = graft_device("classify", model, *named)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(named), "a name must not spread over lines"
    for line, path in zip(lines, named):
        assert line.isprintable()
        assert ": green 9" in line
        assert line.startswith(f"{path}: ") == path.name.isprintable()

    for path in named:
        path.unlink()
    done = graft_device("classify", model, *named)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert len(lines) == len(named)
    for line in lines:
        assert line.isprintable()
        assert line.startswith("error: ")
        assert line.endswith(": no such file or directory")


@pytest.mark.parametrize("name", [b"two\nlines.tflite", b"caf\xe9 \xf0\x9f\x94\xa9 'q'.tflite"])
def test_model_names_of_any_kind(name: bytes, model: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    named = tmp_path / os.fsdecode(name)
    assert error_line(graft_device("info", named)).isprintable()
    named.write_bytes(model.read_bytes())
    done = graft_device("classify", named, photos["red"])
    assert (done.returncode, done.stderr) == (0, "")
    assert len(graft_device("info", named).stdout.splitlines()) == 11


def test_a_name_that_looks_like_an_option(model: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "--debug").write_bytes(photos["blue"].read_bytes())
    done = graft_device("classify", model, "--json", "--", "--debug", cwd=tmp_path)
    assert json_lines(done)[0]["predictions"][0]["label"] == "blue", done.stderr
    assert graft_device("classify", model, "--", "--help", cwd=tmp_path).stderr == (
        "error: --help: no such file or directory\n"
    )


def test_output_in_a_terminal_that_cannot_show_the_characters(
    model: Path, photos: dict[str, Path], tmp_path: Path
) -> None:
    named = tmp_path / "猫.png"
    named.write_bytes(photos["red"].read_bytes())
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1:strict"}
    done = graft_device("classify", model, named, tmp_path / "🔩.png", env=environment)
    assert r"\u732b.png: red" in done.stdout
    assert r"\U0001f529.png: no such file" in error_line(done)


def test_labels_with_control_characters(photos: dict[str, Path], tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "m.tflite", labels=["a\x1b[31mb", "tab\tbed", "Füße"])
    done = graft_device("classify", path, photos["red"])
    assert r"a\x1b[31mb 9" in done.stdout
    assert r"tab\tbed" in done.stdout
    assert "Füße" in done.stdout
    assert r"labels      a\x1b[31mb, tab\tbed, Füße" in graft_device("info", path).stdout
    answer = json_lines(graft_device("classify", path, photos["red"], "--json"))[0]
    assert answer["predictions"][0]["label"] == "a\x1b[31mb"


# Errors


@pytest.mark.parametrize("command", ["classify", "info"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "is not a .tflite model"),
        (b"text\n" * 9, "is not a .tflite model"),
        (network(), "has no model card"),
    ],
)
def test_models_that_cannot_be_used(
    content: bytes | None, words: str, command: str, photos: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    if content is not None:
        path.write_bytes(content)
    done = graft_device(command, path, *([photos["red"]] if command == "classify" else []))
    assert words in error_line(done)
    assert done.stdout == ""


def test_a_model_cut_short(model: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(model.read_bytes()[:-100])
    assert "cut short" in error_line(graft_device("classify", path, photos["red"]))


@pytest.mark.parametrize("place", [0, 1, 3])
def test_debug_shows_the_traceback_from_anywhere(place: int, tmp_path: Path) -> None:
    args = ["info", str(tmp_path / "nowhere.tflite"), "--json"]
    args.insert(place, "--debug")
    done = graft_device(*args)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "ModelError: cannot read model" in done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["classify"], "MODEL"),
        (["classify", "m.tflite"], "IMAGE"),
        (["classify", "m.tflite", "a.jpg", "--runtime", "tvm"], "'auto', 'litert', 'tflite-runtime'"),
        (["classify", "m.tflite", "a.jpg", "--top-k", "0"], "--top-k"),
        (["classify", "m.tflite", "a.jpg", "--threads", "many"], "--threads"),
        (["info"], "MODEL"),
        (["info", "m.tflite", "--colour"], "--colour"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_usage_errors(args: list[str], words: str) -> None:
    done = graft_device(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr


# Help, version, info


@pytest.mark.parametrize("command", COMMAND_NAMES)
def test_help_has_an_example(command: str) -> None:
    assert command in graft_device("--help").stdout
    done = graft_device(command, "--help")
    assert done.returncode == 0
    model = r" \S+\.tflite" if re.search("^Usage: .*(MODEL|FILE)", done.stdout) else ""
    assert re.search(rf"^ *Example: +graft-device {command}{model}", done.stdout, re.MULTILINE)


def test_version() -> None:
    done = graft_device("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"graft-device {__version__}\n", "")


def test_info(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "m.tflite")
    rows = dict(line.split(maxsplit=1) for line in graft_device("info", path).stdout.splitlines())
    assert rows["model"] == str(path)
    assert rows["labels"] == "red, green, blue"
    assert rows["input"].startswith("32 x 32 RGB, resized by squash")
    assert rows["numbers"] == "int8"
    assert rows["accuracy"] == "not measured"
    found = json.loads(graft_device("info", path, "--json").stdout)
    assert found["labels"] == list(LABELS)
    assert found["bytes"] == path.stat().st_size
    assert found["card"]["backbone"]["name"] == "mean_colour"


def test_info_of_a_tested_model(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "m.tflite", card=make_card(accuracy={"shipped": 0.9876, "float_head": 1.0}))
    assert "98.8% on its test photos" in graft_device("info", path).stdout


# Streams and signals


def test_the_reader_closes_the_pipe(model: Path, photos: dict[str, Path]) -> None:
    command = [*COMMAND, "classify", str(model), *[str(photos["red"])] * 3000]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        assert job.stderr is not None
        assert ": red 9" in job.stdout.readline()
        job.stdout.close()
        assert job.stderr.read() == ""
        assert job.wait(timeout=120) == 1


def test_ctrl_c(model: Path, photos: dict[str, Path]) -> None:
    command = [*COMMAND, "classify", str(model), *[str(photos["red"])] * 20_000, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        assert job.stderr is not None
        first = job.stdout.readline()
        job.send_signal(signal.SIGINT)
        rest, errors = job.stdout.read(), job.stderr.read()  # communicate() would lose what is read ahead
        assert job.wait(timeout=120) == 130
    assert errors == "interrupted; what was finished is kept\n"
    answers = [json.loads(line) for line in [first, *rest.splitlines()]]
    assert 0 < len(answers) < 20_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("args", [["classify", "--json"], ["info"]])
def test_a_full_disk(args: list[str], model: Path, photos: dict[str, Path]) -> None:
    images = [str(photos["red"])] if args[0] == "classify" else []
    with Path("/dev/full").open("w") as full:
        command = [*COMMAND, *args, str(model), *images]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "error: no space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_that_are_closed(closed: str, model: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, "classify", str(model), str(photos["red"])]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (": red 9" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))
    done = subprocess.run([*shell, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr in {"", f"error: {tmp_path}: there is no photo in this folder\n"}


def test_a_photo_like_a_cameras(model: Path, tmp_path: Path) -> None:
    """A large, noisy, mostly green JPEG with an EXIF block."""
    pixels = np.random.default_rng(0).integers(0, 60, (1200, 1600, 3)).astype(np.uint8)
    pixels[..., 1] += 180
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "IMG_0001.JPG", "JPEG", exif=exif, dpi=(72, 72))
    done = graft_device("classify", model, tmp_path / "IMG_0001.JPG", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json_lines(done)[0]["predictions"][0]["label"] == "green"


def test_low_scores_are_called_unknown_unless_that_is_turned_off(tmp_path: Path) -> None:
    card = replace(make_card(), thresholds={"unknown": {"score": 0.9, "false_rejection_rate": 0.05, "photos": 99}})
    model = write_artifact(tmp_path / "m.tflite", card=card)
    for name, colour in (("red.png", (230, 20, 30)), ("grey.png", (90, 80, 70))):
        Image.new("RGB", (40, 40), colour).save(tmp_path / name)
    images = [tmp_path / "red.png", tmp_path / "grey.png"]
    sure, unsure = json_lines(graft_device("classify", model, *images, "--json"))
    assert sure["unknown"] is False
    assert "reason" not in sure
    assert (unsure["unknown"], unsure["reason"]) == (True, "uncertain")
    nearest = unsure["predictions"][0]
    assert nearest["label"] == "red"
    assert sum(p["score"] for p in unsure["predictions"]) == pytest.approx(1, abs=0.02)
    line = graft_device("classify", model, *images).stdout.splitlines()[1]
    assert line == f"{images[1]}: unknown (nearest: red {nearest['score']:.0%})"
    named = json_lines(graft_device("classify", model, *images, "--json", "--no-unknown"))
    assert [answer["predictions"][0]["label"] for answer in named] == ["red", "red"]
    assert all(answer["unknown"] is False for answer in named)
    assert "unknown     below a score of 90.0%" in graft_device("info", model).stdout
