"""The recipe of a head: what can be chosen about its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from graft_host.support.option import Option

Optimizer = Literal["lbfgs", "sgd"]
ClassWeight = Literal["none", "balanced"]


@dataclass(frozen=True)
class Descent:
    """Step size, number of steps, photos a step, and the seed of kernel and batches."""

    learning_rate: float
    steps: int
    batch: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a head is trained.

    Attributes:
        optimizer: ``lbfgs`` finds the optimum of the penalized loss; ``sgd`` is the recipe of 2015, plain gradient
            descent on raw bottlenecks.
        learning_rate: step size of ``sgd``.
        steps: number of steps of ``sgd``.
        class_weight: ``balanced`` weighs photos so that every class counts the same; ``none`` weighs all photos alike.
        seed: for everything that is drawn.
        batch: photos in a step of ``sgd``.
    """

    optimizer: Annotated[
        Optimizer, Option(group="Head", help="lbfgs: regularized optimum; sgd: plain gradient descent as in 2015.")
    ] = "lbfgs"
    learning_rate: Annotated[float, Option(group="Head", low=1e-9, help="Of sgd.")] = 0.5
    steps: Annotated[int, Option(group="Head", low=1, help="Of sgd, 100 photos each.")] = 4000
    class_weight: Annotated[
        ClassWeight, Option(group="Head", help="balanced: every class counts the same, however many photos it has.")
    ] = "none"
    seed: int = 0
    batch: int = 100

    @property
    def balanced(self) -> bool:
        """Whether photos are weighed so that every class counts the same."""
        return self.class_weight == "balanced"

    @property
    def descent(self) -> Descent:
        """The part of the recipe that ``sgd`` uses."""
        return Descent(self.learning_rate, self.steps, self.batch, self.seed)
