"""Files that are made to fill the memory, and cards with values that nothing can work with."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_device.classifier import Classifier
from graft_device.errors import ModelError
from graft_device.model import CARD_NAME, LABELS_NAME, DamagedError, read_checked, read_model
from graft_device.model.archive import MOST_ENTRIES
from graft_device.model.golden import GOLDEN_NAME, MOST_PHOTOS
from graft_device.model.reader import LONGEST_LABEL, MOST_LABELS
from tests.conftest import SHARED, error_line, graft_device
from tests.support.device_models import LABELS, make_card, write_artifact
from tests.support.hostile_models import card_text, card_with, write_bomb, write_files
from tests.support.stores import write_model

MEMORY = 256 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.tflite"


def refusal(path: Path) -> str:
    """Why a model is refused, read by a process that may not take much memory."""
    program = (
        "import sys\nfrom graft_device.errors import ModelError\nfrom graft_device.model import read_model\n"
        "try: read_model(sys.argv[1])\nexcept ModelError as e: print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    return done.stdout


@pytest.mark.parametrize("name", [CARD_NAME, LABELS_NAME, GOLDEN_NAME])
@pytest.mark.parametrize("declared", [None, 1000], ids=["honest", "lying"])
def test_an_entry_that_unpacks_to_a_gigabyte(name: str, declared: int | None, path: Path) -> None:
    write_bomb(path, name, 1 << 30, declared)
    assert path.stat().st_size < 2_000_000
    assert str(path) in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_cannot_be_limited(method: int, path: Path) -> None:
    assert "compression that is not supported" in refusal(write_files(path, {}, method=method))


def test_deflated_entries_are_read(path: Path) -> None:
    assert read_model(write_files(path, {})).labels == LABELS


def test_too_many_entries(path: Path) -> None:
    write_files(path, {f"{number:05}": b"" for number in range(MOST_ENTRIES - 2)})
    assert read_model(path).labels == LABELS
    write_files(path, {f"{number:05}": b"" for number in range(MOST_ENTRIES - 1)})
    assert "1001 entries, more than 1000" in refusal(path)
    write_files(path, {f"{number:0100}": b"" for number in range(60_000)}, method=zipfile.ZIP_STORED)
    assert "a directory of" in refusal(path)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (b"a\n" * (MOST_LABELS + 1), "65,538 lines, more than 65,536"),
        (b"a" * (LONGEST_LABEL + 1) + b"\n", "a label of 1,001 letters"),
        (b"\n" * 8_000_000, "lines, more than"),
        (b"a" * 9_000_000, "more than 8,388,608 bytes"),
    ],
)
def test_too_many_labels_and_too_long_ones(labels: bytes, words: str, path: Path) -> None:
    assert words in refusal(write_files(path, {LABELS_NAME: labels}))


def test_the_longest_lists_of_labels_are_read(path: Path) -> None:
    names = [f"{'x' * (LONGEST_LABEL - 5)}{number:05}" for number in range(100)] + ["b"] * (MOST_LABELS - 100)
    assert read_model(write_files(path, {LABELS_NAME: "\n".join(names).encode()})).labels == tuple(names)


@pytest.mark.parametrize(
    "card",
    [
        b"[" * 1_000_000,
        b"[" * 1_000_000 + b"]" * 1_000_000,
        card_with("[" * 40 + "]" * 40, "training", "deep"),
        card_with('{"a":' * 5000 + "1" + "}" * 5000, "training", "deep"),
        card_with("[" + "[]," * 4_000_000 + "[]]", "training", "many"),
        b'{"format": 1, "' + b"x" * 17_000_000 + b'": 1}',
    ],
    ids=["open", "deep", "deeper-than-32", "objects", "many", "large"],
)
def test_cards_that_would_fill_memory_or_stack(card: bytes, path: Path) -> None:
    assert "model card that cannot be used" in refusal(write_files(path, {CARD_NAME: card}))


NUMBERS = {
    "huge": "1" + "0" * 400,
    "5000 digits": "9" * 5000,
    "overflow": "1e999",
    "nan": "NaN",
    "infinity": "-Infinity",
    "true": "true",
    "text": '"0.5"',
    "list": "[0.5]",
    "object": "{}",
}
PLACES: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("image_size",), ("0", "-1", "8193", "32.5", "null")),
    (("mean",), ("1e300", "null")),
    (("std",), ("0", "0.0", "-1", "1e-300", "1e300", "null")),
    (("thresholds", "unknown", "score"), ("-0.01", "1.01", "2")),
    (("thresholds", "unknown", "false_rejection_rate"), ("-1", "1.5")),
    (("thresholds", "unknown", "photos"), ("-1", "1.5")),
    (("training", "accuracy", "shipped"), ("-0.5", "1.5")),
    (("training", "accuracy", "float_head"), ("2",)),
    (("training", "accuracy", "agreement"), ("2",)),
    (("training", "calibration", "temperature"), ("0", "-2")),
    (("training", "calibration", "photos"), ("-2",)),
    (("training", "photos", "test"), ("-2", "0.5")),
    (("backbone", "calibration_photos"), ("-1", "1.5")),
]


@pytest.mark.parametrize(
    ("keys", "text"), [(keys, text) for keys, own in PLACES for text in (*NUMBERS.values(), *own)],
    ids=[f"{'.'.join(keys)}={text[:12]}" for keys, own in PLACES for text in (*NUMBERS.values(), *own)],
)  # fmt: skip
def test_numbers_that_nothing_can_work_with(keys: tuple[str, ...], text: str, path: Path) -> None:
    write_files(path, {CARD_NAME: card_with(text, *keys)})
    with pytest.raises(ModelError) as caught:
        read_model(path)
    line = str(caught.value)
    assert line.startswith(f"{path} has a model card that cannot be used (")
    assert len(line) < 500
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("keys", [("training", "anything"), ("backbone", "anything"), ("later",)])
@pytest.mark.parametrize("name", ["huge", "5000 digits", "overflow", "nan", "infinity"])
def test_numbers_are_finite_wherever_they_are(keys: tuple[str, ...], name: str, path: Path) -> None:
    write_files(path, {CARD_NAME: card_with(NUMBERS[name], *keys)})
    with pytest.raises(ModelError, match="cannot be used"):
        read_model(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"training": []},
        {"training": {"accuracy": "bad"}},
        {"training": {"calibration": [1]}},
        {"training": {"calibration": {"ece": 1}}},
        {"training": {"photos": 12}},
        {"training": {"split": "none"}},
        {"thresholds": 0.5},
        {"thresholds": {"unknown": 0.5}},
        {"backbone": {"name": ["inception_v3"]}},
        {"backbone": {"name": {}}},
        {"backbone": {"weights": 3}},
        {"backbone": {"fingerprint": False}},
        {"kit_version": None},
        {"tap": 7},
        {"tap": "x" * 1001},
        {"tap": "\ud800"},
        {"later": "\udfff"},
    ],
    ids=str,
)
def test_other_types(changes: dict[str, Any], path: Path) -> None:
    write_files(path, {CARD_NAME: card_text(**changes)})
    with pytest.raises(ModelError, match="cannot be used"):
        read_model(path)


def test_the_limits_themselves_are_allowed(path: Path) -> None:
    card = replace(
        make_card(), mean=0, std=1,
        training={"accuracy": {"shipped": 1, "float_head": 0.0}, "split": {"seed": 10**200}},
        thresholds={"unknown": {"score": 1, "false_rejection_rate": 0}},
    )  # fmt: skip
    found = read_model(write_artifact(path, card=card)).card
    assert (found, found.unknown_below, found.accuracy) == (card, 1.0, 1.0)


def golden_text(**changes: Any) -> bytes:
    photo = {"name": "a", "label": "red", "scores": [1, 0, 0.0], "picture": 0}
    photos = [{**photo, **changes.pop("photo", {})}]
    raw = {"format": 1, "network": {"bytes": 1, "sha256": "0" * 64}, "tolerance": 0.1, "photos": photos, **changes}
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    "golden",
    [
        b"[" * 100_000,
        b"null",
        golden_text(format=True),
        golden_text(network=None),
        golden_text(network={"bytes": True, "sha256": "0" * 64}),
        golden_text(network={"bytes": -1, "sha256": "0" * 64}),
        golden_text(network={"bytes": 10**300, "sha256": "0" * 64}),
        golden_text(network={"bytes": 1, "sha256": "0" * 63}),
        golden_text(network={"bytes": 1, "sha256": None}),
        golden_text(tolerance=1),
        golden_text(tolerance=True),
        golden_text(tolerance="0.1"),
        golden_text(photos={}),
        golden_text(photos=[{}] * (MOST_PHOTOS + 1)),
        golden_text(photos=[3]),
        golden_text(photo={"name": 3}),
        golden_text(photo={"label": "black"}),
        golden_text(photo={"label": ["red"]}),
        golden_text(photo={"scores": [1, 0]}),
        golden_text(photo={"scores": [1, 0, 10**200]}),
        golden_text(photo={"scores": [1, 0, True]}),
        golden_text(photo={"scores": "abc"}),
        golden_text(photo={"picture": -1}),
        golden_text(photo={"picture": 10**20}),
        golden_text(photo={"picture": None}),
        golden_text(photo={"file": "a.jpg"}),
        golden_text(photo={"picture": None, "file": 3}),
    ],
)
def test_golden_data_that_nothing_can_work_with(golden: bytes, path: Path) -> None:
    write_files(path, {GOLDEN_NAME: golden})
    with pytest.raises(ModelError) as caught:
        read_model(path)
    assert str(caught.value).startswith(f"{path} has a golden.json that cannot be used (")
    write_files(path, {GOLDEN_NAME: golden_text()})
    assert read_model(path).golden is not None


def test_a_long_value_is_not_quoted_in_full(path: Path) -> None:
    for files in ({CARD_NAME: card_text(format="x" * 100_000)}, {GOLDEN_NAME: golden_text(format=["y"] * 100_000)}):
        write_files(path, files)
        with pytest.raises(ModelError) as caught:
            read_model(path)
        assert len(str(caught.value)) < 500


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A complete model file as ``graft train`` writes it."""
    return write_model(tmp_path_factory.mktemp("whole") / "m.tflite").read_bytes()


def test_a_flipped_bit_anywhere_in_the_network_is_noticed(whole: bytes, path: Path) -> None:
    path.write_bytes(whole)
    size = read_checked(path).network_bytes
    assert 2000 < size < len(whole)
    for place in range(8, size):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        with pytest.raises(DamagedError, match="is damaged: its network is not the original one; copy it again"):
            Classifier(path)


@settings(max_examples=300)
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8))
def test_damage_anywhere_gives_the_right_model_or_an_error(
    changes: list[tuple[float, int]], whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.tflite"
    data = bytearray(whole)
    for place, value in changes:
        data[int(place * len(data))] = value
    path.write_bytes(data)
    try:
        found = read_checked(path)
    except ModelError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017  any other exception fails the test
    else:
        assert (found.labels, found.card) == (LABELS, make_card())


def test_info_reports_the_checksum(path: Path) -> None:
    write_model(path)
    golden = read_model(path).golden
    assert golden is not None
    assert "checksum    matches the network\n" in graft_device("info", path).stdout
    assert json.loads(graft_device("info", path, "--json").stdout)["network_sha256"] == golden.network_sha256
    write_artifact(path, checksum=False)
    assert "checksum    none: damage may go unnoticed\n" in graft_device("info", path).stdout
    assert json.loads(graft_device("info", path, "--json").stdout)["network_sha256"] is None


HOSTILE = SHARED / "cases" / "hostile"


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the shared cases are not there")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("segfault-1bit", "is damaged: its network is not the original one; copy it again"),
        ("score-huge", "has a model card that cannot be used (a number of 401 digits)"),
    ],
)
def test_the_shared_hostile_models(name: str, words: str, tmp_path: Path) -> None:
    model, picture = HOSTILE / f"{name}.tflite", tmp_path / "x.png"
    from tests.support.device_models import picture as colour

    colour("red").save(picture)
    assert "red" in graft_device("classify", HOSTILE / "tiny.tflite", picture).stdout
    for args in (
        ["classify", model, picture], ["info", model], ["run", model, "--source", picture], ["serve", model],
        ["bench", model], ["selftest", model], ["doctor", model], ["install", model, "--store", tmp_path / "store"],
    ):  # fmt: skip
        done = graft_device(*args)
        assert words in error_line(done, 8 if name == "segfault-1bit" and args[0] in {"selftest", "install"} else 1)
