from __future__ import annotations

import pytest

from graft_device.errors import GateError, GraftError, ModelError


def test_an_error_is_one_line_of_what_and_remedy() -> None:
    error = ModelError("m.tflite is cut short", "copy it again")
    assert (error.what, error.remedy, str(error)) == (
        "m.tflite is cut short", "copy it again", "m.tflite is cut short; copy it again",
    )  # fmt: skip
    assert str(ModelError("m.tflite is cut short")) == "m.tflite is cut short"


@pytest.mark.parametrize(
    "error",
    [
        GraftError("photos/1 is empty", "remove photos/1"),
        GateError("photos/1 is empty", "remove photos/1", evaluation=7),
    ],
)
def test_an_error_about_a_copy_names_the_file_that_the_user_gave(error: GraftError) -> None:
    renamed = error.renamed("photos/1", "pets.tflite")
    assert type(renamed) is type(error)
    assert str(renamed) == "pets.tflite is empty; remove pets.tflite"
    assert str(error) == "photos/1 is empty; remove photos/1", "the first error keeps its text"
    assert vars(renamed).keys() == vars(error).keys()
