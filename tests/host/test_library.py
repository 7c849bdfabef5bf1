"""The library: what ``import graft_host`` offers, used as a program uses it."""

from __future__ import annotations

import inspect
import logging
import shutil
import subprocess
import sys
from dataclasses import MISSING
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import graft_host
from graft_device import Classifier
from graft_host import (
    CheckResult,
    Comparison,
    Evaluation,
    GraftError,
    NothingFitsError,
    OptionError,
    RejectedError,
    SearchResult,
    TrainResult,
    check,
    compare,
    evaluate,
    search,
    train,
)
from graft_host.commands import check as check_command
from graft_host.commands import compare as compare_command
from graft_host.commands import search as search_command
from graft_host.commands import train as train_command
from graft_host.demo.rendering.render import PARTS, render_dataset
from graft_host.network_search.options import SearchOptions
from graft_host.support.option import parameters
from graft_host.training.options import CheckOptions, HeadOptions, TrainOptions
from tests.conftest import graft_json

if TYPE_CHECKING:
    from collections.abc import Callable

FAST: dict[str, Any] = {"weights": "random", "test_percent": 30}
SMALL: dict[str, Any] = {**FAST, "tap": "mixed0", "image_size": 75}
CALLBACKS = {"progress", "note"}
OF_SEARCH = {"found"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    render_dataset(folder, 14, 0)
    return folder


@pytest.fixture(scope="module")
def result(photos: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """A model that was trained with paths as text."""
    output = tmp_path_factory.mktemp("model") / "parts.tflite"
    return train(str(photos), str(output), **SMALL, cache=str(shared_cache))


def printed(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """All lines on both outputs, but not the interpreter's own about its delegate."""
    captured = capfd.readouterr()
    lines = [*captured.out.splitlines(), *captured.err.splitlines()]
    return [line for line in lines if line != "INFO: Created TensorFlow Lite XNNPACK delegate for CPU."]


@pytest.mark.parametrize(
    ("function", "options", "command", "without", "own"),
    [
        (train, TrainOptions, train_command.train, (), set()),
        (check, CheckOptions, check_command.check, check_command.WITHOUT, {"strict"}),
        (search, SearchOptions, search_command.search, search_command.WITHOUT, set()),
        (compare, HeadOptions, compare_command.compare, compare_command.WITHOUT, set()),
    ],
)
def test_a_function_takes_the_options_of_its_command_with_the_same_defaults(
    function: Callable[..., Any],
    options: type,
    command: Callable[..., Any],
    without: tuple[str, ...],
    own: set[str],
) -> None:
    signature = inspect.signature(function).parameters
    declared = {parameter.name: parameter for parameter in parameters(options, without)}
    assert set(signature) - CALLBACKS - (OF_SEARCH if function is search else set()) == set(declared)
    assert set(signature) >= CALLBACKS
    for name, parameter in declared.items():
        default = signature[name].default
        assert (MISSING if default is inspect.Parameter.empty else default) == parameter.default, name
    on_command_line = {name.removeprefix("no_") for name in inspect.signature(command).parameters}
    assert on_command_line - {"as_json"} - own == set(declared)


@pytest.mark.parametrize("function", [train, evaluate, check, search, compare])
def test_every_parameter_is_documented_and_nothing_else(function: Callable[..., Any]) -> None:
    text = inspect.getdoc(function) or ""
    arguments = text.partition("Args:\n")[2].partition("\nReturns:")[0]
    documented = [
        line.strip().partition(":")[0]
        for line in arguments.splitlines()
        if line.startswith("    ") and not line.startswith("     ")
    ]
    assert documented == list(inspect.signature(function).parameters)


def test_all_public_names_exist_and_no_other() -> None:
    for name in graft_host.__all__:
        assert getattr(graft_host, name) is not None
    assert set(graft_host.__all__) <= set(dir(graft_host))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        graft_host.trian  # noqa: B018


def test_importing_the_library_loads_nothing_heavy_and_modules_do_not_hide_its_functions() -> None:
    program = """
import sys
import graft_host
heavy = {"tensorflow", "keras", "matplotlib", "scipy", "numpy", "typer"} & set(sys.modules)
assert not heavy, heavy
from graft_host.cli import app
import graft_host.network_search.search, graft_host.photo_check, graft_host.comparison, graft_host.evaluation.evaluate
from graft_host import check, compare, evaluate, search, train
assert all(map(callable, (check, compare, evaluate, search, train)))
heavy = {"tensorflow", "keras", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("values", "option"),
    [
        ({"image_size": 74}, "--image-size"),
        ({"tap": "mixed11"}, "--tap"),
        ({"backbone": "none"}, "--backbone"),
        ({"quantize": "int4"}, "--quantize"),
        ({"test_percent": float("nan")}, "--test-percent"),
        ({"min_accuracy": 97}, "--min-accuracy"),
    ],
)
def test_an_option_that_is_out_of_range_is_an_error_with_its_name(values: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as caught:
        train("photos", "m.tflite", **values)
    assert caught.value.option == option
    assert caught.value.remedy or "is not a finite number" in caught.value.what


def test_errors_are_graft_errors(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=str(tmp_path / "none")):
        train(tmp_path / "none", tmp_path / "m.tflite", **SMALL, cache=tmp_path / "cache")
    with pytest.raises(GraftError, match=r"none\.tflite"):
        evaluate(tmp_path / "none.tflite", tmp_path)
    with pytest.raises(OptionError, match="--split: there is no 'some'; choose from test, all"):
        evaluate(tmp_path / "none.tflite", tmp_path, split="some")  # type: ignore[arg-type]


@pytest.mark.slow
def test_train_returns_what_its_command_prints_and_prints_nothing(
    photos: Path, shared_cache: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    steps: list[tuple[str, int, int]] = []
    notes: list[str] = []
    model, cache = tmp_path / "parts.tflite", tmp_path / "cache"
    if (
        shared_cache / "backbones"
    ).is_dir():  # what compares photos and computes bottlenecks has work to do all the same
        shutil.copytree(shared_cache / "backbones", cache / "backbones")
    result = train(photos, model, **SMALL, cache=cache, progress=lambda *step: steps.append(step), note=notes.append)
    assert printed(capfd) == []
    assert result.model == model
    assert result.labels == PARTS
    assert Classifier(model).labels == PARTS
    assert {stage for stage, _, _ in steps} >= {"comparing", "bottlenecks", "testing the file"}
    assert all(0 <= done <= total for _, done, total in steps)
    assert any("random, not pretrained" in line for line in notes)
    reported = graft_json(
        "train", photos, "-o", tmp_path / "again.tflite", "--weights", "random", "--test-percent", 30,
        "--tap", "mixed0", "--image-size", 75, "--cache", cache,
    )  # fmt: skip
    assert reported["accuracy"]["shipped"] == result.accuracy.shipped
    assert (tmp_path / "again.tflite").read_bytes() == model.read_bytes()


@pytest.mark.slow
def test_notes_go_to_the_log_where_nobody_receives_them(
    photos: Path, shared_cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "graft_host"):
        train(photos, tmp_path / "parts.tflite", **SMALL, cache=shared_cache)
    assert any("random, not pretrained" in record.message for record in caplog.records)


@pytest.mark.slow
def test_a_result_is_shown_in_a_notebook(result: TrainResult) -> None:
    page = result._repr_html_()
    assert f"{result.accuracy.shipped:.1%} of the test photos" in page
    assert all(f"<td>{part}</td>" in page for part in PARTS)
    assert len(repr(result)) < 2000


@pytest.mark.slow
def test_a_rejected_model_leaves_its_figures(photos: Path, shared_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(RejectedError) as caught:
        train(photos, tmp_path / "m.tflite", **SMALL, cache=shared_cache, min_accuracy=1)
    refused: TrainResult = caught.value.result
    assert refused.model is None
    assert refused.accuracy.shipped < 1
    assert "rejected" in refused._repr_html_()


@pytest.mark.slow
def test_evaluate_measures_what_training_did(
    result: TrainResult, photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert result.model is not None
    kept_aside = evaluate(str(result.model), str(photos))
    every = evaluate(result.model, photos, split="all")
    assert isinstance(kept_aside, Evaluation)
    assert kept_aside.accuracy == result.accuracy.shipped
    assert len(every.truth) == 42
    assert printed(capfd) == []
    page = kept_aside._repr_html_()
    assert f"accuracy {kept_aside.accuracy:.4f} on {len(kept_aside.truth)} photos" in page
    assert "<th>truth \\ predicted</th>" in page


@pytest.mark.slow
def test_check_returns_findings(
    photos: Path, shared_cache: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    (folder / "nut" / "<broken>.jpg").write_bytes(b"no photo")
    result = check(folder, **SMALL, cache=shared_cache)
    assert isinstance(result, CheckResult)
    broken = [finding for finding in result.findings if finding.kind == "unreadable"]
    assert [path.name for path in broken[0].paths] == ["<broken>.jpg"]
    assert broken[0].problem
    assert broken[0].advice
    page = result._repr_html_()
    assert "&lt;broken&gt;.jpg" in page
    assert "<broken>" not in page
    assert printed(capfd) == []


@pytest.mark.slow
def test_search_chooses_and_trains(
    photos: Path, shared_cache: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "winner.tflite"
    found: list[object] = []
    result = search(photos, taps=["mixed0"], sizes=[75], **FAST, cache=shared_cache, output=model, found=found.append)
    assert found[-1] == result.chosen
    assert isinstance(result, SearchResult)
    assert result.chosen is not None
    assert (result.chosen.tap, result.chosen.image_size) == ("mixed0", 75)
    assert result.trained is not None
    assert result.trained.model == model
    assert "<td>chosen</td>" in result._repr_html_()
    with pytest.raises(NothingFitsError) as caught:
        search(photos, taps="mixed0", sizes=(75,), max_mb=0.001, **FAST, cache=shared_cache)
    assert caught.value.result.chosen is None
    assert len(caught.value.result.candidates) == 1
    assert printed(capfd) == []


@pytest.mark.slow
def test_compare_has_a_row_for_each_file(photos: Path, shared_cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    result = compare(photos, **SMALL, cache=shared_cache)
    assert isinstance(result, Comparison)
    assert [row.quantization for row in result.rows] == ["float32", "float16", "dynamic", "int8", "int8"]
    assert result._repr_html_().count("<tr>") == 6
    assert printed(capfd) == []
