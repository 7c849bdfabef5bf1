from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from graft_device.errors import DatasetError, ExportError, GraftError, ModelError
from graft_device.model import ModelCard, ModelFile, read_model
from graft_host.commands.report import report as report_command
from graft_host.evaluation.evaluate import Evaluation
from graft_host.evaluation.speed import Speed
from graft_host.report.page import page
from graft_host.report.report import ReportData, check_report_path, render_report, write_report
from graft_host.report.statistics import reliability
from graft_host.report.thumbnails import thumbnail
from tests.support.browser import DESKTOP, PHONE, chromium, visit
from tests.support.device_models import COLOURS, make_card, picture, write_artifact

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HARD_LABELS = (
    "<script>alert('label')</script>", '" onload="alert(1)', "$x_1$ & 5$", "鳥と猫の写真のフォルダ", "قطة سوداء جميلة",
    "🐈‍⬛", "x" * 300, "lone \udc80 byte", "tab\tand \x07",
)  # fmt: skip
CARD = make_card()
TRAINING: dict[str, Any] = {
    "photos": {"train": 353, "validation": 92, "test": 55, "skipped": 1},
    "accuracy": {"float_head": 0.9636, "shipped": 0.9455, "float32": 0.9727},
    "agreement": 0.9818,
    "seconds": {"scan": 0.12, "backbone": 28.7, "total": 31.4},
    "cache": {"hits": 17, "misses": 483, "backbone": "converted"},
    "skipped": [{"path": "photos/red/broken.jpg", "reason": "the image is cut short"}],
}
KEPT = page("An earlier report", "<p>kept</p>")
VOID = {"meta", "img", "link", "br", "hr", "input", "wbr"}


class Outline(HTMLParser):
    """Checks that elements are closed in order, and collects elements and texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.shown: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element with a tag."""
        return [attributes for name, attributes in self.elements if name == tag]

    def texts(self) -> str:
        """All text that is shown, with white space collapsed."""
        return " ".join(" ".join(self.shown).split())


ERRORS = {"before": 0.0412, "after": 0.0123, "by_chance": {"mean": 0.026, "low": 0.011, "high": 0.049}}


def evaluation(labels: tuple[str, ...], photos: int, folder: Path, *, errors: int = 5, seed: int = 0) -> Evaluation:
    """Photos of each class in turn, the first few classified wrongly, all scores different."""
    rng = np.random.default_rng(seed)
    truth = np.arange(photos) % len(labels)
    predicted = np.where(np.arange(photos) < errors, (truth + 1) % len(labels), truth)
    scores = rng.uniform(0, 0.3, (photos, len(labels)))
    scores[np.arange(photos), predicted] = rng.uniform(0.4, 1, photos)
    paths = tuple(folder / f"photo{index}.png" for index in range(photos))
    return Evaluation(
        labels=labels, truth=truth.astype(np.int64), scores=scores.astype(np.float32), failures={}, paths=paths
    )


def data_of(result: Evaluation, folder: Path, card: ModelCard = CARD, **options: Any) -> ReportData:
    return ReportData(
        evaluation=result,
        model=ModelFile(Path("models/pets.tflite"), result.labels, card, 9_271_428),
        photos=folder,
        **options,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures for every photo of an evaluation of up to 60."""
    path = tmp_path_factory.mktemp("photos")
    for index in range(60):
        picture(list(COLOURS)[index % 3], (120 + index, 90)).save(path / f"photo{index}.png")
    return path


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each colour; one blue picture is in the folder of the red ones, and one file is not a picture."""
    path = tmp_path_factory.mktemp("colours")
    for colour in COLOURS:
        (path / colour).mkdir()
        for index in range(4):
            place = "red" if (colour, index) == ("blue", 3) else colour
            picture(colour, (40 + index, 30)).save(path / place / f"{colour}{index}.png")
    (path / "green" / "text.jpg").write_text("no photo")
    return path


def run(*args: object) -> Any:
    """Runs ``graft report`` without the code that turns errors into lines."""
    app = typer.Typer()
    app.command()(report_command)
    return CliRunner().invoke(app, [os.fspath(arg) if isinstance(arg, Path) else str(arg) for arg in args])


def test_the_figures_are_those_of_the_evaluation(folder: Path) -> None:
    result = evaluation(("cats", "dogs", "owls"), 55, folder)
    page = render_report(data_of(result, folder, training=TRAINING))
    shown = Outline(page).texts()
    assert "90.9% 50 of 55 test photos classified correctly" in shown
    assert "between 80.4% and 96.1%" in shown
    for label, row in result.per_class().items():
        figures = [f"{row[key]:.1%}".replace("100.0%", "100%") for key in ("precision", "recall", "f1")]
        assert f"{label} {' '.join(figures)} {row['support']}" in shown
    drawn = re.findall(r"<text[^>]*>(\d+)</text>", page[page.index("Confusion matrix of") :])
    assert list(map(int, drawn[:9])) == result.confusion.flatten().tolist()
    assert "cats taken for dogs 2 of 19 photos" in shown
    assert "9.3 MB (9,271,428 bytes)" in shown


def test_the_figures_of_the_training_run_are_shown(folder: Path) -> None:
    card = replace(CARD, training={"split": {"seed": 7, "test_percent": 12.5, "validation_percent": 15}})
    shown = Outline(render_report(data_of(evaluation(("a", "b"), 9, folder), folder, card, training=TRAINING))).texts()
    assert "353 for training 92 for validation 55 for the test" in shown
    assert "12.5% test, 15% validation, seed 7" in shown
    assert "photos/red/broken.jpg the image is cut short" in shown
    assert "backbone 28.7" in shown
    assert "total 31.4" in shown
    assert "17 from the cache, 483 new" in shown
    assert "Without quantization, on the test photos 97.3%" in shown
    assert "Float head, on the test photos 96.4% This file, on the test photos 94.5%" in shown
    assert "Photos for which file and float head agree 98.2%" in shown


def test_what_the_head_reads_is_shown_beside_what_it_was_chosen_from(folder: Path) -> None:
    candidates = [
        {"tap": "mixed7", "log_loss": 0.93, "accuracy": 0.71},
        {"tap": "mixed7+mixed8", "log_loss": 0.8125, "accuracy": 0.765},
        {"tap": "mixed8/2x2", "log_loss": "none", "accuracy": 0.5},
    ]
    kept = {"requested": "auto", "chosen": "mixed7+mixed8", "photos": 77, "candidates": candidates}
    result = evaluation(("a", "b"), 9, folder)
    page = render_report(data_of(result, folder, replace(CARD, training={"readout": kept})))
    shown = Outline(page).texts()
    assert (
        "The head reads mixed7+mixed8 . It was chosen by cross-validation on 77 training and validation photos" in shown
    )
    assert "mixed7 0.930 71.0%" in shown
    assert "mixed7+mixed8 0.812 76.5% chosen" in shown
    assert "none" not in page[page.index("What the head reads") : page.index("Size and time")]
    faults: list[Any] = [{}, {"candidates": []}, {"candidates": "many"}, [], "mixed7"]
    for fault in faults:
        page = render_report(data_of(result, folder, replace(CARD, training={"readout": fault})))
        assert "What the head reads" not in page


def test_few_test_photos_give_way_to_the_cross_validated_accuracy(folder: Path) -> None:
    figures = {"shipped": 0.5833, "cross_validated": {"accuracy": 0.8, "interval": [0.67, 0.89], "photos": 50}}
    card = replace(CARD, training={"accuracy": figures})
    few = evaluation(("red", "blue"), 12, folder, errors=5)
    shown = Outline(render_report(data_of(few, folder, card))).texts()
    assert "80.0% Cross-validated on 50 photos" in shown
    assert "expect between 67.0% and 89.0% : the 95% interval that 50 photos allow" in shown
    assert "The file itself classifies 7 of 12 test photos correctly, which are too few for a figure." in shown
    many = evaluation(("red", "blue"), 30, folder, errors=5)
    assert "Cross-validated" not in Outline(render_report(data_of(many, folder, card))).texts()
    everything = Outline(render_report(data_of(few, folder, card, part="all"))).texts()
    assert "Cross-validated on" not in everything


def test_without_a_run_the_figures_of_the_card_are_shown(folder: Path) -> None:
    card = replace(CARD, training={"photos": {"train": 11, "test": 3}, "accuracy": {"float_head": 0.5, "agreement": 1}})
    shown = Outline(render_report(data_of(evaluation(("a", "b"), 9, folder), folder, card))).texts()
    assert "11 for training 3 for the test" in shown
    assert "Float head, on the test photos 50.0% Photos for which file and float head agree 100%" in shown
    assert "Seconds" not in shown


def test_threshold_and_temperature_are_shown_if_the_card_has_them(folder: Path) -> None:
    result = evaluation(("a", "b"), 40, folder)
    top, right = result.scores.max(axis=1), result.predicted == result.truth
    card = replace(
        CARD,
        thresholds={"unknown": {"score": 0.6, "false_rejection_rate": 0.05, "photos": 92}},
        training={"calibration": {"temperature": 1.371, "ece": ERRORS, "photos": 91}},
    )
    page = render_report(data_of(result, folder, card))
    shown = Outline(page).texts()
    below = int((top < 0.6).sum())
    assert below
    assert f"{below} of 40 photos ({below / 40:.1%})" in shown
    assert f"{int((right & (top < 0.6)).sum())} would be correct and" in shown
    assert "The threshold was set on 92 photos, so that at most 5.0% of photos of these classes are refused." in shown
    assert "unknown below 60%" in page
    kept = reliability(result.scores[top >= 0.6], result.truth[top >= 0.6])
    assert f"{100 * kept.error:.1f} percentage points apart" in shown
    assert "Photos that are called unknown are left out." in shown
    assert (
        "Temperature 1.37 Calibration error before → after, on the test photos 0.041 → 0.012 "
        "By chance 0.026 (0.011 to 0.049) Photos used to set it 91" in shown
    )
    plain = render_report(data_of(result, folder))
    assert "unknown" not in plain
    assert "Temperature" not in plain


def test_the_calibration_error_is_beside_what_chance_gives(folder: Path) -> None:
    result = evaluation(("a", "b"), 40, folder)
    chance = reliability(result.scores, result.truth).by_chance
    shown = Outline(render_report(data_of(result, folder))).texts()
    assert f"on 40 photos a perfectly calibrated model shows {100 * chance.mean:.1f} points" in shown
    assert f"{100 * chance.low:.1f} to {100 * chance.high:.1f} in 95 of 100 cases" in shown
    wrong = replace(result, truth=1 - result.predicted)
    beyond = Outline(render_report(data_of(wrong, folder))).texts()
    assert "So this is more than chance explains." in beyond


def test_a_temperature_of_1_and_a_card_of_an_earlier_version(folder: Path) -> None:
    card = replace(CARD, training={"calibration": {"temperature": 1.0, "ece": {"before": 0.04, "after": 0.041}}})
    shown = Outline(render_report(data_of(evaluation(("a", "b"), 40, folder), folder, card))).texts()
    assert "Temperature 1: no other helps Calibration error before → after" in shown
    assert "By chance" not in shown


def test_a_model_that_calls_every_photo_unknown(folder: Path) -> None:
    card = replace(CARD, thresholds={"unknown": {"score": 1.0}})
    shown = Outline(render_report(data_of(evaluation(("a", "b"), 40, folder), folder, card))).texts()
    assert "0.0 percentage points apart" in shown
    assert "This affects 40 of 40 photos" in shown


def test_the_list_of_test_photos_is_counted_in_the_table_of_the_card(folder: Path) -> None:
    split = {"seed": 3, "test": [f"{n:016x}" for n in range(2000)]}
    card = replace(CARD, training={"split": split}, thresholds={})
    page = render_report(data_of(evaluation(("a", "b"), 9, folder), folder, card))
    details = page[page.index('id="card') :].split("<details>")
    assert "Model card" in details[0], "nothing but the heading is unfolded"
    table = details[1].partition("</details>")[0]
    assert "training / split / seed 3 training / split / test 2,000 entries" in Outline(table).texts()


def test_the_numbers_of_the_card_are_rounded_in_the_table_and_exact_in_its_json(folder: Path) -> None:
    card = replace(
        CARD, training={"head": {"penalty": 0.09999999999999999}, "share": 1 / 3, "photos": {"train": 123456}}
    )
    page = render_report(data_of(evaluation(("a", "b"), 9, folder), folder, card))
    shown = Outline(page).texts()
    assert "training / head / penalty 0.1 training / share 0.3333 training / photos / train 123456" in shown
    assert "&quot;penalty&quot;: 0.09999999999999999" in page or '"penalty": 0.09999999999999999' in page


def test_speed_and_day_are_shown_where_they_are_known(folder: Path) -> None:
    result = evaluation(("cats", "dogs"), 9, folder)
    known = data_of(result, folder, speed=Speed(13.4321, "litert", 2), made=date(2026, 11, 27))
    shown = Outline(render_report(known)).texts()
    assert "One inference here 13.4 ms" in shown
    assert "13.4 ms (litert, 2 threads)" in shown
    assert "Made 27 November 2026" in shown
    assert " on 27 November 2026. This page" in shown
    plain = Outline(render_report(data_of(result, folder))).texts()
    assert " ms" not in plain
    assert "2026" not in plain


def test_unknown_photos_have_a_column_of_their_own(folder: Path) -> None:
    result = evaluation(("cats", "dogs", "owls"), 40, folder)
    card = replace(CARD, thresholds={"unknown": {"score": 0.6}})
    page = render_report(data_of(result, folder, card))
    below = result.scores.max(axis=1) < 0.6
    assert 0 < below.sum() < 40
    expected = [
        [int(((result.truth == row) & (result.predicted == column) & ~below).sum()) for column in range(3)]
        + [int(((result.truth == row) & below).sum())]
        for row in range(3)
    ]
    drawing = page[page.index("Confusion matrix of") : page.index("</svg>")]
    assert [int(number) for number in re.findall(r"<text[^>]*>(\d+)</text>", drawing)] == [*chain(*expected)]
    assert ">unknown</text>" in drawing
    shown = Outline(page).texts()
    right = int((result.predicted == result.truth)[below].sum())
    assert f"no label scores 60.0%; for {right} of these {below.sum()} the best label is the right one." in shown
    none = replace(CARD, thresholds={"unknown": {"score": 0.001}})
    assert "no label scores 0.1%; here there are none." in Outline(render_report(data_of(result, folder, none))).texts()
    mistakes = shown.partition("Most frequent mistakes ")[2]
    assert "cats taken for dogs" not in mistakes or expected[0][1] > 0
    shown_photos = re.findall(r"(photo\d+)\.png</bdi>", page)
    called = re.findall(r"the board calls it unknown</p><p class=\"quiet\"><bdi[^>]*>(photo\d+)\.png", page)
    assert called == [name for name in shown_photos if below[int(name.removeprefix("photo"))]]
    assert ">unknown</text>" not in render_report(data_of(result, folder))


@pytest.mark.parametrize(
    ("training", "thresholds"),
    [
        ({"calibration": 3, "photos": [1], "split": "no", "accuracy": "high"}, {"unknown": [0.5]}),
        ({"calibration": {"temperature": None}, "split": {}}, {"unknown": {"score": "0.5"}}),
        ({"calibration": {"temperature": float("nan")}}, {"unknown": {"score": 7.0}}),
    ],
)
def test_unexpected_cards_do_no_harm(folder: Path, training: dict[str, Any], thresholds: dict[str, Any]) -> None:
    card = replace(CARD, training=training, thresholds=thresholds)
    page = render_report(data_of(evaluation(("a", "b"), 9, folder), folder, card))
    assert "unknown below" not in page
    assert "Temperature" not in page


def test_names_are_escaped_whatever_they_contain(folder: Path) -> None:
    names = ["<img src=x onerror=alert(1)>.png", "\"quoted\" & 'single'.png", os.fsdecode(b"\xff\xfe.png"), "x" * 200]
    result = evaluation(HARD_LABELS, 27, folder)
    result = replace(
        result,
        paths=(*(Path("/<u>") / name for name in names), *result.paths[4:]),
        failures={folder / "<b>bad</b>.jpg": "<i>reason</i>"},
    )
    card = replace(CARD, backbone={**CARD.backbone, "name": "</pre><script>alert(2)</script>", "x": "\ud800"})
    data = data_of(result, folder / "<u>", card)
    page = render_report(replace(data, model=replace(data.model, path=Path("<s>\udcff.tflite"))))
    page.encode("utf-8")
    outline = Outline(page)
    tags = {tag for tag, _ in outline.elements}
    assert not tags & {"script", "link", "iframe", "object", "form", "base", "u", "s"}
    assert all(name not in {"onerror", "onload"} for _, attributes in outline.elements for name in attributes)
    assert r"lone \udc80 byte" in outline.texts()
    assert r"\udcff\udcfe.png" in outline.texts()
    assert HARD_LABELS[0] in outline.texts()
    assert unescape(page).count(HARD_LABELS[6]) >= 1


def test_the_page_cannot_load_or_run_anything(folder: Path) -> None:
    page = render_report(data_of(evaluation(("a", "b"), 9, folder), folder))
    outline = Outline(page)
    policy = next(meta["content"] for meta in outline.all("meta") if "http-equiv" in meta)
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    addresses = [
        value or ""
        for _, attributes in outline.elements
        for key, value in attributes.items()
        if key in {"src", "href", "xlink:href", "srcset", "action"}
    ]
    assert addresses
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in addresses)
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []


def test_screen_readers_get_a_description_of_everything(folder: Path) -> None:
    outline = Outline(render_report(data_of(evaluation(("cats", "dogs"), 9, folder), folder)))
    assert outline.all("html") == [{"lang": "en"}]
    assert any(meta.get("name") == "viewport" for meta in outline.all("meta"))
    assert all(drawing.get("role") == "img" and drawing.get("aria-label") for drawing in outline.all("svg"))
    images = outline.all("img")
    assert len(images) == 9
    assert images[0]["alt"] in {
        f"photo{index}.png: {pair}" for index in range(5) for pair in ("cats, taken for dogs", "dogs, taken for cats")
    }
    assert len(outline.all("h1")) == 1
    assert len(outline.all("caption")) == len(outline.all("table"))
    identities = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(identities) == len(set(identities))


def test_the_worst_mistakes_come_first_and_no_more_than_24_photos(folder: Path) -> None:
    result = evaluation(("cats", "dogs"), 60, folder, errors=30)
    page = render_report(data_of(result, folder))
    files = re.findall(r'<img [^>]*alt="(photo\d+\.png): \w+, taken for', page)
    wrong = sorted(range(30), key=lambda index: -result.scores[index].max())
    assert files == [f"photo{index}.png" for index in wrong[:24]]
    assert "the first 24 of 30" in page
    assert "the lowest scores" not in page


def test_without_mistakes_the_lowest_scores_are_shown(folder: Path) -> None:
    page = render_report(data_of(evaluation(("cats", "dogs"), 40, folder, errors=0), folder))
    shown = Outline(page).texts()
    assert "All 40 test photos classified correctly" in shown
    assert "No mistakes on these photos; the lowest scores" in shown
    assert "The model confused no classes on these photos." in shown
    assert page.count("<img ") == 24
    assert "taken for" not in shown


def test_a_missing_photo_is_replaced_by_the_reason(folder: Path) -> None:
    result = evaluation(("cats", "dogs"), 9, folder)
    result = replace(result, paths=(folder / "gone.png", *result.paths[1:]))
    page = render_report(data_of(result, folder))
    assert page.count("<img ") == 8
    assert 'aria-label="gone.png: cats, taken for dogs"><span>no such file or directory</span>' in page


def test_a_single_true_class_and_one_that_is_never_predicted(folder: Path) -> None:
    result = evaluation(("cats", "dogs", "owls"), 9, folder)
    result = replace(result, truth=np.zeros(9, np.int64), scores=np.tile(np.array([0.6, 0.4, 0], np.float32), (9, 1)))
    shown = Outline(render_report(data_of(result, folder))).texts()
    assert "cats 100% 100% 100% 9" in shown
    assert "dogs \u2013 \u2013 \u2013 0" in shown


def test_with_many_classes_the_weakest_come_first_and_the_rest_is_folded_away(folder: Path) -> None:
    labels = tuple(f"class {index}" for index in range(100))
    result = evaluation(labels, 60, folder)
    page = render_report(data_of(result, folder))
    assert "All 100 classes" in page
    table = page[page.index("The classes with the lowest F1") : page.index("All 100 classes")]
    figures = result.per_class()
    weakest = sorted((label for label in labels if figures[label]["support"]), key=lambda label: figures[label]["f1"])
    assert re.findall(r">(class \d+)<", table) == weakest[:10]
    assert "Classes are numbered as in the table below" in page


def test_only_all_photos_are_100_percent(folder: Path) -> None:
    truth = np.zeros(5000, np.int64)
    scores = np.tile(np.array([0.9, 0.1], np.float32), (5000, 1))
    scores[0] = [0.1, 0.9]
    result = Evaluation(
        labels=("a", "b"), truth=truth, scores=scores, failures={}, paths=(folder / "photo0.png",) * 5000
    )
    assert (
        "over 99.9% 4,999 of 5,000 photos classified correctly"
        in Outline(render_report(data_of(result, folder, part="all"))).texts()
    )


def test_photos_that_training_may_have_seen_get_a_warning(folder: Path) -> None:
    result = evaluation(("a", "b"), 9, folder)
    assert "kept these photos aside" in render_report(data_of(result, folder))
    assert "the figures are too good" in render_report(data_of(result, folder, part="all"))


def test_the_same_data_gives_the_same_page(folder: Path) -> None:
    data = data_of(evaluation(("a", "b"), 30, folder), folder, training=TRAINING)
    assert render_report(data) == render_report(data)


def test_a_thumbnail_is_small_upright_and_without_metadata(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (900, 1200, 3), np.uint8))
    turned = Image.Exif()
    turned[0x0112], turned[0x010E] = 6, "a secret"
    noise.save(tmp_path / "noise.jpg", quality=95, exif=turned, comment=b"a secret", icc_profile=b"a secret" * 99)
    small = thumbnail(tmp_path / "noise.jpg")
    assert len(small) <= 14_000
    assert b"a secret" not in small
    with Image.open(BytesIO(small)) as image:
        assert image.size == (168, 224)
        assert not image.getexif()


def test_the_page_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "r.html"
    write_report(output, KEPT, overwrite=False)
    with pytest.raises(ExportError, match=r"r\.html exists; give another name with -o, or --overwrite"):
        write_report(output, "two\n", overwrite=False)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("graft_device.system.durable.os.fsync", full)
    with pytest.raises(ExportError, match=r"cannot write .*r\.html: no space left on device; free space"):
        write_report(output, "two\n", overwrite=True)
    assert output.read_text() == KEPT
    assert list(tmp_path.iterdir()) == [output]


def test_an_output_that_cannot_be_written_is_refused_early(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    (tmp_path / "there.html").write_text("kept")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link.html").symlink_to(model)
    refused = {
        tmp_path / "no" / "r.html": r"no such folder: .*no; create it: mkdir -p",
        tmp_path: r"is a folder; give a file name for the report, such as .*report\.html",
        tmp_path / "there.html": r"there\.html exists; give another name with --report, or --overwrite",
        tmp_path / "pipe": r"pipe is not a regular file; give another name with --report",
        tmp_path / "link.html": r"the report would replace the model .*m\.tflite; give another name with --report",
    }
    for output, message in refused.items():
        with pytest.raises(ExportError, match=message):
            check_report_path(output, model, overwrite=output == model, option="--report")
    with pytest.raises(ExportError, match="would replace the model"):
        check_report_path(model, model, overwrite=True)
    with pytest.raises(ExportError, match=r"there\.html exists and is not a page that graft wrote"):
        check_report_path(tmp_path / "there.html", model, overwrite=True)
    check_report_path(tmp_path / "new.html", model, overwrite=False)
    assert (tmp_path / "there.html").read_text() == "kept"
    assert not (tmp_path / "new.html").exists()


def test_the_command_writes_a_page_next_to_the_model(tmp_path: Path, colours: Path) -> None:
    model = write_artifact(tmp_path / "colours.tflite")
    done = run(model, colours, "--split", "all")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"report     {tmp_path / 'colours.html'}\n"
    shown = Outline((tmp_path / "colours.html").read_text("utf-8")).texts()
    assert "11 of 12 photos classified correctly" in shown
    assert "red taken for blue 1 of 5 photos" in shown
    assert "red/blue3.png" in shown
    assert "green/text.jpg not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image" in shown


def test_the_command_with_json(tmp_path: Path, colours: Path) -> None:
    model, output = write_artifact(tmp_path / "colours.tflite"), tmp_path / "r.html"
    done = run(model, colours, "-o", output, "--split", "all", "--json", "--threads", "1")
    result = json.loads(done.stdout)
    assert result["report"] == str(output)
    assert result["accuracy"] == pytest.approx(11 / 12)
    assert result["confusion"] == [[4, 0, 1], [0, 4, 0], [0, 0, 3]]
    assert output.is_file()


def test_the_command_refuses_before_it_starts(tmp_path: Path, colours: Path) -> None:
    model = write_artifact(tmp_path / "colours.tflite")
    (tmp_path / "colours.html").write_text(KEPT)
    failures: list[tuple[type[GraftError], str, list[object]]] = [
        (ExportError, "exists", [model, tmp_path / "none", "--split", "all"]),
        (ModelError, "", [tmp_path / "none.tflite", colours]),
        (ModelError, "give --split all", [model, colours, "--overwrite"]),
        (DatasetError, "no such folder", [model, tmp_path / "none", "--split", "all", "--overwrite"]),
    ]
    for kind, message, args in failures:
        error = run(*args).exception
        assert isinstance(error, kind)
        assert message in str(error)
        assert "\n" not in str(error)
    for output in (colours / "r.html", next(colours.rglob("*.png"))):
        error = run(model, colours, "-o", output, "--split", "all", "--overwrite").exception
        assert f"{output} is among the photos in {colours}" in str(error)
    assert (tmp_path / "colours.html").read_text() == KEPT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["colours.html", "colours.tflite"]
    assert run(model, colours, "--split", "all", "--overwrite").exit_code == 0
    assert "11 of 12 photos classified correctly" in Outline((tmp_path / "colours.html").read_text()).texts()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def pages(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports with few classes and a full card, with more and more classes, and with difficult names."""
    card = replace(
        CARD,
        thresholds={"unknown": {"score": 0.62, "false_rejection_rate": 0.05, "photos": 92}},
        training={
            "calibration": {"temperature": 1.37, "ece": ERRORS, "photos": 92},
            "split": {"seed": 0, "test_percent": 15, "validation_percent": 15},
        },
    )
    target = tmp_path_factory.mktemp("pages")
    twelve = tuple(f"{'long ' * (index % 4)}name {index}" for index in range(12))
    reports = {
        "few": data_of(
            evaluation(("cats", "dogs"), 55, folder),
            folder,
            card,
            training=TRAINING,
            speed=Speed(13.4, "litert", 2),
            made=date(2026, 9, 30),
        ),
        "twelve": data_of(evaluation(twelve, 60, folder), folder, card),
        "thirty": data_of(evaluation(tuple(f"a class {index}" for index in range(30)), 60, folder), folder, card),
        "hundred": data_of(evaluation(tuple(f"class {index}" for index in range(100)), 60, folder), folder, card),
        "hard": data_of(evaluation(HARD_LABELS, 60, folder), folder, part="all"),
    }
    for name, data in reports.items():
        write_report(target / f"{name}.html", render_report(data), overwrite=False)
    return {name: target / f"{name}.html" for name in reports}


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(DESKTOP, False), (PHONE, True)])
@pytest.mark.parametrize("name", ["few", "twelve", "thirty", "hundred", "hard"])
def test_in_a_browser(browser: Browser, pages: dict[str, Path], name: str, width: int, dark: bool) -> None:
    address = pages[name].as_uri()
    with visit(browser, address, width, dark=dark) as seen:
        for details in seen.page.query_selector_all("details:not([open]) > summary"):
            details.click()
        assert seen.flaws() == []
        low = [(ratio, text) for ratio, text in seen.contrasts() if ratio < 4.5]
        assert low == [], "WCAG 2 requires 4.5"
        assert len(seen.contrasts()) > 50
        assert seen.page.locator("img").count() > 8
        ground = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(17, 19, 22)" if dark else "rgb(244, 245, 247)")
        assert seen.problems == []
        assert {url for url in seen.requests if not url.startswith("data:")} == {address}


@pytest.mark.slow
def test_the_browser_follows_the_policy(browser: Browser, pages: dict[str, Path]) -> None:
    """Even if a name slipped through unescaped, the page could neither load nor run anything."""
    with visit(browser, pages["few"].as_uri()) as seen:
        refused = seen.page.evaluate(
            """() => new Promise((resolve) => {
                const refused = [];
                document.addEventListener('securitypolicyviolation', (event) => {
                  refused.push(event.effectiveDirective);
                  if (refused.length === 2) resolve(refused.sort());
                });
                const image = document.createElement('img');
                image.src = 'https://photos.invalid/x.png';
                const handler = document.createElement('b');
                handler.setAttribute('onclick', 'document.title = "run"');
                document.body.append(image, handler);
                handler.click();
            })"""
        )
        assert refused == ["img-src", "script-src-attr"]
        assert seen.page.title() == "pets: graftkit report"


@pytest.mark.slow
def test_on_a_phone_a_wide_table_scrolls_in_its_own_box(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["twelve"].as_uri(), PHONE) as seen:
        boxes = seen.page.evaluate(
            "[...document.querySelectorAll('.scroll')].map((b) => [b.scrollWidth > b.clientWidth, b.tabIndex])"
        )
        assert any(scrolls for scrolls, _ in boxes)
        assert all(index == 0 for _, index in boxes)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(DESKTOP, True), (PHONE, False)])
def test_the_other_widths_and_colours(browser: Browser, pages: dict[str, Path], width: int, dark: bool) -> None:
    with visit(browser, pages["few"].as_uri(), width, dark=dark) as seen:
        assert seen.flaws() == []
        assert min(ratio for ratio, _ in seen.contrasts()) >= 4.5


@pytest.mark.slow
def test_a_dark_screen_still_prints_on_white(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["few"].as_uri(), dark=True) as seen:
        seen.page.emulate_media(media="print")
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert min(ratio for ratio, _ in seen.contrasts()) >= 4.5


def test_a_card_read_from_a_file_can_be_shown(tmp_path: Path, folder: Path) -> None:
    model = read_model(write_artifact(tmp_path / "colours.tflite"))
    result = evaluation(model.labels, 9, folder)
    outline = Outline(render_report(ReportData(evaluation=result, model=model, photos=folder)))
    assert "backbone / name mean_colour" in outline.texts()
    assert '"tap": "mixed0"' in outline.texts()
