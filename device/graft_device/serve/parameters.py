"""Reads the query parameters of ``POST /v1/classify``."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from graft_device.serve.problems import ProblemError

_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_DIGITS = 9


@dataclass(frozen=True)
class Parameters:
    """The parameters of a request.

    Attributes:
        top_k: the number of labels in the answer.
        unknown: whether a photo with a low score is called unknown.
    """

    top_k: int
    unknown: bool


def read_parameters(query: QueryParams, labels: int, top_k: int) -> Parameters:
    """Reads and checks the parameters of a request.

    Args:
        query: the query string that the client sent.
        labels: the number of classes that the model has.
        top_k: the number of labels in the answer if the client does not set it.

    Raises:
        ProblemError: 422, a parameter does not exist, is given twice or has a wrong value.
    """
    values = {"top_k": str(min(top_k, labels)), "unknown": "true"}
    for name, value in query.multi_items():
        if name not in values:
            raise ProblemError(422, f"there is no parameter {name!r}; choose top_k or unknown")
        if len(query.getlist(name)) > 1:
            raise ProblemError(422, f"{name} is given more than once")
        values[name] = value
    return Parameters(_count(values["top_k"], labels), _flag(values["unknown"]))


def _count(text: str, labels: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
    if not 1 <= number <= labels:
        raise ProblemError(422, f"top_k is {text!r}; give a number from 1 to {labels}")
    return number


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ProblemError(422, f"unknown is {text!r}; give true or false")
    return _FLAGS[text.lower()]
