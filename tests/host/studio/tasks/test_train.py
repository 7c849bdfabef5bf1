"""What the studio trains with, before it trains."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from graft_host.commands.options import takes
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project, open_project
from graft_host.studio.tasks.registry import task
from graft_host.studio.tasks.train_options import check_choices, command, model_of, options
from graft_host.support.option import OptionError
from graft_host.training.options import TrainOptions
from tests.support.host_data import write_photos

_OUTPUT = {"output": "models/pets.tflite", "backbone": "efficientnet-lite0"}
_CHOICES: dict[str, Any] = {
    "tap": "expand3", "image_size": 64, "augment": 3, "unknown_rate": 0.1, "min_accuracy": 0.9,
    "source": ["from the web"],
    "class_weight": "balanced", "not_worse_than": "models/old.tflite", "seed": 5, "resize": "squash", "match": None,
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path)


def test_the_command_line_asks_for_the_same(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    import typer
    from typer.testing import CliRunner

    seen: list[TrainOptions] = []
    app = typer.Typer()

    @app.command()
    @takes(TrainOptions)
    def train(options: TrainOptions) -> None:
        seen.append(options)

    arguments = {**_OUTPUT, **_CHOICES}
    words = shlex.split(command(arguments))
    assert words[:3] == ["graft", "train", "photos/"]
    assert "squash" not in words
    monkeypatch.chdir(project.root)
    done = CliRunner().invoke(app, words[2:])
    assert done.exit_code == 0, done.output
    asked = options(project, arguments)
    assert seen[0].recipe == asked.recipe
    assert (seen[0].tap, seen[0].image_size, seen[0].augment, seen[0].rule) == ("expand3", 64, 3, asked.rule)
    assert (seen[0].unknown_rate, seen[0].min_accuracy, seen[0].readout) == (0.1, 0.9, asked.readout)
    for mine, theirs in ((seen[0].output, asked.output), (seen[0].report, asked.report)):
        assert mine is not None
        assert project.root / mine == theirs
    assert project.root / seen[0].samples.source[0] == asked.samples.source[0]


@pytest.mark.parametrize(
    ("choices", "option"),
    [
        ({"image_size": 9}, "--image-size"),
        ({"image_size": "large"}, "--image-size"),
        ({"tap": "mixed10"}, "--tap"),
        ({"backbone": "resnet"}, "--backbone"),
        ({"unknown_rate": 0.9}, "--unknown-rate"),
        ({"seed": True}, "--seed"),
        ({"augment": 1.5}, "--augment"),
        ({"source_weight": "density"}, "--source-weight"),
        ({"fine_tune": "auto", "quantize": "float32"}, "--fine-tune"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_option(project: Project, choices: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as caught:
        check_choices(project, {"backbone": "efficientnet-lite0", **choices})
    assert caught.value.option == option


@pytest.mark.parametrize(
    "arguments",
    [
        {"output": "models/../photos/x.tflite"},
        {"output": "/x.tflite"},
        {"output": "models/x.txt"},
        {"output": 3},
        {**_OUTPUT, "source": ["../elsewhere"]},
        {**_OUTPUT, "not_worse_than": "/etc/passwd"},
        {**_OUTPUT, "weights": "../weights.h5"},
        {**_OUTPUT, "cache": "x"},
    ],
)
def test_nothing_outside_the_project_is_read_or_written(project: Project, arguments: dict[str, Any]) -> None:
    with pytest.raises((StudioError, OptionError)):
        task("train").check(project, arguments)


def test_an_earlier_model_is_not_replaced(project: Project) -> None:
    (project.models / "pets.html").touch()
    with pytest.raises(StudioError, match=r"models/pets\.html"):
        task("train").check(project, _OUTPUT)
    task("train").check(project, {**_OUTPUT, "overwrite": True})


@pytest.mark.parametrize("name", ["", " ", ".hidden", "-o", "a/b", "a\nb", "x" * 200, ".tflite"])
def test_names_that_no_file_can_have_are_refused(name: str) -> None:
    with pytest.raises(StudioError):
        model_of(name)


def test_a_name_may_have_any_letters() -> None:
    assert model_of(" 猫 und Hund.tflite ") == "models/猫 und Hund.tflite"


def test_a_refused_model_has_figures(project: Project, shared_cache: Path) -> None:
    from graft_host.studio.tasks.task import WithFiguresError
    from tests.support.quiet import QuietReporter

    class Reporter(QuietReporter):
        def event(self, name: str, values: Mapping[str, Any]) -> None:
            raise AssertionError((name, values))

        def step(self, stage: str, done: int, total: int) -> None:
            self.counts.append((stage, done, total))

    write_photos(project.photos, count=8)
    arguments = {
        "output": "models/pets.tflite", "backbone": "inception-v3", "weights": "random", "tap": "mixed0",
        "image_size": 75, "min_accuracy": 1.0, "unknown_rate": 0.5,
    }  # fmt: skip
    with pytest.raises(WithFiguresError) as caught:
        task("train").run(project, arguments, shared_cache, Reporter())
    assert caught.value.exit_status == 3
    assert caught.value.figures["counts"] == {"cats": 8, "dogs": 8}
    assert not (project.models / "pets.tflite").exists()
    assert (project.models / "pets.html").exists()
