"""``graft-device learn``: a new class, or the right class of photos, from a few photos on the board."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from graft_device.classifier import Classifier
from graft_device.errors import GateError, GraftError
from graft_device.learning.learn import learn
from graft_device.learning.request import Request
from graft_device.learning.result import LearnResult
from graft_device.model import read_checked
from graft_device.model.golden import GOLDEN_NAME
from graft_device.model.memory import MEMORY_NAME, read_memory
from graft_device.model.packing import pack_zip
from graft_device.runtime import RUNTIMES
from graft_device.store.exit_codes import SignatureError
from graft_device.store.slots import Store
from tests.conftest import error_line, graft_device
from tests.support.device_models import COLOURS, LABELS, make_card, write_artifact
from tests.support.learning_models import write_learnable, write_photos_of
from tests.support.stores import allow, make_key


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_learnable(tmp_path / "colours.tflite")


def request_for(model: Path, name: str, photos: list[Path], **changes: object) -> Request:
    values = {
        "model": model, "label": name, "adds": True, "photos": tuple(map(str, photos)),
        "output": model.with_name("new.tflite"), "max_loss": 0.05, "key": None, "store": Store(model.parent / "store"),
    }  # fmt: skip
    return Request(**{**values, **changes})  # type: ignore[arg-type]


def learned(request: Request) -> tuple[LearnResult, list[str]]:
    notes: list[str] = []
    return learn(request, notes.append), notes


def named(model: Path, photos: list[Path], runtime: str = "auto") -> list[str]:
    classifier = Classifier(model, runtime)
    return [classifier.classify(photo).label for photo in photos]


@pytest.mark.parametrize(
    ("kind", "remembers"),
    [
        ("int8", True),
        pytest.param("int8", False, marks=pytest.mark.slow),
        pytest.param("float32", True, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("count", [1, 12])
def test_a_learned_class_is_named_and_the_old_ones_still_are(
    tmp_path: Path, kind: str, remembers: bool, count: int
) -> None:
    model = write_learnable(tmp_path / "colours.tflite", kind, photos=remembers)
    result, _ = learned(request_for(model, "yellow", write_photos_of(tmp_path / "yellow", "yellow", count)))
    assert result.how == ("trained" if remembers and count >= 5 else "imprinted")
    new = read_checked(result.model)
    assert new.labels == (*LABELS, "yellow")
    for runtime in RUNTIMES:
        for name in new.labels:
            found = named(result.model, write_photos_of(tmp_path / "unseen", name, 10, seed=7), runtime)
            assert found.count(name) >= 8, (runtime, name, found)


def test_learning_twice_keeps_both_classes(tmp_path: Path, model: Path) -> None:
    first, _ = learned(request_for(model, "yellow", write_photos_of(tmp_path / "y", "yellow", 8)))
    black = write_photos_of(tmp_path / "b", "black", 8)
    second, _ = learned(request_for(first.model, "black", black, output=tmp_path / "second.tflite"))
    for name in (*COLOURS, "yellow", "black"):
        assert named(second.model, write_photos_of(tmp_path / "unseen", name, 5, seed=7)).count(name) >= 4
    history = read_checked(second.model).card.training["learned"]
    assert [entry["class"] for entry in history] == ["yellow", "black"]


def test_info_tells_what_was_learned_on_the_board(tmp_path: Path, model: Path) -> None:
    assert "learned" not in graft_device("info", model).stdout
    assert json.loads(graft_device("info", model, "--json").stdout)["learned"] == []
    first, _ = learned(request_for(model, "yellow", write_photos_of(tmp_path / "y", "yellow", 1)))
    dark = write_photos_of(tmp_path / "b", "black", 8)
    second, _ = learned(request_for(first.model, "blue", dark, adds=False, output=tmp_path / "second.tflite"))
    shown = graft_device("info", second.model)
    assert "learned     on a board: yellow from 1 photo; blue corrected by 8 photos\n" in shown.stdout
    entries = json.loads(graft_device("info", second.model, "--json").stdout)["learned"]
    assert [(entry["class"], entry["new"], entry["photos"]) for entry in entries] == [
        ("yellow", True, 1), ("blue", False, 8),
    ]  # fmt: skip


@pytest.mark.parametrize("entries", ["much", {}, [7, {"class": "a\x1bb", "new": True, "photos": 3}, {"class": []}]])
def test_info_of_a_card_that_somebody_wrote_by_hand(tmp_path: Path, entries: object) -> None:
    path = write_artifact(tmp_path / "m.tflite", card=make_card(learned=entries))
    done = graft_device("info", path)
    assert done.returncode == 0, done.stderr
    assert ("on a board: a\\x1bb from 3 photos" in done.stdout) == isinstance(entries, list)


def test_the_learned_file_is_installed_like_any_other(tmp_path: Path, model: Path) -> None:
    write_photos_of(tmp_path / "photos", "yellow", 6)
    new, store = tmp_path / "new.tflite", tmp_path / "store"
    done = graft_device("learn", model, "--class", "yellow", tmp_path / "photos", "-o", new, "--store", store)
    assert done.returncode == 0, done.stderr
    assert "yellow, a new class, from 6 photos" in done.stdout
    for runtime in RUNTIMES:
        tested = graft_device("selftest", new, "--runtime", runtime, "--json")
        assert tested.returncode == 0, tested.stderr
        golden = json.loads(tested.stdout)["photos"]
        assert [photo["expected"] for photo in golden].count("yellow") == 2
    assert graft_device("install", new, "--store", store).returncode == 0
    answer = graft_device("classify", store, tmp_path / "photos" / "yellow-1-0.png", "--json")
    assert json.loads(answer.stdout)["predictions"][0]["label"] == "yellow"


def test_the_backbone_stays_as_it_is_byte_for_byte(tmp_path: Path, model: Path) -> None:
    result, _ = learned(request_for(model, "yellow", write_photos_of(tmp_path / "y", "yellow", 6)))
    old, new = model.read_bytes(), result.model.read_bytes()
    size = read_checked(model).network_bytes
    assert sum(a != b for a, b in zip(old[:size], new[:size], strict=True)) < 200


def test_the_file_gives_the_scores_of_its_float_head(tmp_path: Path, model: Path) -> None:
    """The int8 head is not further from the numbers that were learned than its steps allow, on both runtimes."""
    result, _ = learned(request_for(model, "yellow", write_photos_of(tmp_path / "y", "yellow", 12)))
    photos = [path for name in (*COLOURS, "yellow") for path in write_photos_of(tmp_path / "u", name, 10, seed=7)]
    scores = [
        np.stack([Classifier(result.model, runtime).classify_scores(photo) for photo in photos])
        for runtime in RUNTIMES
    ]  # fmt: skip
    assert (scores[0].argmax(axis=1) == scores[1].argmax(axis=1)).all()
    assert np.abs(scores[0] - scores[1]).max() < 0.06


def test_corrected_photos_get_their_class(tmp_path: Path, model: Path) -> None:
    """Black photos that people call blue: refused or named otherwise before, and blue afterwards."""
    wrong = write_photos_of(tmp_path / "wrong", "black", 8)
    assert named(model, wrong).count("blue") < 8
    result, _ = learned(request_for(model, "blue", wrong, adds=False))
    assert read_checked(result.model).labels == LABELS
    assert named(result.model, write_photos_of(tmp_path / "unseen", "black", 10, seed=7)).count("blue") >= 8
    assert named(result.model, write_photos_of(tmp_path / "unseen", "red", 10, seed=7)).count("red") >= 9


def test_a_class_that_costs_the_old_ones_too_much_is_refused(tmp_path: Path, model: Path) -> None:
    photos = write_photos_of(tmp_path / "crimson", "crimson", 20)
    with pytest.raises(GateError, match="most of all red") as raised:
        learned(request_for(model, "crimson", photos, max_loss=0.01))
    assert raised.value.exit_status == 3
    assert not (tmp_path / "new.tflite").exists()
    result, _ = learned(request_for(model, "crimson", photos, max_loss=1.0))
    assert result.loss > 0.01
    assert any("red: the two look alike" in note for note in result.notes)


def test_a_new_class_like_taught_strangers_is_not_refused_and_the_others_are(tmp_path: Path) -> None:
    model = write_learnable(tmp_path / "colours.tflite", negatives=("black",))
    result, _ = learned(request_for(model, "yellow", write_photos_of(tmp_path / "y", "yellow", 10)))
    header, _ = read_memory(result.model) or (None, b"")
    assert header is not None
    assert header.rows == 90 + 20 + 10
    assert any("20 remembered photos of none of the classes" in note for note in result.notes)


def test_every_photo_counts_once_and_what_cannot_be_used_is_named(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "photos"
    photos = write_photos_of(folder, "yellow", 6)
    (folder / "copy.png").write_bytes(photos[0].read_bytes())
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    first, notes = learned(request_for(model, "yellow", [folder, *photos[:2]]))
    assert (first.photos, first.repeated) == (6, 3)
    assert [Path(name).name for name, _ in first.skipped] == ["broken.jpg"]
    assert any("broken.jpg" in note for note in notes)
    more = write_photos_of(tmp_path / "more", "yellow", 1, seed=3)
    again = request_for(first.model, "yellow", [photos[0], *more], adds=False, output=tmp_path / "again.tflite")
    second, notes = learned(again)
    assert second.photos == 1
    assert any("remembered already" in note for note in notes)


def test_a_folder_that_is_remembered_is_named_in_a_few_lines(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "yellow"
    photos = write_photos_of(folder, "yellow", 10)
    first, _ = learned(request_for(model, "yellow", photos))
    notes: list[str] = []
    with pytest.raises(GraftError, match="remembers all"):
        learn(request_for(first.model, "yellow", photos, adds=False, output=tmp_path / "again.tflite"), notes.append)
    assert notes[3] == "7 more are remembered already, so they are left out"
    assert len(notes) == 4
    other = request_for(first.model, "lemon", photos, output=tmp_path / "lemon.tflite", max_loss=1.0)
    lines = [note for note in learned(other)[1] if "no longer remembered as a photo of yellow" in note]
    assert len(lines) == 4


def test_two_that_learn_into_one_file_do_not_replace_each_other(tmp_path: Path, model: Path) -> None:
    """The second is refused while the first is at work, and once it has ended; so is a file that somebody else made."""
    black, _ = (write_photos_of(tmp_path / name, name, 1) for name in ("black", "yellow"))
    (tmp_path / "yellow" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    request = request_for(model, "yellow", [tmp_path / "yellow"])
    command = ("learn", model, "--class", "black", *black, "-o", request.output, "--store", tmp_path / "store")
    lines: list[str] = []
    learn(request, lambda _: lines.extend(error_line(graft_device(*command, *more)) for more in ((), ("--overwrite",))))
    busy = f"error: another 'graft-device learn' is making {request.output}; wait until it has ended, or give another"
    assert lines == 2 * [f"{busy} name with -o"]
    assert "new.tflite exists" in error_line(graft_device(*command))
    assert read_checked(request.output).labels == (*LABELS, "yellow")
    again = request_for(model, "yellow", [tmp_path / "yellow"], output=tmp_path / "other.tflite")
    with pytest.raises(GraftError, match=r"other\.tflite exists; give another name"):
        learn(again, lambda _: again.output.write_text("mine"))  # type: ignore[arg-type]
    assert again.output.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".learning")] == []


def test_a_model_that_is_replaced_meanwhile_is_not_learned_from(tmp_path: Path, model: Path) -> None:
    """Its network and its memory are read one after the other, and would be of two models."""
    other = write_learnable(tmp_path / "other.tflite", "float32")
    write_photos_of(tmp_path / "yellow", "yellow", 1)
    (tmp_path / "yellow" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    request = request_for(model, "yellow", [tmp_path / "yellow"])

    def replace_model(_: str) -> None:
        if other.exists():
            other.replace(model)

    with pytest.raises(GraftError, match="was changed while it was learned from; run the command again"):
        learn(request, replace_model)
    assert not request.output.exists()


@pytest.mark.parametrize("name", ["Grün", "GRÜN", "gru\u0308n", " grün", "grün  "])
def test_a_class_that_nobody_could_distinguish_from_an_old_one_is_refused(
    tmp_path: Path, model: Path, name: str
) -> None:
    photos = write_photos_of(tmp_path / "p", "yellow", 1)
    first, _ = learned(request_for(model, "gru\u0308n", photos))
    assert read_checked(first.model).labels == (*LABELS, "grün")
    for adds in (True, False):
        request = request_for(first.model, name, photos, adds=adds, output=tmp_path / "second.tflite")
        with pytest.raises(GraftError, match="--correct grün"):
            learn(request, lambda _: None)
        assert not request.output.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--class", "red"), "has a class 'red' already"),
        (("--class", "a/b"), "cannot be called"),
        (("--class", "unknown"), "cannot be called"),
        (("--correct", "pink"), "has no class 'pink'"),
    ],
)
def test_labels_that_cannot_be_learned(tmp_path: Path, model: Path, arguments: tuple[str, str], reason: str) -> None:
    (photo,) = write_photos_of(tmp_path / "p", "yellow", 1)
    done = graft_device("learn", model, photo, "-o", tmp_path / "new.tflite", *arguments)
    assert done.returncode == 1
    assert reason in error_line(done)


def test_neither_the_model_nor_an_earlier_file_is_overwritten(tmp_path: Path, model: Path) -> None:
    photos = write_photos_of(tmp_path / "p", "yellow", 1)
    before = model.read_bytes()
    store = Store(tmp_path / "board")
    store.slots_folder.mkdir(parents=True)
    inside = {"output": store.root / "new.tflite", "store": store}
    for changes in ({"output": model, "overwrite": True}, {"output": photos[0]}, inside):
        with pytest.raises(GraftError):
            learned(request_for(model, "yellow", photos, **changes))
    assert model.read_bytes() == before
    both = graft_device("learn", model, photos[0], "-o", tmp_path / "n.tflite", "--class", "a", "--correct", "red")
    assert both.returncode == 2


def test_a_board_that_requires_signatures_gets_a_signed_file_or_none(tmp_path: Path, model: Path) -> None:
    photos, store = write_photos_of(tmp_path / "p", "yellow", 6), tmp_path / "store"
    known, strange = make_key(tmp_path / "known"), make_key(tmp_path / "strange")
    allow(store / "allowed_signers", board=known)
    request = request_for(model, "yellow", photos)
    for key in (None, strange):
        with pytest.raises(SignatureError):
            learned(request_for(model, "yellow", photos, key=key))
        assert not request.output.exists()
    result, _ = learned(request_for(model, "yellow", photos, key=known))
    assert result.signature == tmp_path / "new.tflite.sig"
    installed = graft_device("install", result.model, "--store", store)
    assert installed.returncode == 0, installed.stderr
    assert "by board@example.com" in installed.stdout
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".new")) == []


def test_a_model_without_a_memory_says_what_to_do(tmp_path: Path, model: Path) -> None:
    bare = _changed(model, tmp_path / "bare.tflite", without=MEMORY_NAME)
    with pytest.raises(GraftError, match=r"remembers nothing .*train it again"):
        learned(request_for(bare, "yellow", write_photos_of(tmp_path / "p", "yellow", 2)))
    means = write_learnable(tmp_path / "means.tflite", photos=False)
    with pytest.raises(GraftError, match="remembers no photos"):
        learned(request_for(means, "red", write_photos_of(tmp_path / "p", "yellow", 2), adds=False))


def test_a_flipped_bit_in_the_network_is_found_before_anything_is_read(tmp_path: Path, model: Path) -> None:
    data = bytearray(model.read_bytes())
    data[5000] ^= 1
    model.write_bytes(data)
    with pytest.raises(GraftError, match="is damaged"):
        learned(request_for(model, "yellow", write_photos_of(tmp_path / "p", "yellow", 2)))


def test_the_result_as_json(tmp_path: Path, model: Path) -> None:
    photos = write_photos_of(tmp_path / "p", "yellow", 6)
    new = tmp_path / "new.tflite"
    done = graft_device(
        "learn", model, *photos, "--class", "yellow", "-o", new, "--json", "--store", tmp_path / "store"
    )
    result = json.loads(done.stdout)
    assert result["model"] == str(new)
    assert result["labels"] == [*LABELS, "yellow"]
    assert result["classes"]["yellow"]["before"] is None
    assert 0 <= result["classes"]["red"]["after"] <= 1
    assert result["bytes"] == new.stat().st_size
    assert {"photos", "head", "file", "total"} <= result["seconds"].keys()
    assert re.search("not signed", done.stderr) is None


def _changed(model: Path, to: Path, without: str) -> Path:
    """The model without an entry of its zip."""
    size = read_checked(model).network_bytes
    with zipfile.ZipFile(model) as packed:
        entries = {name: packed.read(name) for name in packed.namelist() if name != without}
    assert GOLDEN_NAME in entries
    to.write_bytes(model.read_bytes()[:size] + pack_zip(entries))
    assert hashlib.sha256(to.read_bytes()).digest() != hashlib.sha256(model.read_bytes()).digest()
    return to
