"""A store is only made where nothing is lost, and nothing that graftkit did not make is moved or removed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from graft_device.store.exit_codes import ExitCode
from graft_device.store.ownership import MARKER
from tests.conftest import error_line, graft_device
from tests.support.stores import slot_id, write_model

PRECIOUS = b"the only copy"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [write_model(folder / f"m{number}.tflite", 1 + number / 10) for number in range(4)]


@pytest.fixture
def old(models: list[Path], tmp_path: Path) -> Path:
    """A store with two models as earlier versions left it: without a marker."""
    store = tmp_path / "old"
    for model in models[:2]:
        install(model, store)
    (store / MARKER).unlink()
    return store


def install(model: Path, store: Path, *options: object) -> None:
    done = graft_device("install", model, "--store", store, *options)
    assert done.returncode == 0, done.stderr


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PRECIOUS)
    return path


def everything(folder: Path) -> dict[str, object]:
    """Names, types, times and contents of a folder and of all below it."""
    state: dict[str, object] = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        state[str(path.relative_to(folder))] = (status.st_ino, status.st_mode, status.st_mtime_ns, content)
    return state


@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        ".hidden",
        "staging/letter.txt",
        "staging/tmpabcdefgh/letter.txt",
        "staging/tmpabcdefgh/0123456789abcdef/letter.txt",
        "staging/letters/model.tflite",
        "slots/letter.txt",
        "slots/0123456789abcdef/letter.txt",
        "slots/letters/model.tflite",
        "current",
        "current/model.tflite",
        "lock/letter.txt",
        "venv/bin/python",
    ],
)
def test_a_folder_with_something_else_in_it_is_refused(name: str, models: list[Path], tmp_path: Path) -> None:
    store = tmp_path / "folder"
    put(store / name)
    before = everything(store)
    line = error_line(graft_device("install", models[0], "--store", store), ExitCode.STORE)
    assert f"{store} is not a store: it contains {name.partition('/')[0]}" in line
    assert "name a new or empty folder with --store" in line
    assert everything(store) == before


@pytest.mark.parametrize("failure", ["no model", "wrong checksum", "no download", "rollback"])
def test_a_command_that_fails_touches_nothing_either(failure: str, models: list[Path], old: Path) -> None:
    put(old / "letter.txt")
    put(old / "staging" / "letter.txt")
    put(old / "slots" / "letter.txt")
    before = everything(old)
    commands: dict[str, list[object]] = {
        "no model": ["install", put(old.parent / "bad.tflite")],
        "wrong checksum": ["install", models[2], "--sha256", "0" * 64],
        "no download": ["install", "http://127.0.0.1:1/m.tflite"],
        "rollback": ["rollback"],
    }
    line = error_line(graft_device(*commands[failure], "--store", old), ExitCode.STORE)
    assert "is not a store: it contains letter.txt" in line
    assert everything(old) == before


@pytest.mark.parametrize("name", ["staging", "slots", "incoming"])
@pytest.mark.parametrize("marked", [False, True])
def test_links_in_a_store_are_not_followed(name: str, marked: bool, models: list[Path], tmp_path: Path) -> None:
    store, target = tmp_path / "store", tmp_path / "target"
    if marked:
        install(models[0], store)
        shutil.rmtree(store / name)
    else:
        store.mkdir()
    put(target / "letter.txt")
    put(target / "tmpabcdefgh" / "model.tflite")
    put(target / "0123456789abcdef" / "slot.json")
    (store / name).symlink_to(target)
    before = everything(target)
    line = error_line(graft_device("install", models[1], "--store", store), ExitCode.STORE)
    assert name in line
    assert everything(target) == before


def test_links_deeper_in_a_store_are_not_followed(models: list[Path], tmp_path: Path) -> None:
    store, target = tmp_path / "store", tmp_path / "target"
    install(models[0], store)
    put(target / "letter.txt")
    put(target / "slot.json")
    put(target / ".slot.json.abcdefgh.tmp")
    before = everything(target)
    (store / "staging" / "tmpabcdefgh").symlink_to(target)
    (store / "slots" / "0123456789abcdef").symlink_to(target)
    (store / "slots" / slot_id(models[2])).symlink_to(target)
    for model in (models[1], models[0], models[1]):
        install(model, store, "--keep", 1)
    line = error_line(graft_device("install", models[2], "--store", store), ExitCode.STORE)
    assert f"slots/{slot_id(models[2])} is not a slot that graftkit made; move it away" in line
    assert everything(target) == before
    for name in ("staging/tmpabcdefgh", "slots/0123456789abcdef"):
        assert (store / name).is_symlink()


def test_a_lock_that_is_a_link(models: list[Path], tmp_path: Path) -> None:
    install(models[0], tmp_path / "store")
    letter = put(tmp_path / "letter.txt")
    before = everything(tmp_path / "letter.txt")
    (tmp_path / "store" / "lock").unlink()
    (tmp_path / "store" / "lock").symlink_to(letter)
    assert "symbolic links" in error_line(graft_device("install", models[1], "--store", tmp_path / "store"), 6)
    assert everything(letter) == before


def test_what_others_put_into_a_store_stays(models: list[Path], tmp_path: Path) -> None:
    store = tmp_path / "store"
    install(models[0], store)
    names = [
        "letter.txt",
        "staging/letter.txt",
        "staging/tmpabcdefgh/letter.txt",
        "slots/letter.txt",
        "slots/letters/model.tflite",
        "slots/0123456789abcdef/letter.txt",
        f"slots/{slot_id(models[0])}/letter.txt",
        ".newest.letter.tmp",
        "incoming/letter.txt",
        "kits/letter.txt",
    ]
    for name in names:
        put(store / name)
    for model in models[1:]:
        install(model, store, "--keep", 1)
    done = graft_device("rollback", "--store", store)
    assert done.returncode == 0, done.stderr
    assert {name: (store / name).read_bytes() for name in names} == dict.fromkeys(names, PRECIOUS)
    assert sorted(path.name for path in (store / "slots").iterdir()) == sorted(
        [*map(slot_id, (models[0], models[2], models[3])), "letter.txt", "letters", "0123456789abcdef"]
    )


def test_current_that_is_no_link_is_not_replaced(models: list[Path], tmp_path: Path) -> None:
    store = tmp_path / "store"
    install(models[0], store)
    (store / "current").unlink()
    put(store / "current")
    line = error_line(graft_device("install", models[1], "--store", store), ExitCode.STORE)
    assert "current is not a link that graftkit made; move it away" in line
    assert (store / "current").read_bytes() == PRECIOUS


def test_a_store_of_an_earlier_version_is_taken_over(old: Path, models: list[Path]) -> None:
    crashed = old / "staging" / "tmpab_12xyz"
    (crashed / "0123456789abcdef").mkdir(parents=True)
    (crashed / "0123456789abcdef" / "model.tflite").touch()
    (crashed / "current").symlink_to("slots/0123456789abcdef")
    (old / "slots" / "fedcba9876543210").mkdir()
    (old / ".newest.abcdefgh.tmp").touch()
    (old / "allowed_signers.link").symlink_to("nowhere")
    assert "allowed_signers.link" in error_line(graft_device("rollback", "--store", old), ExitCode.STORE)
    (old / "allowed_signers.link").unlink()
    put(old / "incoming" / "next.tflite")
    (old / "lost+found").mkdir()
    (old / "kits" / "00ff00ff00ff").mkdir(parents=True)
    (old / "venv").symlink_to("kits/00ff00ff00ff")
    (old / ".deploy.lock").touch()
    install(models[2], old)
    assert (old / MARKER).is_file()
    assert not crashed.exists()
    assert not (old / ".newest.abcdefgh.tmp").exists()
    assert {path.name for path in (old / "slots").iterdir()} == set(map(slot_id, models[:3]))
    put(old / "letter.txt")  # from now on it is a store, whatever else is in it
    install(models[0], old)


@pytest.mark.parametrize("made", ["allowed_signers", "incoming", ".deploy.lock"])
def test_what_is_made_before_the_first_install(made: str, models: list[Path], tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "incoming").mkdir() if made == "incoming" else (store / made).touch()
    done = graft_device("install", models[0], "--store", store)
    assert (done.returncode == 0) == (made != "allowed_signers"), done.stderr  # which trusts nobody
    assert (store / MARKER).is_file()


def test_a_root_that_is_a_link_or_no_folder(models: list[Path], tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to("disk")
    install(models[0], tmp_path / "store")
    assert (tmp_path / "disk" / MARKER).is_file()
    put(tmp_path / "full" / "letter.txt")
    (tmp_path / "link").symlink_to("full")
    assert "letter.txt" in error_line(graft_device("install", models[0], "--store", tmp_path / "link"), 6)
    file = put(tmp_path / "file")
    assert "file exists" in error_line(graft_device("install", models[0], "--store", file), 6)
    (tmp_path / "loop").symlink_to("loop")
    assert "symbolic links" in error_line(graft_device("install", models[0], "--store", tmp_path / "loop"), 4)


def test_the_root_of_the_system_and_a_home(models: list[Path], tmp_path: Path) -> None:
    names = set(Path("/").iterdir())
    assert "/ is not a store" in error_line(graft_device("install", models[0], "--store", "/"), 6)
    assert set(Path("/").iterdir()) == names
    put(tmp_path / ".profile")
    before = everything(tmp_path)
    home = {**os.environ, "HOME": str(tmp_path)}
    line = error_line(graft_device("install", models[0], "--store", tmp_path, env=home), ExitCode.STORE)
    assert "it contains .profile" in line
    assert everything(tmp_path) == before
