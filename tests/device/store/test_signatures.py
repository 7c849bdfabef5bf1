"""Authenticity, with the real ssh-keygen on both sides."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from graft_device.store.exit_codes import ExitCode
from tests.conftest import error_line, graft, graft_device, graft_json
from tests.support.stores import allow, make_key, sha256, slot_id, ssh_sign, write_model

pytestmark = [
    pytest.mark.service,  # every test signs, installs and goes back, each in processes of their own
    pytest.mark.skipif(
        shutil.which("ssh-keygen") is None, reason="ssh-keygen is missing: apt-get install openssh-client"
    ),
]
DATES = ("1700000000", "1710000000", "1720000000")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {who: make_key(folder / who) for who in ("anna", "mallory")}


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, Path]) -> list[Path]:
    """Three models, signed in this order."""
    folder = tmp_path_factory.mktemp("signed")
    found = []
    for number, date in enumerate(DATES):
        model = write_model(folder / f"s{number}.tflite", 1 + number / 10)
        done = graft("sign", model, "--key", keys["anna"], env={**os.environ, "SOURCE_DATE_EPOCH": date})
        assert done.returncode == 0, done.stderr
        found.append(model)
    return found


@pytest.fixture
def store(tmp_path: Path, keys: dict[str, Path]) -> Path:
    """A store that demands signatures of Anna's."""
    allow(tmp_path / "store" / "allowed_signers", anna=keys["anna"])
    return tmp_path / "store"


def install(model: Path, store: Path, *options: object) -> Any:
    done = graft_device("install", model, "--store", store, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def current(store: Path) -> Path | None:
    link = store / "current"
    return link.readlink() if link.exists() else None


def refused(model: Path, store: Path, *options: object, status: int = ExitCode.SIGNATURE) -> str:
    before = current(store)
    line = error_line(graft_device("install", model, "--store", store, *options), status)
    assert (current(store)) == before
    return line


def test_a_signed_model_is_taken(signed: list[Path], store: Path) -> None:
    found = install(signed[0], store)
    assert found["current"]["signer"] == "anna@example.com"
    assert found["current"]["signed"] == "2023-11-14T22:13:20Z"
    assert (store / "current" / "model.tflite.sig").read_bytes() == Path(f"{signed[0]}.sig").read_bytes()
    listed = json.loads(graft_device("models", "--store", store, "--json").stdout)
    assert listed["signatures"] == str(store / "allowed_signers")
    done = graft_device("install", signed[1], "--store", store)
    assert "signed     by anna@example.com, 2024-03-09T16:00:00Z" in done.stdout


def test_who_signs_with_ssh_keygen_alone_is_taken_too(store: Path, keys: dict[str, Path], tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite")
    ssh_sign(model, keys["anna"])
    found = install(model, store)["current"]
    assert (found["signer"], found["signed"]) == ("anna@example.com", None)


def test_unsigned_altered_and_wrongly_signed_models_are_refused(
    signed: list[Path], store: Path, keys: dict[str, Path], tmp_path: Path
) -> None:
    install(signed[0], store)
    model = write_model(tmp_path / "m.tflite", 1.5)
    assert "it is not signed" in refused(model, store)
    ssh_sign(model, keys["mallory"])
    assert "signed by a key that is not in" in refused(model, store)
    ssh_sign(model, keys["anna"], namespace="file")
    assert "its signature is not for graftkit; sign it" in refused(model, store)
    signature = ssh_sign(model, keys["anna"])
    data = model.read_bytes()
    model.write_bytes(data[:900] + bytes([data[900] ^ 1]) + data[901:])
    assert "altered after it was signed" in refused(model, store)
    model.write_bytes(data)
    signature.write_text("no signature")
    assert "its signature is damaged" in refused(model, store)
    signature.write_bytes(bytes(100_000))
    assert "is not a signature: it is longer than 65536 bytes" in refused(model, store)
    signature.unlink()
    assert "cannot read the signature" in refused(model, store, "--signature", tmp_path / "nowhere.sig")
    other = ssh_sign(model, keys["anna"]).rename(tmp_path / "other.sig")
    assert install(model, store, "--signature", other, "--allow-downgrade")["changed"]


def test_the_signers_list_decides_what_a_key_may_sign(
    store: Path, keys: dict[str, Path], signed: list[Path], tmp_path: Path
) -> None:
    public = Path(f"{keys['anna']}.pub").read_text()
    mails = tmp_path / "mails"
    mails.write_text(f'anna@example.com namespaces="email" {public}')
    refused(signed[0], store, "--allowed-signers", mails)
    expired = tmp_path / "expired"
    expired.write_text(f'anna@example.com valid-before="20200101" {public}')
    assert "check the key, the list and the board's clock" in refused(signed[0], store, "--allowed-signers", expired)
    (tmp_path / "empty").touch()
    refused(signed[0], store, "--allowed-signers", tmp_path / "empty")
    assert "cannot read the allowed signers" in refused(signed[0], store, "--allowed-signers", tmp_path / "nowhere")
    several = allow(tmp_path / "several", mallory=keys["mallory"], anna=keys["anna"])
    assert install(signed[0], store, "--allowed-signers", several)["current"]["signer"] == "anna@example.com"


def test_a_list_of_signers_that_cannot_be_read_lets_nothing_in(
    tmp_path: Path, signed: list[Path], bound_by_permissions: list[str], keys: dict[str, Path]
) -> None:
    store = tmp_path / "store"
    allow(store / "allowed_signers", anna=keys["anna"]).chmod(0)
    done = graft_device("install", signed[0], "--store", store, prefix=bound_by_permissions)
    assert "cannot read the allowed signers" in error_line(done, ExitCode.SIGNATURE)
    (store / "allowed_signers").unlink()
    (store / "allowed_signers").symlink_to(tmp_path / "unmounted")
    assert "cannot read the allowed signers" in refused(signed[0], store)


def test_an_older_signed_model_is_refused_unless_asked_for(signed: list[Path], store: Path) -> None:
    install(signed[0], store)
    install(signed[1], store)
    line = refused(signed[0], store, status=ExitCode.DOWNGRADE)
    assert "was signed 2023-11-14T22:13:20Z, and a model signed 2024-03-09T16:00:00Z was installed before" in line
    back = graft_device("rollback", "--store", store, "--json")
    assert json.loads(back.stdout)["current"]["id"] == slot_id(signed[0])
    assert install(signed[1], store)["changed"], "the newest itself is no downgrade"
    assert install(signed[0], store, "--allow-downgrade")["current"]["id"] == slot_id(signed[0])
    assert install(signed[0], store)["changed"] is False
    assert install(signed[1], store)["changed"], "the downgrade counts from now on"
    refused(signed[0], store, status=ExitCode.DOWNGRADE)
    install(signed[2], store)
    refused(signed[1], store, status=ExitCode.DOWNGRADE)


def at(moment: str) -> dict[str, Any]:
    """Runs a command as on a machine whose clock shows this time."""
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed")
    return {"prefix": ["faketime", moment]}


@pytest.fixture(scope="module")
def ahead(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, Path]) -> Path:
    """A model that was signed in 2099."""
    model = write_model(tmp_path_factory.mktemp("ahead") / "ahead.tflite", 1.9)
    done = graft("sign", model, "--key", keys["anna"], "--json", env={**os.environ, "SOURCE_DATE_EPOCH": "4070908800"})
    assert json.loads(done.stdout)["time"] == "2099-01-01T00:00:00Z"
    assert "warning: 2099-01-01T00:00:00Z is in the future, so boards refuse the model until then" in done.stderr
    return model


def test_a_model_from_the_future_is_refused_and_locks_nothing(
    ahead: Path, signed: list[Path], store: Path, keys: dict[str, Path], tmp_path: Path
) -> None:
    line = refused(ahead, store)
    assert "was signed 2099-01-01T00:00:00Z, and here it is 20" in line
    assert "or use --allow-downgrade" in line
    install(signed[0], store)
    assert install(ahead, store, "--allow-downgrade")["changed"]
    assert (store / "newest").read_text() < "2090"
    graft_json("sign", signed[1], "--key", keys["anna"], "-o", tmp_path / "new.tflite")
    assert "was signed 2024" in refused(signed[1], store, status=ExitCode.DOWNGRADE)


def test_a_board_that_is_locked_already(ahead: Path, signed: list[Path], store: Path) -> None:
    install(signed[0], store)
    (store / "newest").write_text("2099-01-01T00:00:00Z\n")  # as earlier versions left it
    line = refused(signed[1], store, status=ExitCode.DOWNGRADE)
    assert "a model signed 2099-01-01T00:00:00Z was installed before, by a clock that was ahead" in line
    assert "sign it again" not in line
    assert not install(signed[0], store, "--allow-downgrade")["changed"]
    assert (store / "newest").read_text() == "2023-11-14T22:13:20Z\n"
    assert install(signed[1], store)["changed"]


@pytest.mark.parametrize("moment", ["1970-01-02 00:00:00", "2023-06-01 00:00:00"])
def test_a_board_whose_clock_is_not_set_takes_every_time(moment: str, ahead: Path, store: Path) -> None:
    done = graft_device("install", ahead, "--store", store, **at(moment))
    assert done.returncode == 0, done.stderr


def test_a_clock_that_is_a_few_hours_behind(
    signed: list[Path], store: Path, keys: dict[str, Path], tmp_path: Path
) -> None:
    soon = {**os.environ, "SOURCE_DATE_EPOCH": str(int(time.time()) + 20 * 3600)}
    model = Path(shutil.copy(signed[0], tmp_path / "soon.tflite"))
    done = graft("sign", model, "--key", keys["anna"], env=soon)
    assert (done.returncode, done.stderr) == (0, "")
    assert install(model, store)["changed"]


def test_signing_with_a_clock_that_is_behind_is_warned_of(
    signed: list[Path], keys: dict[str, Path], tmp_path: Path
) -> None:
    again = ["sign", signed[2], "--key", keys["anna"], "-o", tmp_path / "again.tflite", "--overwrite"]
    done = graft(*again, env={**os.environ, "SOURCE_DATE_EPOCH": DATES[0]})
    assert (
        "was signed 2024-07-03T09:46:40Z before, and now 2023-11-14T22:13:20Z: check this machine's clock"
        in done.stderr
    )
    assert "clock is not set: it shows 1970" in graft(*again, **at("1970-01-02 00:00:00")).stderr
    assert graft(*again).stderr == ""


def test_the_age_outlasts_the_slots(signed: list[Path], store: Path) -> None:
    for model in (signed[2], signed[0], signed[1]):
        install(model, store, "--allow-downgrade", "--keep", 1)
    assert slot_id(signed[2]) not in {path.name for path in (store / "slots").iterdir()}
    refused(signed[0], store, status=ExitCode.DOWNGRADE)
    (store / "newest").write_text("soon")
    assert "correct or remove it" in refused(signed[0], store, status=ExitCode.ERROR)


def test_a_model_without_a_time_counts_as_old(
    signed: list[Path], store: Path, keys: dict[str, Path], tmp_path: Path
) -> None:
    install(signed[0], store)
    model = write_model(tmp_path / "m.tflite", 1.7)
    ssh_sign(model, keys["anna"])
    assert "has no signing time" in refused(model, store, status=ExitCode.DOWNGRADE)


def test_a_rollback_to_what_is_no_longer_trusted_is_refused(
    signed: list[Path], store: Path, keys: dict[str, Path], tmp_path: Path
) -> None:
    (store / "allowed_signers").rename(tmp_path / "aside")
    unsigned = write_model(tmp_path / "m.tflite", 1.7)
    install(unsigned, store)
    install(signed[0], store)
    assert (store / "current" / "model.tflite.sig").exists(), "a signature is kept, whether it is demanded or not"
    (tmp_path / "aside").rename(store / "allowed_signers")
    done = graft_device("rollback", "--store", store)
    assert f"m ({slot_id(unsigned)}) is refused: it is not signed" in error_line(done, ExitCode.SIGNATURE)
    install(signed[1], store)
    allow(store / "allowed_signers", mallory=keys["mallory"])
    done = graft_device("rollback", "--store", store)
    assert "signed by a key that is not in" in error_line(done, ExitCode.SIGNATURE)


def test_what_is_current_has_to_be_signed_when_it_is_installed_again(
    signed: list[Path], store: Path, tmp_path: Path
) -> None:
    (store / "allowed_signers").rename(tmp_path / "aside")
    bare = Path(shutil.copy(signed[0], tmp_path / "bare.tflite"))
    assert install(bare, store)["current"]["signer"] is None
    (tmp_path / "aside").rename(store / "allowed_signers")
    assert "it is not signed" in refused(bare, store, "--sha256", sha256(bare))
    again = install(signed[0], store)
    assert (again["changed"], again["current"]["signer"]) == (False, "anna@example.com")
    assert install(signed[0], store, "--sha256", sha256(bare))["changed"] is False
    assert (store / "current" / "model.tflite.sig").exists()


def test_what_was_installed_before_signatures_were_demanded_counts_for_the_age(
    signed: list[Path], store: Path, tmp_path: Path
) -> None:
    (store / "allowed_signers").rename(tmp_path / "aside")
    install(signed[2], store)
    (tmp_path / "aside").rename(store / "allowed_signers")
    assert install(signed[2], store)["changed"] is False
    assert "was signed 2023" in refused(signed[0], store, status=ExitCode.DOWNGRADE)


def test_a_new_signature_by_the_same_signer_is_kept(
    signed: list[Path], store: Path, keys: dict[str, Path], tmp_path: Path
) -> None:
    """As where somebody has a new key."""
    install(signed[0], store)
    allow(store / "allowed_signers", anna=keys["mallory"])
    model = Path(shutil.copy(signed[0], tmp_path / "m.tflite"))
    ssh_sign(model, keys["mallory"])
    assert install(model, store)["changed"] is False
    assert (store / "current" / "model.tflite.sig").read_bytes() == Path(f"{model}.sig").read_bytes()


def test_without_ssh_keygen_nothing_is_taken(signed: list[Path], store: Path, tmp_path: Path) -> None:
    done = graft_device("install", signed[0], "--store", store, env={**os.environ, "PATH": str(tmp_path)})
    assert "sudo apt install openssh-client" in error_line(done, ExitCode.SIGNATURE)


def test_signing_again_makes_an_old_model_new(
    signed: list[Path], store: Path, keys: dict[str, Path], tmp_path: Path
) -> None:
    install(signed[2], store)
    found = graft_json("sign", signed[0], "--key", keys["anna"], "-o", tmp_path / "again.tflite")
    assert found["sha256"] == sha256(tmp_path / "again.tflite")
    assert install(tmp_path / "again.tflite", store)["current"]["signed"] == found["time"]
