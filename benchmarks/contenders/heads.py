"""Trains heads with graftkit and with scikit-learn, on the same arrays and with the same penalized loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.worker import Job
from graft_host.heads.head import PENALTIES, Head, cross_entropy, fit_head, photo_weights, train_head
from graft_host.heads.recipe import Recipe
from graft_host.heads.softmax_regression import FLOOR

Part = tuple[NDArray[np.float32], NDArray[np.int64]]


def ours(request: dict[str, Any]) -> Job:
    """Runs ``fit_head`` with one penalty, or ``train_head``, which chooses one on the validation photos."""
    train, validation, classes = _arrays(request)

    def run() -> Head:
        with threadpool_limits(1):  # as graft train does
            if request["penalty"] is None:
                return train_head(train, validation, classes, Recipe())
            part = (*train, photo_weights(train[1], classes, balanced=False))
            return fit_head(part, classes, Recipe(), request["penalty"])

    return Job(run, _losses(train, validation, classes, request["penalty"]))


def scikit_learn(request: dict[str, Any]) -> Job:
    """Runs ``LogisticRegression`` after a ``StandardScaler``, or ``LogisticRegressionCV`` over the same penalties.

    The scaler's deviations have graftkit's floor, so that both minimize the same loss.
    """
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from sklearn.model_selection import PredefinedSplit

    train, validation, classes = _arrays(request)

    def one() -> Head:
        scaler = _scaler(train[0])
        fitted = LogisticRegression(C=request["penalty"], max_iter=1000).fit(scaler.transform(train[0]), train[1])
        return _head(fitted.coef_, fitted.intercept_, scaler, request["penalty"])

    def best() -> Head:
        scaler = _scaler(train[0])
        inside = scaler.transform(train[0])
        x, y = np.concatenate([inside, scaler.transform(validation[0])]), np.concatenate([train[1], validation[1]])
        split = PredefinedSplit(np.repeat([-1, 0], [len(train[1]), len(validation[1])]))
        # One fold without refitting: the head with the best penalty, trained without the validation photos as ours is.
        search = LogisticRegressionCV(Cs=PENALTIES, cv=split, scoring="neg_log_loss", max_iter=1000, refit=False)
        search.fit(x, y)
        return _head(search.coef_, search.intercept_, scaler, float(np.ravel(search.C_)[0]))

    return Job(best if request["penalty"] is None else one, _losses(train, validation, classes, request["penalty"]))


def _arrays(request: dict[str, Any]) -> tuple[Part, Part, int]:
    with np.load(request["arrays"]) as stored:
        x, y = stored["bottlenecks"], stored["labels"]
    cut = int(0.8 * len(y))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:]), int(y.max()) + 1


def _scaler(bottlenecks: NDArray[np.float32]) -> Any:  # scikit-learn has no types
    """A ``StandardScaler`` to whose variances the same share of their mean is added."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(bottlenecks)
    scaler.scale_ = np.sqrt(scaler.var_ + FLOOR * scaler.var_.mean())
    return scaler


def _head(coefficients: NDArray[Any], intercepts: NDArray[Any], scaler: Any, penalty: float) -> Head:
    """Converts scikit-learn's head to raw bottlenecks; for two classes, it has one row for both."""
    if len(coefficients) == 1:
        coefficients, intercepts = np.outer([-0.5, 0.5], coefficients[0]), np.array([-0.5, 0.5]) * intercepts[0]
    kernel = coefficients.T.astype(np.float64) / scaler.scale_[:, np.newaxis]
    bias = intercepts - scaler.mean_ @ kernel
    return Head(kernel.astype(np.float32), bias.astype(np.float32), penalty)


def _losses(train: Part, validation: Part, classes: int, penalty: float | None) -> Callable[[Head], dict[str, Any]]:
    variance = train[0].var(axis=0, dtype=np.float64)
    deviation = np.sqrt(variance + FLOOR * variance.mean())[:, np.newaxis]

    def describe(head: Head) -> dict[str, Any]:
        figures = {
            "penalty": head.penalty,
            "validation": cross_entropy(head.logits(validation[0]), validation[1]),
            "right": float(np.mean(head.predict(validation[0]) == validation[1])),
        }
        if penalty is not None:
            # Both minimize the mean loss plus the penalty on the kernel in units of deviations. The factor 2 is
            # scikit-learn's for two classes, between which it halves the kernel.
            strength = (2 if classes == 2 else 1) / (penalty * len(train[1]))  # noqa: PLR2004
            size = float(np.sum((head.kernel.astype(np.float64) * deviation) ** 2))
            figures["objective"] = cross_entropy(head.logits(train[0]), train[1]) + strength / 2 * size
        return figures

    return describe
