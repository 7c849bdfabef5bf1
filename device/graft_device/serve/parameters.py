"""The parameters of ``POST /v1/classify``."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from graft_device.serve.problems import ProblemError

_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_DIGITS = 9


@dataclass(frozen=True)
class Parameters:
    """What a client asks for.

    Attributes:
        top_k: labels in the answer.
        unknown: whether the photo may be called unknown.
    """

    top_k: int
    unknown: bool


def read_parameters(query: QueryParams, labels: int, top_k: int) -> Parameters:
    """The parameters of a request.

    Args:
        query: as the client sent it.
        labels: how many classes the model tells apart.
        top_k: labels in an answer when the client does not say.

    Raises:
        ProblemError: 422, for one that is unknown, given twice or wrong.
    """
    found = {"top_k": str(min(top_k, labels)), "unknown": "true"}
    for name, value in query.multi_items():
        if name not in found:
            raise ProblemError(422, f"there is no parameter {name!r}; choose top_k or unknown")
        if len(query.getlist(name)) > 1:
            raise ProblemError(422, f"{name} is given more than once")
        found[name] = value
    return Parameters(_count(found["top_k"], labels), _flag(found["unknown"]))


def _count(text: str, labels: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
    if not 1 <= number <= labels:
        raise ProblemError(422, f"top_k is {text!r}; give a number from 1 to {labels}")
    return number


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ProblemError(422, f"unknown is {text!r}; give true or false")
    return _FLAGS[text.lower()]
