from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from graft_device.classifier import Classifier
from tests.conftest import error_line, graft, graft_json
from tests.support.device_models import picture, write_artifact
from tests.support.host_data import run_on_small_disk
from tests.support.stores import allow, make_key, sha256, write_model

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is missing: apt-get install openssh-client"
)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys") / "id")


def test_the_signature_is_that_of_the_file_as_written(key: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite", photos=True)
    before = model.read_bytes()
    network = before[: zipfile.ZipFile(model).infolist()[0].header_offset]
    result = graft_json("sign", model, "--key", key)
    assert result == {
        "model": str(model), "signature": f"{model}.sig", "sha256": sha256(model),
        "bytes": model.stat().st_size, "time": result["time"],
    }  # fmt: skip
    assert model.read_bytes().startswith(network)
    assert graft_json("inspect", model)["sha256"] == result["sha256"]
    assert f"sha256     {result['sha256']}\n" in graft("inspect", model).stdout
    assert 0 < model.stat().st_size - len(before) < 300
    with zipfile.ZipFile(model) as signed:
        assert signed.testzip() is None
        assert signed.namelist()[-1] == "signed.json"
    assert Classifier(model).classify(picture("blue"))[0].label == "blue"
    signers = allow(tmp_path / "signers", somebody=key)
    command = ["ssh-keygen", "-Y", "verify", "-n", "graftkit", "-I", "somebody@example.com", "-f", str(signers)]
    done = subprocess.run([*command, "-s", f"{model}.sig"], input=model.read_bytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_signing_twice_at_one_moment_gives_the_same_file(key: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    model = write_artifact(tmp_path / "m.tflite")
    contents = set()
    for _ in range(2):
        assert graft("sign", model, "--key", key, env=environment).returncode == 0
        contents.add(model.read_bytes())
    assert len(contents) == 1
    with zipfile.ZipFile(model) as packed:
        assert packed.namelist().count("signed.json") == 1


def test_a_copy_is_signed_where_one_is_asked_for(key: Path, tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    before = model.read_bytes()
    done = graft("sign", model, "--key", key, "-o", tmp_path / "s.tflite")
    assert done.returncode == 0, done.stderr
    assert f"sha256     {sha256(tmp_path / 's.tflite')}" in done.stdout
    assert model.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.tflite", "s.tflite", "s.tflite.sig"]
    assert "s.tflite exists; give another name with -o, or --overwrite" in error_line(
        graft("sign", model, "--key", key, "-o", tmp_path / "s.tflite")
    )


def test_a_file_that_cannot_be_signed_is_not_changed(key: Path, tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    before = model.read_bytes()
    assert "does not exist; create it: ssh-keygen -t ed25519" in error_line(
        graft("sign", model, "--key", tmp_path / "nowhere")
    )
    (tmp_path / "junk").write_text("no key")
    assert "cannot sign" in error_line(graft("sign", model, "--key", tmp_path / "junk"))
    assert "is not a .tflite" in error_line(graft("sign", tmp_path / "junk", "--key", key))
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "yesterday"}
    assert "SOURCE_DATE_EPOCH is 'yesterday'; set it to seconds since 1970" in error_line(
        graft("sign", model, "--key", key, env=environment)
    )
    assert (model.read_bytes(), list(tmp_path.glob("*.sig"))) == (before, [])


FULL = """
import os, subprocess, sys
disk, model, key = sys.argv[1:]
os.symlink(model, disk + "/m.tflite")
with open(disk + "/full", "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
done = subprocess.run([sys.executable, "-m", "graft_host.cli", "sign", disk + "/m.tflite", "--key", key], stderr=-1)
print(done.returncode, b"cannot write" in done.stderr, sorted(os.listdir(disk)))
"""


def test_a_model_whose_signature_cannot_be_written_is_not_changed(key: Path, tmp_path: Path) -> None:
    """The signature is beside the link to the model, where there is no room."""
    model = write_artifact(tmp_path / "m.tflite")
    before = model.read_bytes()
    assert run_on_small_disk(64, FULL, model, key).split("\n")[0] == "1 True ['full', 'm.tflite']"
    assert model.read_bytes() == before
