from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graft_host.samples.copies import Copies
from graft_host.samples.options import SampleOptions
from graft_host.support.option import OptionError, build
from graft_host.training.options import HeadOptions
from tests.conftest import graft


def _built(**values: Any) -> SampleOptions:
    return build(HeadOptions, {"photos": "target", **values}).samples


def test_nothing_is_added_by_default() -> None:
    options = _built()
    assert (options.source, options.copies, options.match, options.shares) == ((), Copies(), None, {})


def test_a_source_brings_a_copy_of_each_photo_unless_another_number_is_given() -> None:
    assert _built(source=["a", "b"]).source == (Path("a"), Path("b"))
    assert _built(source=["a"]).copies == Copies(1)
    assert _built(source=["a"], camera_copies=0).copies == Copies(0)
    assert _built(camera_copies=3).copies == Copies(3)


@pytest.mark.parametrize(("given", "weight"), [("equal", "equal"), ("density", "density"), ("0.25", 0.25), (2, 2.0)])
def test_a_weight_is_a_rule_or_a_number(given: str | float, weight: str | float) -> None:
    assert _built(source=["a"], source_weight=given).source_weight == weight


def test_shares_are_read_by_label() -> None:
    assert _built(prior=["cat=0.85", "a=b=.1"]).shares == {"cat": 0.85, "a=b": 0.1}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"source": ["a"], "source_weight": "heavy"},
            "--source-weight: 'heavy' is neither a rule nor a number; choose",
        ),
        ({"source": ["a"], "source_weight": 0.0}, "--source-weight: 0 is not above 0; give a number above 0"),
        ({"source": ["a"], "source_weight": -1}, "--source-weight: -1 is not above 0"),
        ({"source": ["a"], "source_weight": "inf"}, "--source-weight: inf is not a finite number"),
        ({"source_weight": "density"}, "--source-weight: there are no source photos to weigh; give their folder"),
        ({"source": ["a", "a"]}, "--source: a is given twice; give each folder once"),
        ({"camera_copies": -1}, "--camera-copies: -1 is too small"),
        ({"prior": ["cat"]}, "--prior: 'cat' is not of the form LABEL=SHARE; write it like cat=0.85"),
        ({"prior": ["=0.5"]}, "--prior: '=0.5' is not of the form LABEL=SHARE"),
        ({"prior": ["cat=most"]}, "--prior: 'cat=most' is not of the form LABEL=SHARE"),
        ({"prior": ["cat=0"]}, "--prior: 0 of 'cat' is not between 0 and 1"),
        ({"prior": ["cat=1"]}, "--prior: 1 of 'cat' is not between 0 and 1"),
        ({"prior": ["cat=0.2", "cat=0.3"]}, "--prior: 'cat' is given twice"),
        ({"prior": ["cat=0.7", "dog=0.4"]}, "--prior: the shares sum to 1.1; give shares that sum to at most 1"),
    ],
)
def test_unsound_values_are_refused(values: dict[str, Any], line: str) -> None:
    with pytest.raises(OptionError) as caught:
        _built(**values)
    assert str(caught.value).startswith(line)


def test_the_command_line_reports_a_usage_error() -> None:
    result = graft("train", "target", "-o", "m.tflite", "--prior", "cat=2", "--source", "other")
    assert result.returncode == 2
    assert "2 of 'cat' is not between 0 and 1" in result.stderr
