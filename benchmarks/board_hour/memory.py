"""Reads the memory of a process and its children from ``/proc``, and sums it up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

_FIGURE = re.compile(r"^(Rss|Pss|Anonymous): +(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Memory:
    """The memory of a process and all below it.

    Attributes:
        at_s: seconds since the process was ready.
        rss_kb: resident memory, in which what they share counts for each.
        pss_kb: proportional memory, in which it is divided, also among other programs of the machine.
        own_kb: memory that belongs to no file, so to no other program: what a leak would add to.
        processes: how many there are.
    """

    at_s: float
    rss_kb: int
    pss_kb: int
    own_kb: int
    processes: int


def read_memory(pid: int, at_s: float) -> Memory:
    """Reads the memory of a process and of its children."""
    rss = pss = own = count = 0
    for each in _with_children(pid):
        try:
            found = dict(_FIGURE.findall(Path(f"/proc/{each}/smaps_rollup").read_text()))
        except (OSError, ValueError):  # it has just ended
            continue
        rss, pss, own = rss + int(found["Rss"]), pss + int(found["Pss"]), own + int(found["Anonymous"])
        count += 1
    return Memory(at_s, rss, pss, own, count)


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _with_children(int(child))


def slope_kb_h(samples: Sequence[Memory]) -> float:
    """The growth of the memory of no file in kB an hour: a straight line of least squares through all samples."""
    times = np.array([sample.at_s for sample in samples])
    return float(np.polyfit(times, [sample.own_kb for sample in samples], 1)[0] * 3600)


def table(samples: Sequence[Memory], notes: dict[int, str]) -> list[str]:
    """The median of each minute, as lines of Markdown.

    Args:
        samples: in the order of their times.
        notes: what happened in a minute, by its number from 0.
    """
    lines = [
        "| minute | RSS in MB | PSS in MB | of no file, in MB | processes | |",
        "| --: | --: | --: | --: | --: | --- |",
    ]
    for minute in range(int(samples[-1].at_s // 60) + 1):
        within = [sample for sample in samples if sample.at_s // 60 == minute]
        if within:
            names = ("rss_kb", "pss_kb", "own_kb")
            rss, pss, own = (median(getattr(sample, name) for sample in within) / 1000 for name in names)
            processes = max(sample.processes for sample in within)
            lines.append(
                f"| {minute + 1} | {rss:.1f} | {pss:.1f} | {own:.1f} | {processes} | {notes.get(minute, '')} |"
            )
    return lines
