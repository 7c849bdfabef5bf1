"""The candidates of a search, its Pareto front, and the choice of a winner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from graft_host.backbones.registry import DEFAULT
from graft_host.network_search.grid import Shape, shape_name
from graft_host.support.option import Option
from graft_host.support.rounding import apart

_ROUNDING = 1e-9  # 0.98 - 0.97 is a little more than 0.01


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A network that was tried.

    Attributes:
        backbone: the name of its family.
        tap: the layer that it ends at, or several with ``+`` between them.
        image_size: its input side in pixels.
        accuracy: share of the training and validation photos that it names right, cross-validated.
        standard_error: standard error of the accuracy.
        ms: milliseconds of one inference.
        estimated: whether the milliseconds were computed from those of other networks instead of measured.
        bytes: size of the file.
    """

    backbone: str = DEFAULT
    tap: str
    image_size: int
    accuracy: float
    standard_error: float
    ms: float
    estimated: bool
    bytes: int

    @property
    def megabytes(self) -> float:
        """The file's size in MB of 1e6 bytes."""
        return self.bytes / 1e6

    @property
    def network(self) -> str:
        """Its family and tap for a person."""
        return f"{self.backbone} {self.tap}"

    @property
    def shown(self) -> str:
        """Its name for a person."""
        return shape_name(self.shape)

    @property
    def shape(self) -> Shape:
        """What its latency depends on."""
        return self.backbone, self.tap, self.image_size

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Limits:
    """The limits that the winner must meet.

    Attributes:
        max_ms: milliseconds of one inference at most.
        max_mb: MB of the file at most.
        min_accuracy: least accuracy, cross-validated.
        within: how far below the best accuracy a faster network may be.
    """

    max_ms: Annotated[float | None, Option(low=0, above_zero=True, help="Milliseconds of one inference at most.")] = (
        None
    )
    max_mb: Annotated[float | None, Option(low=0, above_zero=True, help="Size of the file at most, in MB.")] = None
    min_accuracy: Annotated[
        float | None, Option(low=0, high=1, help="Accuracy that is enough, cross-validated, as in 0.97.")
    ] = None
    within: Annotated[
        float,
        Option(
            low=0,
            high=1,
            help="How far below the best accuracy a faster network may be, without --min-accuracy.",
        ),
    ] = 0.01

    def misses(self, candidate: Candidate) -> dict[str, float]:
        """By option, how far beyond a limit a candidate lies, as a share of the limit; empty if it meets all."""
        found = {}
        if self.max_ms is not None and candidate.ms > self.max_ms:
            found["--max-ms"] = candidate.ms / self.max_ms - 1
        if self.max_mb is not None and candidate.megabytes > self.max_mb:
            found["--max-mb"] = candidate.megabytes / self.max_mb - 1
        if self.min_accuracy is not None and candidate.accuracy < self.min_accuracy - _ROUNDING:
            found["--min-accuracy"] = 1 - candidate.accuracy / self.min_accuracy
        return found

    def missed(self, candidate: Candidate, photos: int) -> str:
        """Describes the limits that a candidate misses, with enough digits to tell it from a limit copied from a table.

        Args:
            candidate: a candidate that misses a limit.
            photos: number of photos that its accuracy was measured on.
        """
        misses = []
        missed = self.misses(candidate)
        if self.max_ms is not None and "--max-ms" in missed:
            misses.append(f"{apart(candidate.ms, self.max_ms, 1)} ms misses --max-ms {self.max_ms}")
        if self.max_mb is not None and "--max-mb" in missed:
            misses.append(f"{apart(candidate.megabytes, self.max_mb, 1)} MB misses --max-mb {self.max_mb}")
        if self.min_accuracy is not None and "--min-accuracy" in missed:
            share = apart(candidate.accuracy, self.min_accuracy)
            right = f"{round(candidate.accuracy * photos)} of {photos} photos"
            misses.append(f"accuracy {share} ({right}) misses --min-accuracy {self.min_accuracy}")
        return " and ".join(misses)


def front(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates that no other beats in accuracy, latency and size at once, fastest first.

    Latency and size are rounded to a tenth, as in the table: smaller differences are noise.
    """

    def figures(candidate: Candidate) -> tuple[float, float, float]:
        return -candidate.accuracy, round(candidate.ms, 1), round(candidate.megabytes, 1)

    def beaten(candidate: Candidate) -> bool:
        mine = figures(candidate)
        return any(
            theirs != mine and all(a <= b for a, b in zip(theirs, mine, strict=True))
            for theirs in map(figures, candidates)
        )

    kept = [candidate for candidate in candidates if not beaten(candidate)]
    return tuple(sorted(kept, key=lambda candidate: (candidate.ms, -candidate.accuracy)))


def choose(candidates: Sequence[Candidate], limits: Limits) -> Candidate | None:
    """The fastest candidate that is good enough; None if none meets the limits.

    A candidate is good enough if it reaches ``min_accuracy``. Where that is not set, its accuracy must be within
    ``within`` of the best candidate that meets the other limits.
    """
    possible = [candidate for candidate in candidates if not limits.misses(candidate)]
    if not possible:
        return None
    enough = limits.min_accuracy
    if enough is None:
        enough = max(candidate.accuracy for candidate in possible) - limits.within
    good = [candidate for candidate in possible if candidate.accuracy >= enough - _ROUNDING]
    return min(good, key=lambda candidate: (cost(candidate)[0], -candidate.accuracy, candidate.bytes))


def within_one_error(candidates: Sequence[Candidate], limits: Limits) -> tuple[Candidate, ...]:
    """The candidates whose accuracy is within one standard error of the best, fastest first.

    All of them meet the limits, and so does the best. Source of the rule: L. Breiman et al., "Classification and
    Regression Trees" (1984), 3.4.3.
    """
    possible = [candidate for candidate in candidates if not limits.misses(candidate)]
    best = max(possible, key=lambda candidate: candidate.accuracy, default=None)
    if best is None:
        return ()
    enough = best.accuracy - best.standard_error - _ROUNDING
    return tuple(sorted((one for one in possible if one.accuracy >= enough), key=cost))


def cost(candidate: Candidate) -> tuple[float, int]:
    """Milliseconds to a tenth and bytes; rounded as for the front, so that the chosen candidate is on it."""
    return round(candidate.ms, 1), candidate.bytes


def nearest(candidates: Sequence[Candidate], limits: Limits) -> Candidate:
    """The candidate that exceeds the limits the least."""
    return min(candidates, key=lambda candidate: (sum(limits.misses(candidate).values()), candidate.ms))
